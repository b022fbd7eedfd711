"""What an evaluation carries along: the variables in scope, and how much work is left."""

from typing import Any, Final, Protocol

from stepraft.interpreter.expressions.jsonata.errors import JsonataError
from stepraft.interpreter.expressions.jsonata.values import UNDEFINED, Value

TOO_DEEP: Final = "Stack overflow error: Check for non-terminating recursive function."
DEPTH_MAX: Final = 200
"""How deep functions may call one another; calls in tail position do not count."""

STEPS_MAX: Final = 1_000_000
BYTES_MAX: Final = 16 << 20


class Source(Protocol):
    """Where an evaluation gets what no document holds; the same answers give the same result."""

    @property
    def now_ms(self) -> int:
        """The time of the evaluation, in Unix milliseconds."""

    def draw(self) -> bytes:
        """Return the next 32 bytes that look random."""


class Run:
    """One evaluation. `steps_left`: how much may still be done."""

    __slots__ = ("depth", "depth_max", "source", "steps_left", "steps_max")

    def __init__(
        self, source: Source, *, steps_max: int = STEPS_MAX, depth_max: int = DEPTH_MAX
    ) -> None:
        self.source = source
        self.steps_max = steps_max
        self.steps_left = steps_max
        self.depth = 0
        self.depth_max = depth_max

    def spend(self, steps: int) -> None:
        """Count work. Errors: JsonataError U1001."""
        self.steps_left -= steps
        if self.steps_left < 0:
            raise JsonataError(
                "U1001", value=f"The expression takes more than {self.steps_max} steps"
            )

    def spend_on_text(self, length: int) -> None:
        """Count the making of a text, before it is made. Errors: JsonataError U1001."""
        if length > BYTES_MAX:
            raise JsonataError("U1001", value=f"A text of more than {BYTES_MAX} bytes")
        self.spend(length >> 6)


class Frame:
    """The variables of one scope, within those of the scope around it."""

    __slots__ = ("names", "outer", "run")

    def __init__(self, run: Run, outer: "Frame | None", names: dict[str, Any]) -> None:
        self.run = run
        self.outer = outer
        self.names = names

    def inner(self, names: dict[str, Any] | None = None) -> "Frame":
        """Return a scope within this one."""
        return Frame(self.run, self, {} if names is None else names)

    def lookup(self, name: str) -> Value:
        """Return the value of a variable, UNDEFINED when there is none."""
        frame: Frame | None = self
        while frame is not None:
            if name in frame.names:
                return frame.names[name]
            frame = frame.outer
        return UNDEFINED
