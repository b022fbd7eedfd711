"""The replicated machine with its fault points, for a node that has some armed."""

from stepraft.server.faults import Faults
from stepraft.server.raft.contract import ReplicatedMachine
from stepraft.storage.snapshot import (
    SnapshotHead,
    SnapshotPart,
    SnapshotSource,
    SnapshotTarget,
)


class FaultyMachine:
    """A `ReplicatedMachine` that may end the process before or after it applies an entry or
    installs a snapshot, and in the middle of taking one in.
    """

    def __init__(self, machine: ReplicatedMachine, faults: Faults) -> None:
        self._machine = machine
        self._faults = faults

    @property
    def applied_index(self) -> int:
        """The index of the last applied entry."""
        return self._machine.applied_index

    @property
    def applied_term(self) -> int:
        """The term of the last applied entry."""
        return self._machine.applied_term

    @property
    def installed_index(self) -> int:
        """The index of the snapshot that the state began as."""
        return self._machine.installed_index

    @property
    def checksum(self) -> int:
        """The checksum of all that is applied."""
        return self._machine.checksum

    @property
    def membership(self) -> bytes:
        """Who the members are, as last applied."""
        return self._machine.membership

    def apply(self, index: int, term: int, entry: bytes) -> None:
        """Apply one entry, unless the process dies here."""
        self._faults.reach("machine.before_apply")
        self._machine.apply(index, term, entry)
        self._faults.reach("machine.after_apply")

    def apply_membership(self, index: int, term: int, data: bytes) -> None:
        """Apply an entry that names the members, unless the process dies here."""
        self._faults.reach("machine.before_apply")
        self._machine.apply_membership(index, term, data)
        self._faults.reach("machine.after_apply")

    def sync(self) -> int:
        """Make all that is applied durable; return its index."""
        return self._machine.sync()

    def checksum_at(self, index: int) -> int | None:
        """Return the checksum as it was at `index`."""
        return self._machine.checksum_at(index)

    def open_snapshot(self) -> SnapshotSource:
        """Return all that is applied by now."""
        return self._machine.open_snapshot()

    def begin_install(self, head: SnapshotHead) -> SnapshotTarget:
        """Begin to take a snapshot in, or go on with it."""
        return _FaultyTarget(self._machine.begin_install(head), self._faults)

    def abandon(self) -> None:
        """Forget the state."""
        self._machine.abandon()


class _FaultyTarget:
    """A `SnapshotTarget` that may end the process."""

    def __init__(self, target: SnapshotTarget, faults: Faults) -> None:
        self._target = target
        self._faults = faults

    @property
    def head(self) -> SnapshotHead:
        return self._target.head

    @property
    def cursor(self) -> bytes:
        return self._target.cursor

    def write(self, part: SnapshotPart) -> None:
        self._target.write(part)
        self._faults.reach("snapshot.after_part")

    def install(self) -> None:
        self._faults.reach("snapshot.before_install")
        self._target.install()
        self._faults.reach("snapshot.after_install")

    def discard(self) -> None:
        self._target.discard()
