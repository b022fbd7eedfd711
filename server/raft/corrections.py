"""pysyncobj's node with every audited finding corrected, driven tick by tick.

One tick answers what came, counts, applies, takes in, sends, syncs and then waits; the thread, the
sockets and the disk are somebody else's. The corrections of elections, of following and of leading
are in the files of that name; this one has the tick itself, applying and compaction.
"""

from collections.abc import Callable
from typing import Final, Protocol

from stepraft.server.raft.barriers import Barriers
from stepraft.server.raft.contract import (
    Condition,
    PeerStatus,
    RaftStatus,
    ReplicatedMachine,
    Role,
    RoleKind,
    Room,
)
from stepraft.server.raft.exposed import CANDIDATE, FOLLOWER, LEADER
from stepraft.server.raft.journal import Journal
from stepraft.server.raft.kinds import MEMBERSHIP, is_known
from stepraft.server.raft.library import now
from stepraft.server.raft.messages import (
    Append,
    Appended,
    Diverged,
    Mismatch,
    PreVote,
    PreVoteAnswer,
    RaftMessage,
    Readmitted,
    RequestVote,
    SnapshotOffer,
    SnapshotPiece,
    SnapshotTaken,
    StaleTerm,
    TimeoutNow,
    Vote,
)
from stepraft.server.raft.network import Network
from stepraft.server.raft.proposals import Proposals
from stepraft.server.raft.restoring import Restoring
from stepraft.server.raft.settings import RaftSettings
from stepraft.storage.newer import newer

_APPLY_ENTRIES: Final = 64
_APPLY_BYTES: Final = 1 << 20

_KINDS: Final = {
    FOLLOWER: RoleKind.FOLLOWER,
    CANDIDATE: RoleKind.CANDIDATE,
    LEADER: RoleKind.LEADER,
}


class Waiter(Protocol):
    """How a tick ends."""

    def poll(self, timeout_s: float) -> None:
        """Wait for messages and calls, at most this long."""


class CorrectedRaft(Restoring):
    """One node; `doTick` is called again and again by one thread."""

    def __init__(
        self,
        settings: RaftSettings,
        journal: Journal,
        network: Network,
        waiter: Waiter,
        machine: ReplicatedMachine,
        proposals: Proposals,
        barriers: Barriers,
        on_role: Callable[[Role], None],
    ) -> None:
        self._waiter = waiter
        self._on_role = on_role
        self._network_due_at = 0.0
        super().__init__(proposals, barriers, settings, journal, network, machine)
        self._poller = self
        self._role = self._current_role()
        self.status = self._current_status()
        """The node at the end of the last tick."""

    # The tick

    def _onTick(self, timeToWait: float = 0.0) -> None:  # noqa: N802, N803
        """Findings: the tick waits for a timer, walks over every entry, applies all at once.

        The library's own tick is left for what it does right: to start an election.
        """
        at = now()
        self._space.look(at)
        self._network_due_at = self._network.tick(at)
        self._pay()
        if self._should_stand(at):
            super()._onTick(timeToWait)
            return
        if self.is_leader:
            self._lead(at)
        self._tend_requests(at)
        self._SyncObj__applyLogEntries()
        self._checkCommandsToApply()
        self._SyncObj__tryLogCompaction()
        self.poll(timeToWait)

    def _lead(self, at: float) -> None:
        self._advance_commit()
        self._keep_or_lose_quorum(at)
        if self.is_leader:
            self._tend_members(at)
            self._seek_better_leader(at)
            self._send_snapshots()
        if self.is_leader and at >= self._leader_deadline():
            self._SyncObj__sendAppendEntries()

    def _checkCommandsToApply(self) -> None:  # noqa: N802
        """Finding "the queue does not wake the tick": one append, one send, one sync for all.

        The followers write while this node does.
        """
        at = now()
        self._proposals.expire(at)
        if not self.is_leader:
            self._proposals.refuse_queued()
            self._barriers.abandon()
            return
        if self._is_retiring:
            self._proposals.refuse_queued()
        elif self._handover is None and self._may_propose():
            self._append_proposals(at)
        self._open_barriers()
        self._send_to_all(is_heartbeat=False)
        self._sync_journal()
        self._advance_commit()
        self._settle_barriers(at)

    def poll(self, timeout_s: float) -> None:
        """Report what changed and wait until something is due; the library calls its poller so."""
        self._report()
        self._waiter.poll(max(timeout_s, 0.0) if self._has_work() else self._idle_s())

    def _has_work(self) -> bool:
        return self._may_apply() and self.applied_index < self.commit_index

    def _idle_s(self) -> float:
        own = self._leader_deadline() if self.is_leader else self.election_deadline
        return max(0.0, min(own, self._network_due_at, self._snapshots_due_at()) - now())

    def _report(self) -> None:
        role = self._current_role()
        if role != self._role:
            self._role = role
            self._on_role(role)
        self.status = self._current_status()

    def _current_role(self) -> Role:
        return Role(_KINDS[self.state], self.term, self.leader_id)

    def _current_status(self) -> RaftStatus:
        return RaftStatus(
            node_id=self._settings.node_id,
            role=self._role.kind,
            term=self._role.term,
            leader_id=self._role.leader_id,
            commit_index=self.commit_index,
            applied_index=self.applied_index,
            first_index=self._journal.first_index,
            last_index=self._journal.last_index,
            peers=tuple(map(self._peer_status, self._peer_members())),
            shortage=self._shortage() if self.is_leader else None,
            membership=self.membership,
            condition=self.condition(),
            waits_for=self._formation.missing,
        )

    def _peer_status(self, node_id: str) -> PeerStatus:
        progress = self._progress[node_id] if self.is_leader else None
        return PeerStatus(
            node_id,
            progress.match_index if progress is not None else 0,
            self.is_connected(node_id),
            supported_level=self._supported_levels.get(node_id, 0),
            standing=self.membership.members[node_id].standing,
            is_abstaining=progress is not None and progress.abstaining > 0,
            snapshot_bytes=self._sending.sent_bytes(node_id),
        )

    def condition(self) -> Condition:
        """What keeps this node from its full part in the group."""
        if self._space.room is Room.CRITICAL:
            return Condition.NO_ROOM
        if self.lacks_state:
            return Condition.DIVERGED if self._is_state_wrong else Condition.RECEIVING
        if not self._formation.may_vote:
            is_forming = self._formation.is_forming
            return Condition.FORMING if is_forming else Condition.ABSTAINING
        return Condition.NORMAL if self._is_voter() else Condition.LEARNER

    # Messages

    def on_message(self, node_id: str, message: RaftMessage) -> None:
        """A message of a member; nobody else is heard."""
        match message:
            case Appended() | Mismatch() | SnapshotTaken() if node_id not in self._progress:
                pass  # The late answer of one that is no member any more.
            case Append():
                self._on_append(node_id, message)
            case Appended():
                self._on_appended(node_id, message)
            case Mismatch():
                self._on_mismatch(node_id, message)
            case RequestVote():
                self._on_request_vote(node_id, message)
            case Vote():
                self._on_vote(node_id, message)
            case PreVote():
                self._on_pre_vote(node_id, message)
            case PreVoteAnswer():
                self._on_pre_vote_answer(node_id, message)
            case StaleTerm():
                self._on_stale_term(message)
            case TimeoutNow():
                self._on_timeout_now(node_id, message)
            case Readmitted():
                self._on_readmitted(node_id, message)
            case SnapshotOffer():
                self._on_snapshot_offer(node_id, message)
            case SnapshotPiece():
                self._on_snapshot_piece(node_id, message)
            case SnapshotTaken():
                self._on_snapshot_taken(node_id, message)
            case Diverged():
                self._on_diverged(node_id, message)

    # The machine

    def _SyncObj__applyLogEntries(self) -> bool:  # noqa: N802
        """Findings "an exception applies an entry twice, or for ever" and "replay in one tick".

        The machine gets plain bytes, each index once. What it raises ends the node. Applying pauses
        for the heartbeat when there is a lot of it.
        """
        self._receiving.tidy()
        if not self._may_apply():
            return False
        until = now() + self._settings.heartbeat_s / 2
        while self.applied_index < self.commit_index and now() < until:
            index = self.applied_index
            count = min(self.commit_index - index, _APPLY_ENTRIES)
            for term, data in self._journal.entries(index + 1, count, _APPLY_BYTES):
                index += 1
                self._apply(index, term, data)
                self._SyncObj__raftLastApplied = index
                self._proposals.on_applied(index)
        return False

    def _apply(self, index: int, term: int, data: bytes) -> None:
        if not is_known(data):
            raise newer(f"entry {index} of the log is of kind {data[:1].hex()}")
        if data[:1] == MEMBERSHIP:
            self._machine.apply_membership(index, term, data[1:])
            self._check_removal()
        else:
            self._machine.apply(index, term, data[1:])

    def _may_apply(self) -> bool:
        return not self.lacks_state and not self._space.is_spent

    def _SyncObj__tryLogCompaction(self) -> None:  # noqa: N802
        """Findings "compaction rewrites the log", "a dump forks", "a dump stops the tick".

        Whole segments go, once the store has them durably and either every member has them or the
        log is too long: it waits for nobody, since a member that lacks what went gets a snapshot.
        Half of the room is for the time that this takes: what comes meanwhile has to follow it.
        """
        settings, journal = self._settings, self._journal
        spared = min(self._floor_index, self.applied_index - settings.keep_entries)
        # The entry before those that are kept stays: what follows it is sent with its term.
        size = settings.journal_bytes_max // (1 if self._sending.is_busy else 2)
        wanted = max(spared, journal.index_above(size))
        limit = min(wanted, self.applied_index) - 1
        if journal.can_drop(limit):
            journal.drop_to(min(limit, self._machine.sync()))
