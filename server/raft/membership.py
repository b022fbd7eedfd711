"""Who belongs to the group: one value, which rides in the log as a whole.

A change of it replaces the whole value, so every entry can be read by itself. Voters differ by at
most one from one value to the next: two majorities then always have a member in common.

Source: D. Ongaro, "Consensus: Bridging Theory and Practice", sections 4.1 and 4.2.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec
from msgspec import Struct


class Standing(StrEnum):
    """What a member counts for."""

    VOTER = "voter"
    LEARNER = "learner"
    """Gets every entry, counts for nothing, and becomes a voter once it has caught up."""


class Member(Struct, frozen=True, array_like=True):
    """One member: `host:port` of its Raft port and of the port that serves callers."""

    raft: str
    grpc: str
    standing: Standing


class Membership(Struct, frozen=True):
    """All members by node id."""

    members: dict[str, Member]

    @property
    def voters(self) -> tuple[str, ...]:
        """Those who count, in the order of their ids."""
        return self._with_standing(Standing.VOTER)

    @property
    def learners(self) -> tuple[str, ...]:
        """Those who do not count yet, in the order of their ids."""
        return self._with_standing(Standing.LEARNER)

    @property
    def majority(self) -> int:
        """How many voters decide."""
        return len(self.voters) // 2 + 1

    def with_member(self, node_id: str, member: Member) -> "Membership":
        """The same with one member added or replaced."""
        return Membership(self.members | {node_id: member})

    def without(self, node_id: str) -> "Membership":
        """The same with one member fewer."""
        return Membership({n: member for n, member in self.members.items() if n != node_id})

    def with_voter(self, node_id: str) -> "Membership":
        """The same with a learner that has become a voter."""
        learner = self.members[node_id]
        return self.with_member(node_id, Member(learner.raft, learner.grpc, Standing.VOTER))

    def encode(self) -> bytes:
        """The bytes of the log entry: the same on every node, in the order of the ids."""
        return msgspec.msgpack.encode(dict(sorted(self.members.items())))

    @staticmethod
    def decode(data: bytes) -> "Membership":
        """Read an entry. Errors: msgspec.ValidationError, msgspec.DecodeError."""
        return Membership(msgspec.msgpack.decode(data, type=dict[str, Member]))

    @staticmethod
    def is_valid(data: bytes) -> bool:
        """Whether `data` can be read, and somebody votes."""
        try:
            return bool(Membership.decode(data).voters)
        except msgspec.MsgspecError:
            return False

    @staticmethod
    def of_voters(raft: Mapping[str, str], grpc: Mapping[str, str]) -> "Membership":
        """The membership that a new group begins with: all vote; `raft` and `grpc` by node id."""
        return Membership(
            {
                node_id: Member(raft[node_id], grpc.get(node_id, ""), Standing.VOTER)
                for node_id in sorted(raft)
            }
        )

    def _with_standing(self, standing: Standing) -> tuple[str, ...]:
        return tuple(sorted(n for n, each in self.members.items() if each.standing is standing))


class AddMember(Struct, frozen=True):
    """A new member joins, as a learner; the leader makes it a voter once it has caught up."""

    node_id: str
    raft: str
    grpc: str


class RemoveMember(Struct, frozen=True):
    """A member leaves for good."""

    node_id: str


class UpdateMember(Struct, frozen=True):
    """A member has new addresses."""

    node_id: str
    raft: str
    grpc: str


Change = AddMember | RemoveMember | UpdateMember


class ChangeKind(StrEnum):
    """How a change of the membership, or a transfer of leadership, ends."""

    DONE = "done"
    NOT_LEADER = "not_leader"
    """Ask the leader; a leader that is to be removed has just handed over."""

    REFUSED = "refused"
    """Nothing was changed; the text says which rule is against it."""

    UNKNOWN = "unknown"
    """It may or may not come about: look at the status."""


class ChangeResult(Struct, frozen=True):
    """How it ended; `text` says why, for people, and is empty when it is done."""

    kind: ChangeKind
    text: str = ""
