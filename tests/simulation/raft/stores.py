"""A node's machine in the simulation: what of it survives a crash, and what a power cut."""

from collections.abc import Callable
from random import Random

from stepraft.storage.snapshot import (
    SnapshotHead,
    SnapshotPart,
    SnapshotSource,
    SnapshotTarget,
)
from tests.server.raft.lists import Incoming, ListSource, ListTarget, Row, chained
from tests.simulation.raft.disks import SimulatedDisk
from tests.simulation.raft.history import History, Violation


class Store:
    """Its state is the log that it applied: all of it survives a crash, the synced part a power cut
    for sure. `disk` is where its node can die in the middle of an operation.

    `spoils_next`: the next entry is applied wrongly, and nobody is told. `installs`: how many
    snapshots it took over; `has_news`: one since this was last set to False.
    """

    def __init__(self, node_id: str, history: History, disk: SimulatedDisk) -> None:
        self.node_id = node_id
        self._history = history
        self._disk = disk
        self._incoming: Incoming | None = None
        self.log: list[Row] = []
        self.installed_index = 0
        self.installs = 0
        self.has_news = False
        self.spoils_next = False
        self._checksums = [0]
        self._memberships = {0: b""}
        self._durable = 0
        self._holes_from: int | None = None

    @property
    def applied_index(self) -> int:
        return len(self.log)

    @property
    def applied_term(self) -> int:
        return self.log[-1][0] if self.log else 0

    @property
    def checksum(self) -> int:
        return self._checksums[-1]

    @property
    def membership(self) -> bytes:
        return self._memberships[max(self._memberships)]

    @property
    def is_spoilt(self) -> bool:
        """Whether it holds what was never in the log."""
        return any(row != self._history.log[i] for i, row in enumerate(self.log, 1))

    def checksum_at(self, index: int) -> int | None:
        return self._checksums[index] if index < len(self._checksums) else None

    def apply(self, index: int, term: int, entry: bytes) -> None:
        if index != len(self.log) + 1:
            raise Violation(f"ORDER: {self.node_id} applies {index} after {len(self.log)}")
        self._history.on_applied(self.node_id, index, term, entry)
        spoilt, self.spoils_next = b"!" if self.spoils_next else b"", False
        self.log.append((term, entry + spoilt))
        self._checksums.append(chained(self._checksums[-1], self.log[-1]))

    def apply_membership(self, index: int, term: int, data: bytes) -> None:
        self.apply(index, term, data)
        self._history.on_membership(index, data)
        self._memberships[index] = data

    def sync(self) -> int:
        self._do(self._make_durable)
        return self._durable

    def cut_power(self, random: Random) -> None:
        """Forget some of what was not synced."""
        if self._holes_from is not None:
            holes = len(self.log) - self._holes_from
            self.log[self._holes_from :] = [(0, b"lost")] * holes
            self._holes_from = None
        kept = random.randint(self._durable, len(self.log))
        del self.log[kept:]
        del self._checksums[kept + 1 :]
        self._memberships = {i: each for i, each in self._memberships.items() if i <= kept}

    # Snapshots

    def open_snapshot(self) -> SnapshotSource:
        head = SnapshotHead(
            index=self.applied_index,
            term=self.applied_term,
            checksum=self.checksum,
            cluster_id="simulated",
            format_version=1,
            feature_level=1,
            membership=self.membership,
        )
        return ListSource(head, self.log)

    def begin_install(self, head: SnapshotHead) -> SnapshotTarget:
        if head.index <= self.applied_index:
            raise Violation(f"BACK: {self.node_id} takes {head.index} at {self.applied_index}")
        begun = self._incoming
        if begun is None or begun.head != head:
            self._incoming = Incoming(head=head, rows=[])
        else:
            del begun.rows[begun.durable_count :]
            begun.cursor, begun.is_whole = begun.durable_cursor, False
        assert self._incoming is not None
        return _Target(self, self._incoming)

    def abandon(self) -> None:
        self._do(self._forget)

    def write(self, write: Callable[[], None]) -> None:
        """Take a part in; now and then, what has come is on the disk for sure."""
        self._do(write)
        incoming = self._incoming
        if incoming is not None and self._disk.random.random() < 0.3:
            incoming.durable_count = len(incoming.rows)
            incoming.durable_cursor = incoming.cursor

    def install(self, incoming: Incoming) -> None:
        """Switch to what came: to what the log says, and never back."""
        index = incoming.head.index
        if index <= self.applied_index:
            raise Violation(f"BACK: {self.node_id} goes from {self.applied_index} to {index}")
        expected = [self._history.log[i] for i in range(1, index + 1)]
        if incoming.rows != expected:
            raise Violation(f"SNAPSHOT: {self.node_id} installs {index}, which is not the log")
        self._do(lambda: self._make_incoming_durable(incoming))
        self._do(lambda: self._switch(incoming))

    def discard(self) -> None:
        self._incoming = None

    def _make_durable(self) -> None:
        self._durable = len(self.log)

    def _forget(self) -> None:
        self._memberships = {0: self.membership}
        self.log, self._checksums = [], [0]
        self._durable = self.installed_index = 0
        self._holes_from = None

    def _make_incoming_durable(self, incoming: Incoming) -> None:
        incoming.durable_count = len(incoming.rows)
        incoming.durable_cursor = incoming.cursor

    def _switch(self, incoming: Incoming) -> None:
        self.installs += 1
        self.has_news = True
        self._forget()
        for row in incoming.rows:
            self.log.append(row)
            self._checksums.append(chained(self._checksums[-1], row))
        self._memberships = {0: incoming.head.membership}
        self.installed_index = self._durable = incoming.head.index
        if incoming.durable_count < len(incoming.rows):
            self._holes_from = incoming.durable_count
        self._incoming = None

    def _do(self, action: Callable[[], None]) -> None:
        dies = self._disk.dies_now()
        if not dies or self._disk.random.random() < 0.5:
            action()
        self._disk.end_if(dies)


class _Target(ListTarget):
    """A snapshot on its way into a store."""

    def __init__(self, store: Store, incoming: Incoming) -> None:
        super().__init__(incoming, store.install, store.discard)
        self._store = store

    def write(self, part: SnapshotPart) -> None:
        self._store.write(lambda: super(_Target, self).write(part))
