"""How long a disk takes to make writes durable: a mean over the last seconds."""

from collections import deque
from typing import Final

WINDOW_S: Final = 3.0
_SYNCS_MIN: Final = 3


class SyncTimes:
    """The syncs of the last `WINDOW_S` seconds; times are seconds of the Raft clock."""

    def __init__(self) -> None:
        self._syncs: deque[tuple[float, float]] = deque()
        self._total_s = 0.0

    def note(self, began_at: float, ended_at: float) -> None:
        """A sync was waited for."""
        self._syncs.append((ended_at, ended_at - began_at))
        self._total_s += ended_at - began_at

    def mean_s(self, at: float) -> float | None:
        """How long one took on average; None when there were too few to tell."""
        while self._syncs and self._syncs[0][0] < at - WINDOW_S:
            self._total_s -= self._syncs.popleft()[1]
        if len(self._syncs) < _SYNCS_MIN:
            return None
        return max(0.0, self._total_s / len(self._syncs))
