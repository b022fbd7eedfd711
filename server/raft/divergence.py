"""Who is wrong when checksums differ: what a leader concludes from what its followers report.

Each acknowledgement carries the follower's checksum at its applied index, which the leader compares
with its own at that index. Checksums are chained, so two that are equal prove that all before them
was, and two that differ differ from then on. Nobody is told to forget a state unless a majority of
the voters agrees on another one.
"""

from collections import deque
from collections.abc import Collection

from msgspec import Struct, field

_REPORTS_KEPT = 64

Report = tuple[int, int]
"""An applied index and the checksum there."""


class _Compared(Struct):
    """One follower: up to where it was equal, and since when it is not (0: it is).

    `reports` are its latest ones that differ: those who differ agree with one another, or not.
    """

    agreed_index: int = 0
    differs_since: int = 0
    reports: deque[Report] = field(default_factory=lambda: deque(maxlen=_REPORTS_KEPT))


class Comparison:
    """The followers' checksums beside the leader's own, during one reign."""

    def __init__(self) -> None:
        self._compared: dict[str, _Compared] = {}

    def note(self, node_id: str, report: Report, own_checksum: int) -> bool:
        """A follower's report, and the leader's own checksum at that index; whether they differ for
        the first time.
        """
        each = self._compared.setdefault(node_id, _Compared())
        index, checksum = report
        if checksum == own_checksum:
            self._compared[node_id] = _Compared(agreed_index=max(each.agreed_index, index))
            return False
        is_news = each.differs_since == 0
        each.differs_since = each.differs_since or index
        each.reports.append(report)
        return is_news

    def forget(self, node_id: str) -> None:
        """The follower has no state to compare."""
        self._compared.pop(node_id, None)

    def is_wrong(self, node_id: str, others: Collection[str], majority: int) -> bool:
        """Whether a follower differs from a majority: this leader, and those of the `others` (the
        voters beside it) that agreed with it no earlier than the follower differed.
        """
        since = self._differs_since(node_id)
        return since > 0 and 1 + sum(self._agreed(each) >= since for each in others) >= majority

    def right_ones(self, others: Collection[str], majority: int) -> frozenset[str]:
        """The voters that agree on a state other than the leader's, when they are a majority."""
        holders: dict[Report, set[str]] = {}
        for node_id in others:
            for report in self._reports(node_id):
                holders.setdefault(report, set()).add(node_id)
        found = (frozenset(each) for each in holders.values() if len(each) >= majority)
        return next(found, frozenset())

    def is_open(self, others: Collection[str], majority: int) -> bool:
        """Whether a voter differs and nobody knows yet who is wrong."""
        return any(
            self._differs_since(each) and not self.is_wrong(each, others, majority)
            for each in others
        )

    def _differs_since(self, node_id: str) -> int:
        each = self._compared.get(node_id)
        return 0 if each is None else each.differs_since

    def _agreed(self, node_id: str) -> int:
        each = self._compared.get(node_id)
        return 0 if each is None or each.differs_since else each.agreed_index

    def _reports(self, node_id: str) -> deque[Report]:
        each = self._compared.get(node_id)
        return deque() if each is None else each.reports
