"""What an expression may read besides its document, and how much work it may make.

Source: https://states-language.net/spec.html#context-object and #variables
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Final

from stepraft.interpreter.documents import Json
from stepraft.interpreter.errors import RUNTIME, LanguageError

STEPS_MAX: Final = 500_000
"""Steps that the expressions of one state may take together: nodes visited by searching paths and
by functions. A document of 256 KiB has at most about 130,000 nodes.
"""


def uuid_of(entropy: bytes) -> str:
    """Return a version 4 UUID: its first 16 bytes, but for the bits of version and variant."""
    bits = int.from_bytes(entropy[:16])
    bits = bits & ~(0xF << 76) | 0x4 << 76
    digits = f"{bits & ~(0x3 << 62) | 0x2 << 62:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


class Environment:
    """The surroundings in which one state's expressions are evaluated.

    `context` makes the Context Object; it is called at most once, and only if an expression reads
    `$$`. `variables` maps names without `$` to values. `entropy` feeds States.UUID and
    States.MathRandom: equal entropy gives equal draws, so pass fresh bytes for each state. `now_ms`
    is the time of the evaluation, in Unix milliseconds.
    """

    __slots__ = (
        "_context",
        "_draws",
        "_entropy",
        "_make_context",
        "_steps_left",
        "now_ms",
        "variables",
    )

    def __init__(
        self,
        context: Callable[[], Json],
        variables: Mapping[str, Json],
        entropy: bytes,
        now_ms: int = 0,
    ) -> None:
        self.now_ms = now_ms
        self.variables = variables
        self._make_context: Callable[[], Json] | None = context
        self._context: Json = None
        self._entropy = entropy
        self._draws = 0
        self._steps_left = STEPS_MAX

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

    def spend(self, steps: int) -> None:
        """Count steps of work. Raises LanguageError (States.Runtime) when they are too many."""
        self._steps_left -= steps
        if self._steps_left < 0:
            raise LanguageError(
                RUNTIME, f"The expressions of the state take more than {STEPS_MAX} steps."
            )

    def spend_on_all_of(self, value: Json) -> None:
        """Count one step for `value` and each node below it."""
        waiting = [value]
        while waiting:
            current = waiting.pop()
            self.spend(1)
            if isinstance(current, (dict, list)):
                waiting.extend(current.values() if isinstance(current, dict) else current)
