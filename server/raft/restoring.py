"""States that the log cannot bring up: too old for it, or found to be wrong. Snapshots cure both.

The parts do the work (`snapshots_sending.py`, `snapshots_receiving.py`, `divergence.py`); this file
ties them to the node. A node without a state goes on taking entries, acknowledging and voting,
since its log is whole; it applies nothing and does not stand for election.
"""

import logging
from math import inf
from typing import Any, Final

from stepraft.server.raft.availability import Availability
from stepraft.server.raft.contract import Room, StartError
from stepraft.server.raft.divergence import Comparison
from stepraft.server.raft.exposed import LEADER
from stepraft.server.raft.messages import (
    Appended,
    Diverged,
    Hello,
    Mismatch,
    SnapshotOffer,
    SnapshotPiece,
    SnapshotTaken,
    TimeoutNow,
)
from stepraft.server.raft.snapshots_receiving import SnapshotReceiving
from stepraft.server.raft.snapshots_sending import SnapshotSending

_log: Final = logging.getLogger(__name__)


class Restoring(Availability):
    """Snapshots and divergence, on both sides."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        part_bytes = self._settings.snapshot_part_bytes
        self._sending = SnapshotSending(self._machine, self._network, part_bytes)
        self._receiving = SnapshotReceiving(self._machine)
        self._comparison = Comparison()
        if self.lacks_state:
            self._say_what_is_missing()

    def _say_what_is_missing(self) -> None:
        """At the start. Errors: StartError when nobody could give this node a state."""
        first = self._journal.first_replayable_index
        fault = f"the log begins at entry {first}, the store has applied only {self.applied_index}"
        if not self._peer_members():
            raise StartError(f"{fault}, and no other member has a snapshot: restore a backup")
        _log.warning("node %s needs a snapshot: %s", self._settings.node_id, fault)

    def _SyncObj__setState(self, state: int) -> None:  # noqa: N802
        """A reign that begins knows nothing of the one before; one that ends sends no more."""
        super()._SyncObj__setState(state)
        if state == LEADER:
            self._comparison = Comparison()
        else:
            self._sending.close()

    # The leader: sending

    def _send_snapshots(self) -> None:
        """Findings "a snapshot in one buffer", "junk while one is missing": parts, a few ahead.

        While a voter differs and nobody knows who is wrong, nothing of this state is passed on.
        """
        if not self._comparison.is_open(self._peer_voters(), self._majority):
            absent = frozenset(n for n in self._progress if not self.is_connected(n))
            self._sending.tick(self.term, self._wanted_snapshots(), absent)

    def _snapshots_due_at(self) -> float:
        return self._sending.due_at(self._wanted_snapshots()) if self.is_leader else inf

    def _wanted_snapshots(self) -> dict[str, int]:
        """Who needs one now, and from which index on: one that the log has left behind meanwhile
        brings a follower nowhere that lacks the entries, too.
        """
        first_index = self._journal.first_index
        return {
            node_id: max(progress.snapshot_from, first_index * (progress.next_index <= first_index))
            for node_id, progress in self._progress.items()
            if progress.snapshot_from and self.is_connected(node_id)
        }

    def _on_mismatch(self, node_id: str, answer: Mismatch) -> None:
        """A follower without the oldest entry that is kept needs a snapshot."""
        super()._on_mismatch(node_id, answer)
        if self.is_leader and answer.term == self.term:
            progress = self._progress[node_id]
            if answer.rejected_index <= self._journal.first_index:
                progress.snapshot_from = max(progress.snapshot_from, 1)
            if answer.abstaining:
                # The state that differed may have gone with its folder.
                self._comparison.forget(node_id)

    def _on_snapshot_taken(self, node_id: str, answer: SnapshotTaken) -> None:
        if not self.is_leader or answer.term != self.term:
            return
        installed_index = self._sending.on_taken(node_id, answer)
        if installed_index:
            progress = self._progress[node_id]
            progress.snapshot_from = 0
            progress.on_appended(installed_index)

    def on_connected(self, node_id: str, hello: Hello) -> None:
        super().on_connected(node_id, hello)
        self._sending.on_connected(node_id)

    # The leader: comparing

    def _on_appended(self, node_id: str, answer: Appended) -> None:
        """What a follower says of its state comes with what it says of its log."""
        super()._on_appended(node_id, answer)
        if self.is_leader and answer.term == self.term:
            self._progress[node_id].snapshot_from = answer.snapshot_from
            self._compare(node_id, answer)

    def _compare(self, node_id: str, answer: Appended) -> None:
        if answer.snapshot_from:
            self._comparison.forget(node_id)
            return
        index, checksum = answer.applied_index, answer.checksum
        own_checksum = self._machine.checksum_at(index)
        if own_checksum is None:
            return
        if self._comparison.note(node_id, (index, checksum), own_checksum):
            _log.critical("the states of this node and of %s differ at entry %d", node_id, index)
        if checksum != own_checksum:
            self._judge(node_id, Diverged(self.term, index, checksum))

    def _judge(self, node_id: str, verdict: Diverged) -> None:
        voters = self._peer_voters()
        if self._comparison.is_wrong(node_id, voters, self._majority):
            self._network.send(node_id, verdict)
            return
        right = self._comparison.right_ones(voters, self._majority)
        if right:
            self._give_way(right)

    def _give_way(self, right: frozenset[str]) -> None:
        """This leader is the odd one out: one of those who are right is to lead instead."""
        _log.critical("the state of this node is wrong: %s agree on another", sorted(right))
        last_index = self._journal.last_index
        for node_id in sorted(right):
            if self._progress[node_id].match_index == last_index and self.is_connected(node_id):
                self._network.send(node_id, TimeoutNow(self.term))
                break
        self._follow(None)
        self._forget_state()

    # The follower

    def _on_diverged(self, node_id: str, message: Diverged) -> None:
        """A majority has another state than this node: it leaves service and gets theirs."""
        is_of_leader = message.term == self.term and node_id == self.leader_id
        # A state that has been replaced meanwhile is not the one that was judged.
        is_of_this_state = self._machine.checksum_at(message.index) == message.checksum
        if is_of_leader and is_of_this_state and not self.lacks_state:
            _log.critical("the state of this node is wrong since entry %d or before", message.index)
            self._forget_state()

    def _forget_state(self) -> None:
        """It comes back by a snapshot: replaying the log may lead to the same state again."""
        self._is_state_wrong = True
        self._machine.abandon()
        self._SyncObj__raftLastApplied = self._machine.applied_index

    def _on_snapshot_offer(self, node_id: str, offer: SnapshotOffer) -> None:
        if self._takes_snapshots_of(node_id, offer.term):
            lowest_index = self._journal.first_replayable_index - 1
            answer = self._receiving.on_offer(offer, lowest_index)
            if answer is not None:
                self._network.send(node_id, answer)

    def _on_snapshot_piece(self, node_id: str, piece: SnapshotPiece) -> None:
        if self._takes_snapshots_of(node_id, piece.term):
            answer = self._receiving.on_piece(piece)
            if answer is not None and answer.is_installed:
                self._go_on_from_snapshot()
            if answer is not None:
                self._network.send(node_id, answer)

    def _takes_snapshots_of(self, node_id: str, term: int) -> bool:
        is_leaders = term == self.term and node_id == self.leader_id
        return is_leaders and self._space.room is not Room.CRITICAL

    def _go_on_from_snapshot(self) -> None:
        """Finding "the log is wiped although it extends the snapshot".

        A log that holds the snapshot's last entry goes on behind it: what it acknowledged stays.
        One that does not has nothing behind it that could be committed.
        """
        index, term = self._machine.applied_index, self._machine.applied_term
        if self._journal.term_at(index) != term:
            self._journal.reset(index, term, self._machine.membership)
        self._SyncObj__raftLastApplied = index
        self.commit_index = max(self.commit_index, index)
        self._is_state_wrong = False
        self._adopt(self._found_membership())
        self._check_removal()
