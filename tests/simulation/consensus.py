"""Consensus as Raft promises it, and no better: one committed log, leaders that change, proposals
that are lost, or committed without their proposer learning it.

The real one has its own simulation beside this (`whole/`). The model stays for two things: it gives
the engine every answer that Raft may give, also those that the real one hardly ever does, and it is
ten times as fast.
"""

from collections import deque
from collections.abc import Callable
from random import Random

from msgspec import Struct

from stepraft.server.raft.contract import (
    PeerStatus,
    ProposalKind,
    ProposalResult,
    RaftStatus,
    Role,
    RoleKind,
)
from stepraft.server.raft.membership import Change, ChangeResult, Membership, Standing
from stepraft.server.raft.membership import Member as RaftMember
from stepraft.storage.machine import Machine
from stepraft.testing import VirtualLoop

Done = Callable[[ProposalResult], None]


class Chances(Struct):
    """How likely things go wrong, from 0 to 1; how long they take, in seconds."""

    refusal: float = 0.0
    commit_delay_s: float = 0.01
    apply_delay_s: float = 0.05
    notice_delay_s: float = 0.3


class Proposal(Struct):
    """An entry that its leader has in its log, and that may not be committed yet."""

    entry: bytes
    done: Done
    term: int


class Member:
    """A replica's part in the group, from the start of its process to its end: `ReplicatedLog`."""

    def __init__(
        self, group: "Group", node_id: str, machine: Machine, on_role: Callable[[Role], None]
    ) -> None:
        self.node_id = node_id
        self.machine = machine
        self.is_up = False
        self.term = 0
        self.is_leader = False
        self.tail: deque[Proposal] = deque()
        self.committed: dict[int, Done] = {}
        self._given_up: list[Proposal] = []
        self._group = group
        self._on_role = on_role

    # stepraft.server.engine.replicated_log.ReplicatedLog

    def start(self) -> None:
        self.is_up = True
        self._group.join(self)

    def stop(self) -> None:
        self.is_up = False
        self._group.leave(self)

    def propose(self, entry: bytes, done: Done) -> None:
        if self.is_up:
            self._group.propose(self, entry, done)

    def barrier(self, done: Callable[[bool], None]) -> None:
        if self.is_up:
            self._group.barrier(self, done)

    def change_membership(self, change: Change, done: Callable[[ChangeResult], None]) -> None:
        raise NotImplementedError("no part of the engine asks")

    def transfer_leadership(self, target: str | None, done: Callable[[ChangeResult], None]) -> None:
        raise NotImplementedError("no part of the engine asks")

    def status(self) -> RaftStatus:
        index = self.machine.applied_index
        return RaftStatus(
            node_id=self.node_id,
            role=RoleKind.LEADER if self.is_leader else RoleKind.FOLLOWER,
            term=self.term,
            leader_id=self._group.leader_id,
            commit_index=index,
            applied_index=index,
            first_index=1,
            last_index=index,
            peers=self._group.peers_of(self.node_id),
            membership=Membership(
                {node_id: RaftMember("", "", Standing.VOTER) for node_id in self._group.members}
            ),
        )

    # What the group does to it

    def learn_role(self, term: int, leader_id: str) -> None:
        """A node hears of a new term; nobody hears of an older one."""
        if not self.is_up or term <= self.term:
            return
        self.term = term
        self.is_leader = leader_id == self.node_id
        kind = RoleKind.LEADER if self.is_leader else RoleKind.FOLLOWER
        self._on_role(Role(kind=kind, term=term, leader_id=leader_id))
        self.give_up()
        lost, self._given_up = self._given_up, []
        for proposal in lost:
            proposal.done(ProposalResult(kind=ProposalKind.UNKNOWN, index=0))

    def give_up(self) -> list[Proposal]:
        """Leave it to the next leader what becomes of its uncommitted entries."""
        given_up, self.tail = list(self.tail), deque()
        self._given_up.extend(given_up)
        return given_up

    def apply(self, index: int, term: int, entry: bytes) -> None:
        """A committed entry reaches the machine."""
        self.machine.apply(index, term, entry)
        done = self.committed.pop(index, None)
        if done is not None:
            done(ProposalResult(kind=ProposalKind.APPLIED, index=index))


class Group:
    """The committed log and who leads. `on_commit`, `on_apply` watch."""

    def __init__(
        self,
        loop: VirtualLoop,
        chance: Random,
        on_commit: Callable[[int, bytes], None],
        on_apply: Callable[[Member], None],
    ) -> None:
        self.chances = Chances()
        self.members: dict[str, Member] = {}
        self.log: list[tuple[int, bytes]] = []
        self.term = 0
        self.leader_id: str | None = None
        self._last_leader: Member | None = None
        self._loop = loop
        self._chance = chance
        self._on_commit = on_commit
        self._on_apply = on_apply

    def peers_of(self, node_id: str) -> tuple[PeerStatus, ...]:
        """The others: who runs is connected, and has said what its program supports."""
        return tuple(
            PeerStatus(
                other.node_id,
                other.machine.applied_index,
                other.is_up,
                supported_level=other.machine.supported_level if other.is_up else 0,
            )
            for other in self.members.values()
            if other.node_id != node_id
        )

    def leader(self) -> Member | None:
        """The member that leads in truth; others may think that they still do."""
        return None if self.leader_id is None else self.members[self.leader_id]

    def replay(self, machine: Machine) -> None:
        """Apply the whole log to a new machine."""
        for index, (term, entry) in enumerate(self.log, start=1):
            machine.apply(index, term, entry)

    def join(self, member: Member) -> None:
        """A process starts, and hears of the leader soon."""
        self.members[member.node_id] = member
        if self.leader_id is not None:
            self._tell(member)
        self._apply_soon(member)

    def leave(self, member: Member) -> None:
        """A process ends; if it led, nobody does until the next election."""
        if self.leader_id == member.node_id:
            self.leader_id = None

    def elect(self, node_id: str) -> None:
        """Another term begins. Of what the old leader had not committed, some is in the new
        leader's log, and is committed now; the rest is gone.
        """
        old = self._last_leader
        if old is not None:
            given_up = old.give_up()
            for proposal in given_up[: self._chance.randint(0, len(given_up))]:
                self._append(proposal.term, proposal.entry)
        self.term += 1
        self.leader_id = node_id
        self._last_leader = self.members[node_id]
        self._append(self.term, b"")
        for member in self.members.values():
            self._tell(member)

    def _tell(self, member: Member) -> None:
        delay_s = self._chance.uniform(0, self.chances.notice_delay_s)
        assert self.leader_id is not None, "there is somebody to tell of"
        self._loop.call_later(delay_s, member.learn_role, self.term, self.leader_id)

    def propose(self, member: Member, entry: bytes, done: Done) -> None:
        """A node appends an entry to its log, if it thinks that it leads."""
        if not member.is_leader or self._chance.random() < self.chances.refusal:
            self._loop.call_soon(done, ProposalResult(kind=ProposalKind.REFUSED, index=0))
            return
        member.tail.append(Proposal(entry, done, member.term))
        delay_s = self._chance.uniform(0, self.chances.commit_delay_s)
        self._loop.call_later(delay_s, self._commit_oldest, member)

    def _commit_oldest(self, member: Member) -> None:
        leads = self.leader() is member and member.term == self.term
        if leads and member.tail:
            proposal = member.tail.popleft()
            member.committed[len(self.log) + 1] = proposal.done
            self._append(proposal.term, proposal.entry)

    def _append(self, term: int, entry: bytes) -> None:
        self.log.append((term, entry))
        self._on_commit(len(self.log), entry)
        for member in self.members.values():
            self._apply_soon(member)

    def _apply_soon(self, member: Member) -> None:
        delay_s = self._chance.uniform(0, self.chances.apply_delay_s)
        self._loop.call_later(delay_s, self._apply, member, len(self.log))

    def _apply(self, member: Member, to_index: int) -> None:
        while member.is_up and member.machine.applied_index < to_index:
            index = member.machine.applied_index + 1
            member.apply(index, *self.log[index - 1])
            self._on_apply(member)

    def barrier(self, member: Member, done: Callable[[bool], None]) -> None:
        """Answer when the node has applied what was committed, if it leads."""
        to_index = len(self.log)

        def answer() -> None:
            leads = self.leader() is member and member.term == self.term
            if leads and member.machine.applied_index < to_index:
                self._loop.call_later(self.chances.apply_delay_s, answer)
            else:
                done(leads)

        self._loop.call_soon(answer)
