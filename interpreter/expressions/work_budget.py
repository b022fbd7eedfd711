"""A bound on the work of one evaluation, so that no expression can hold up a node."""

from typing import Final

from stepraft.interpreter.documents import Json
from stepraft.interpreter.errors import RUNTIME, LanguageError

STEPS_MAX: Final = 250_000
"""Nodes that one evaluation may visit; a 256 KiB document has at most about 130,000."""


class WorkBudget:
    """Counts the nodes that the evaluation of `text` visits."""

    __slots__ = ("_left", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._left = STEPS_MAX

    def spend(self, steps: int) -> None:
        """Count `steps` nodes. Raises LanguageError (States.Runtime) when too many were visited."""
        self._left -= steps
        if self._left < 0:
            raise LanguageError(
                RUNTIME,
                f"Invalid path '{self._text}' : its evaluation visits more than {STEPS_MAX} nodes",
            )

    def spend_on_all_of(self, value: Json) -> None:
        """Count `value` and all nodes below it."""
        self.spend(1)
        if isinstance(value, (dict, list)):
            for item in value.values() if isinstance(value, dict) else value:
                self.spend_on_all_of(item)
