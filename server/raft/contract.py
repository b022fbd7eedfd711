"""What the Raft layer promises to the rest of the server, and the machine that it drives."""

from enum import IntEnum, StrEnum
from typing import Protocol

from msgspec import Struct

from stepraft.server.raft.membership import Membership, Standing
from stepraft.storage.snapshot import SnapshotHead, SnapshotSource, SnapshotTarget


class StartError(Exception):
    """The node must not start: the text says which file, port or setting is wrong, and why."""


class DamageError(StartError):
    """What this node keeps is damaged, and only the other nodes can replace it."""


class RoleKind(StrEnum):
    """What a node is in its term."""

    FOLLOWER = "follower"
    CANDIDATE = "candidate"
    LEADER = "leader"


class Condition(StrEnum):
    """What keeps a node from its full part in the group, the most severe first."""

    NO_ROOM = "no_room"
    """Its disk is critically full: it takes no entries."""

    DIVERGED = "diverged"
    """Its state was found to be wrong and is given up; a snapshot is to replace it."""

    RECEIVING = "receiving"
    """Its state is behind the log: it waits for a snapshot, or takes one in."""

    FORMING = "forming"
    """Its folder is new, and not all members of the new group have been heard yet."""

    ABSTAINING = "abstaining"
    """It may have forgotten what it promised, and counts for nothing until it is readmitted."""

    LEARNER = "learner"
    """It is to become a voter, and catches up."""

    NORMAL = "normal"


class Room(IntEnum):
    """What a disk has left; the higher, the worse. The numbers go over the wire."""

    ENOUGH = 0
    LOW = 1
    CRITICAL = 2


class Shortage(Struct, frozen=True):
    """Why writes are refused: the room of `node_id`, its free bytes, and the limit it is below."""

    room: Room
    node_id: str
    free_bytes: int
    limit_bytes: int


class Role(Struct, frozen=True):
    """The part a node plays in one term; `leader_id` is None while it knows no leader."""

    kind: RoleKind
    term: int
    leader_id: str | None


class ProposalKind(StrEnum):
    """The three ways in which a proposal ends."""

    APPLIED = "applied"
    """Committed, and `machine.apply` has returned."""

    REFUSED = "refused"
    """Certainly not in the log."""

    UNKNOWN = "unknown"
    """In the log of this node, perhaps of others: it may still commit."""


class ProposalResult(Struct, frozen=True):
    """How a proposal ended; `index` is its place in the log, 0 when refused."""

    kind: ProposalKind
    index: int


class PeerStatus(Struct, frozen=True):
    """Another member as this node sees it. Only a leader knows a `match_index` above 0, and
    whether the member is abstaining.

    `supported_level`: the highest feature level that its program supports; 0 while it is not
    connected. `snapshot_bytes`: how much a leader has sent of a snapshot, 0 when none is on its way
    to the member.
    """

    node_id: str
    match_index: int
    is_connected: bool
    supported_level: int = 0
    standing: Standing = Standing.VOTER
    is_abstaining: bool = False
    snapshot_bytes: int = 0


class RaftStatus(Struct, frozen=True):
    """A node at the end of one tick; indexes count log entries from 1.

    `membership`: by the newest entry of its log that says so, committed or not; `peers`: the
    members beside this node. `waits_for`: the members that a forming node has yet to hear.

    `shortage`: why the group takes no new work, or nothing at all; only a leader knows.
    """

    node_id: str
    role: RoleKind
    term: int
    leader_id: str | None
    commit_index: int
    applied_index: int
    first_index: int
    last_index: int
    peers: tuple[PeerStatus, ...]
    shortage: Shortage | None = None
    membership: Membership = Membership({})
    condition: Condition = Condition.NORMAL
    waits_for: tuple[str, ...] = ()


class ReplicatedMachine(Protocol):
    """What the log drives: called in the Raft thread only, in log order, each index once."""

    @property
    def applied_index(self) -> int:
        """The index of the last applied entry, 0 before the first."""

    @property
    def applied_term(self) -> int:
        """The term of that entry, 0 before the first."""

    @property
    def installed_index(self) -> int:
        """The `head.index` of the snapshot that this state began as, 0 for one that began empty.

        While it equals `applied_index`, the log need not reach there yet: a crash may have come
        between installing the snapshot and resetting the log.
        """

    @property
    def checksum(self) -> int:
        """Equal on replicas with the same `applied_index`, or one of them is wrong."""

    @property
    def membership(self) -> bytes:
        """What the last applied membership entry holds; b"" before the first. It outlives
        `abandon`.
        """

    def apply(self, index: int, term: int, entry: bytes) -> None:
        """Apply one entry; b"" stands for an entry of Raft's own, which only advances the index.

        An exception stops the node: going on would let the replicas diverge.
        """

    def apply_membership(self, index: int, term: int, data: bytes) -> None:
        """Apply one entry that names the members: keep `data` as `membership`."""

    def sync(self) -> int:
        """Make all that is applied durable; return its index: the journal may be cut there."""

    def checksum_at(self, index: int) -> int | None:
        """The checksum as it was at `index`: known for the last 4096 entries of this life."""

    def open_snapshot(self) -> SnapshotSource:
        """All that is applied by now, as a snapshot to be sent or backed up."""

    def begin_install(self, head: SnapshotHead) -> SnapshotTarget:
        """Begin to take a snapshot in, or go on with it if one of the same head was begun, also
        before a restart. One of another head that was begun is dropped.

        Errors: SnapshotError: it is not ahead of `applied_index`, or is of another cluster, or a
        newer format or feature level than this program knows.
        """

    def abandon(self) -> None:
        """Forget the state, durably: it is wrong. `applied_index` is 0 from then on."""
