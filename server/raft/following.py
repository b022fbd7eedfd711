"""A follower as corrected: takes entries, and says only what its disk can repeat."""

import logging
from typing import Any, Final

from msgspec import Struct, structs

from stepraft.server.raft.contract import Room
from stepraft.server.raft.disk_space import DiskSpace
from stepraft.server.raft.elections import Elections
from stepraft.server.raft.fitness import Fitness
from stepraft.server.raft.kinds import is_known
from stepraft.server.raft.library import now
from stepraft.server.raft.matching import Missing, take
from stepraft.server.raft.messages import Append, Appended, Mismatch, StaleTerm
from stepraft.server.raft.sync_times import SyncTimes

_log: Final = logging.getLogger(__name__)


class _Acknowledgement(Struct):
    """Owed to a leader once the journal is synced."""

    leader_id: str
    term: int
    round: int
    match_index: int


class Following(Elections):
    """Log replication, the receiving side."""

    def __init__(self, *arguments: Any) -> None:
        self._owed: _Acknowledgement | None = None
        self._unknown_in_term = -1
        self._sync_times = SyncTimes()
        super().__init__(*arguments)
        self._space = DiskSpace(
            self._journal.disk,
            low_bytes=self._settings.low_bytes,
            critical_bytes=self._settings.critical_bytes,
        )
        self._floor_index = 0

    def _on_append(self, node_id: str, message: Append) -> None:
        if message.term < self.term:
            self._network.send(node_id, StaleTerm(self.term))
        elif _has_only_known_kinds(message):
            self._acknowledge_leader(node_id, message)
            self._take(node_id, message)
        elif message.term != self._unknown_in_term:
            self._unknown_in_term = message.term
            _log.error(
                "node %s, the leader, sends entries of a kind that this program does not know, and "
                "is not followed: use the version of the program that it runs",
                node_id,
            )

    def _acknowledge_leader(self, node_id: str, message: Append) -> None:
        if message.term > self.term:
            self._SyncObj__transferInProgress = False
            self._library_transport.is_called = False
            self._adopt_term(message.term)
        assert not self.is_leader, "two leaders in one term"
        self._formation.on_leader(node_id)
        self._follow(node_id)
        self._leader_heard_at = now()
        if not self._SyncObj__transferInProgress:
            self._pre_voters = None
            self._has_pre_vote = False
            self._postpone_election()

    def _take(self, node_id: str, message: Append) -> None:
        """Findings "follower drops entries it has acknowledged" and "commit without log match".

        The library voids all that is behind the previous entry, and takes over the leader's commit
        index even from a message that says nothing of the log. Here only a contradiction voids, and
        the commit index follows no further than the logs were found equal.
        """
        if self._space.room is Room.CRITICAL:
            # The leader learns from the answer that this node takes no entries.
            message = structs.replace(message, entries=[])
        taken = take(self._journal, self.commit_index, message)
        self._refresh_membership()
        self._floor_index = message.floor_index
        if isinstance(taken, Missing):
            previous = message.previous_index
            answer = Mismatch(
                self.term,
                message.round,
                previous,
                taken.hint_index,
                abstaining=self._formation.abstaining,
            )
            self._network.send(node_id, answer)
            return
        if message.round:
            self._owe(node_id, message.round, taken.index)
        self.commit_index = max(self.commit_index, min(message.commit_index, taken.index))

    def _owe(self, leader_id: str, number: int, match_index: int) -> None:
        owed = self._owed
        if owed is None or owed.term != self.term or owed.leader_id != leader_id:
            self._owed = _Acknowledgement(leader_id, self.term, number, match_index)
        else:
            owed.round = max(owed.round, number)
            owed.match_index = max(owed.match_index, match_index)

    def _pay(self) -> None:
        """Findings "nothing is ever synced" and "acknowledgements carry no term".

        One sync and one answer for all that came since the last tick; nothing is applied before.
        """
        self._sync_journal()
        owed, self._owed = self._owed, None
        if owed is not None and owed.term == self.term:
            fitness = self._fitness()
            answer = Appended(
                owed.term,
                owed.round,
                owed.match_index,
                room=fitness.room,
                free_bytes=fitness.free_bytes,
                sync_us=round((fitness.sync_s or 0.0) * 1e6),
                applied_index=self._machine.applied_index,
                checksum=self._machine.checksum,
                snapshot_from=self._snapshot_needed_from(),
                abstaining=self._formation.abstaining,
            )
            self._network.send(owed.leader_id, answer)

    def _snapshot_needed_from(self) -> int:
        """For the leader: the lowest index of a snapshot that would help, 0 when none is needed."""
        return max(1, self._journal.first_replayable_index - 1) if self.lacks_state else 0

    def _sync_journal(self) -> None:
        began_at = now()
        if self._journal.sync():
            self._sync_times.note(began_at, now())

    def _fitness(self) -> Fitness:
        """How the disk of this node stands."""
        room = self._space.room
        free_bytes = 0 if room is Room.ENOUGH else self._space.free_bytes
        return Fitness(room, free_bytes, self._sync_times.mean_s(now()))


def _has_only_known_kinds(message: Append) -> bool:
    """Finding "membership and version commands are executed": only our own kinds exist here."""
    return all(is_known(data) for _, data in message.entries)
