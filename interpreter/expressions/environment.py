"""What an expression may read besides its document: context object, variables, entropy.

Source: https://states-language.net/spec.html#context-object and #variables
"""

import hashlib
from collections.abc import Callable, Mapping

from stepraft.interpreter.documents import Json


class Environment:
    """The surroundings in which one state's expressions are evaluated.

    `context` makes the Context Object; it is called at most once, and only if an expression reads
    `$$`. `variables` maps names without `$` to values. `entropy` feeds States.UUID and
    States.MathRandom: equal entropy gives equal draws, so pass fresh bytes for each evaluation.
    """

    __slots__ = ("_context", "_draws", "_entropy", "_make_context", "variables")

    def __init__(
        self, context: Callable[[], Json], variables: Mapping[str, Json], entropy: bytes
    ) -> None:
        self.variables = variables
        self._make_context: Callable[[], Json] | None = context
        self._context: Json = None
        self._entropy = entropy
        self._draws = 0

    @property
    def context(self) -> Json:
        """The Context Object, `$$`."""
        if self._make_context is not None:
            self._context = self._make_context()
            self._make_context = None
        return self._context

    def draw(self) -> bytes:
        """Return the next 32 bytes that look random; each call gives others."""
        self._draws += 1
        return hashlib.sha256(b"%d:%b" % (self._draws, self._entropy)).digest()
