"""What became of a case, level by level."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from tests.conformance.cases import Case


class Level(StrEnum):
    """How closely a run is compared with the recording."""

    OUTCOME = "L1"
    """Status, and output or error; whether there is a cause."""
    CAUSE = "L1c"
    """Also the cause, word for word."""
    TYPES = "L2"
    """The sequence of the history's event types."""
    DETAILS = "L3"
    """Every event's details and ids."""


ALL_LEVELS = tuple(Level)


@dataclass
class Result:
    """What became of one case. A level is absent where the recording has nothing to compare."""

    case: Case
    passed: dict[Level, bool] = field(default_factory=dict)
    notes: dict[Level, str] = field(default_factory=dict)

    def set(self, level: Level, passed: bool, notes: Iterable[str] = ()) -> None:
        """Note one level; `notes` say what differs where it does."""
        self.passed[level] = passed
        if not passed:
            self.notes[level] = "; ".join(notes)

    def fail(self, levels: Iterable[Level], note: str) -> None:
        """Note all these levels as failed for one reason."""
        for level in levels:
            self.set(level, False, [note])
