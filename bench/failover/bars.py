"""The bars, and figures that are held against them."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final


@dataclass(frozen=True)
class Figure:
    """One measured figure: what it is, its value with its unit, and the most that it may be.

    `bar` is None where the figure is for information only.
    """

    what: str
    value: float
    unit: str = "s"
    bar: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the bar, if there is one, is kept."""
        return self.bar is None or self.value <= self.bar

    @property
    def line(self) -> str:
        """The figure as a line of text."""
        text = f"{self.what}: {self.value:.2f} {self.unit}"
        if self.bar is None:
            return text
        return f"{text} (bar {self.bar:g}{'' if self.holds else ', MISSED'})"


KILLED_MEDIAN_S: Final = 0.7
KILLED_MAX_S: Final = 1.2
PLANNED_S: Final = 0.1
CUT_OFF_S: Final = 2.0
RESTART_S: Final = 10.0
SNAPSHOT_P99_RATIO: Final = 2.0
FSYNC_COST_PERCENT: Final = 30.0


def spread(
    what: str, values: Sequence[float], median_bar: float | None, max_bar: float | None
) -> list[Figure]:
    """Return median and maximum of what was measured several times, in seconds."""
    return [
        Figure(f"{what}, median of {len(values)}", median(values), bar=median_bar),
        Figure(f"{what}, maximum of {len(values)}", max(values), bar=max_bar),
    ]


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return what `percent` of the values do not exceed; `ordered` begins with the least."""
    return ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)]
