"""A machine for tests."""

from stepraft.storage.snapshot import SnapshotError, SnapshotHead, SnapshotSource, SnapshotTarget
from tests.server.raft.lists import Incoming, ListSource, ListTarget, Row, chained


class ListMachine:
    """Keeps what it applies, in memory alone."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.membership = b""
        self.installed_index = 0
        self._checksums = [0]

    @property
    def log(self) -> list[bytes]:
        return [entry for _, entry in self.rows]

    @property
    def applied_index(self) -> int:
        return len(self.rows)

    @property
    def applied_term(self) -> int:
        return self.rows[-1][0] if self.rows else 0

    @property
    def checksum(self) -> int:
        return self._checksums[-1]

    def apply(self, index: int, term: int, entry: bytes) -> None:
        assert index == len(self.rows) + 1
        self.rows.append((term, entry))
        self._checksums.append(chained(self._checksums[-1], self.rows[-1]))

    def apply_membership(self, index: int, term: int, data: bytes) -> None:
        self.apply(index, term, b"")
        self.membership = data

    def sync(self) -> int:
        return len(self.rows)

    def checksum_at(self, index: int) -> int | None:
        return self._checksums[index] if index < len(self._checksums) else None

    def open_snapshot(self) -> SnapshotSource:
        head = SnapshotHead(
            index=self.applied_index,
            term=self.applied_term,
            checksum=self.checksum,
            cluster_id="tests",
            format_version=1,
            feature_level=1,
            membership=self.membership,
        )
        return ListSource(head, self.rows)

    def begin_install(self, head: SnapshotHead) -> SnapshotTarget:
        return ListTarget(Incoming(head=head, rows=[]), self._install, lambda: None)

    def abandon(self) -> None:
        self.rows = []
        self._checksums = [0]

    def spoil(self) -> None:
        """Differ from the others from now on, without a word."""
        self.rows[-1] = (self.rows[-1][0], b"wrong")
        self._checksums[-1] ^= 1

    def _install(self, incoming: Incoming) -> None:
        if not incoming.is_whole:
            raise SnapshotError("parts are missing")
        self.abandon()
        for index, (term, entry) in enumerate(incoming.rows, 1):
            self.apply(index, term, entry)
        self.installed_index = incoming.head.index
        self.membership = incoming.head.membership
