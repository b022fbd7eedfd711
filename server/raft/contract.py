"""What the Raft layer promises to the rest of the server, and the machine that it drives."""

from enum import StrEnum
from typing import Protocol

from msgspec import Struct


class StartError(Exception):
    """The node must not start: the text says which file, port or setting is wrong, and why."""


class RoleKind(StrEnum):
    """What a node is in its term."""

    FOLLOWER = "follower"
    CANDIDATE = "candidate"
    LEADER = "leader"


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
    """Another member as this node sees it; only a leader knows a `match_index` above 0."""

    node_id: str
    match_index: int
    is_connected: bool


class RaftStatus(Struct, frozen=True):
    """A node at the end of one tick; indexes count log entries from 1."""

    node_id: str
    role: RoleKind
    term: int
    leader_id: str | None
    commit_index: int
    applied_index: int
    first_index: int
    last_index: int
    peers: tuple[PeerStatus, ...]


class ReplicatedMachine(Protocol):
    """What the log drives: called in the Raft thread only, in log order, each index once."""

    @property
    def applied_index(self) -> int:
        """The index of the last applied entry, 0 before the first."""

    def apply(self, index: int, term: int, entry: bytes) -> None:
        """Apply one entry; b"" stands for an entry of Raft's own, which only advances the index.

        An exception stops the node: going on would let the replicas diverge.
        """

    def sync(self) -> int:
        """Make all that is applied durable; return its index: the journal may be cut there."""
