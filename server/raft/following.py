"""A follower as corrected: takes entries, and says only what its disk can repeat."""

from typing import Any

from msgspec import Struct

from stepraft.server.raft.elections import Elections
from stepraft.server.raft.exposed import NO_OP, REGULAR
from stepraft.server.raft.library import now
from stepraft.server.raft.matching import Missing, take
from stepraft.server.raft.messages import Append, Appended, Mismatch, StaleTerm


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
        super().__init__(*arguments)
        # Compaction leaves the last entry that everybody has.
        self._floor_index = self._journal.first_index

    def _on_append(self, node_id: str, message: Append) -> None:
        if message.term < self.term:
            self._network.send(node_id, StaleTerm(self.term))
        elif _has_only_known_kinds(message):
            self._acknowledge_leader(node_id, message)
            self._take(node_id, message)

    def _acknowledge_leader(self, node_id: str, message: Append) -> None:
        if message.term > self.term:
            self._SyncObj__transferInProgress = False
            self._adopt_term(message.term)
        assert not self.is_leader, "two leaders in one term"
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
        taken = take(self._journal, self.commit_index, message)
        self._floor_index = max(self._journal.first_index, message.floor_index)
        if isinstance(taken, Missing):
            previous = message.previous_index
            answer = Mismatch(self.term, message.round, previous, taken.hint_index)
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
        self._journal.sync()
        owed, self._owed = self._owed, None
        if owed is not None and owed.term == self.term:
            answer = Appended(owed.term, owed.round, owed.match_index)
            self._network.send(owed.leader_id, answer)


def _has_only_known_kinds(message: Append) -> bool:
    """Finding "membership and version commands are executed": only these two kinds exist here."""
    return all(data[:1] == REGULAR or data == NO_OP for _, data in message.entries)
