"""Compiled definitions, kept: a version never changes, so it is compiled once."""

from collections import OrderedDict

from stepraft.interpreter.definition import Definition
from stepraft.interpreter.language.parse import parse_definition

Key = tuple[str, str, str, int]
"""Tenant, namespace, workflow, version."""


class Definitions:
    """The definitions last used, at most `size_max` of them."""

    def __init__(self, size_max: int = 1000) -> None:
        self._size_max = size_max
        self._compiled: OrderedDict[Key, Definition] = OrderedDict()

    def get(self, key: Key) -> Definition | None:
        """Return the compiled definition, or None when it has to be compiled."""
        definition = self._compiled.get(key)
        if definition is not None:
            self._compiled.move_to_end(key)
        return definition

    def compile(self, key: Key, text: str) -> Definition:
        """Compile and keep a definition that was valid when it was put."""
        definition = parse_definition(text)
        self._compiled[key] = definition
        if len(self._compiled) > self._size_max:
            self._compiled.popitem(last=False)
        return definition

    def clear(self) -> None:
        """Forget all of them: the state that they came from was replaced."""
        self._compiled.clear()
