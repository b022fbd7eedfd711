"""Elections as corrected: who may stand, whose vote counts, and how a leader hands over."""

from math import inf
from typing import Any

from stepraft.server.raft.exposed import CANDIDATE, LEADER, Exposed
from stepraft.server.raft.library import chance, now
from stepraft.server.raft.messages import (
    PreVote,
    PreVoteAnswer,
    RequestVote,
    StaleTerm,
    TimeoutNow,
    Vote,
)


class Elections(Exposed):
    """Terms, votes and candidates."""

    def __init__(self, *arguments: Any) -> None:
        self._voters: set[str] = set()
        self._pre_voters: set[str] | None = None
        self._has_pre_vote = False
        self._leader_heard_at = -inf
        super().__init__(*arguments)

    def _SyncObj__setCurrentTerm(self, term: int, vote: str | None) -> None:  # noqa: N802
        """Finding "votes are counted, not voters": a new term begins with nobody's vote.

        Also "term and vote are not durable": the journal returns when both are on disk, and only
        then does the library send the message that reflects them.
        """
        super()._SyncObj__setCurrentTerm(term, vote)
        self._voters = set()
        self._pre_voters = None
        self._has_pre_vote = False

    def _should_stand(self, at: float) -> bool:
        """Finding "no pre-vote": patience is lost, and a majority would vote for this node.

        Without the question first, a node that was cut off comes back in a later term and deposes a
        leader that everybody else hears.
        """
        if self.is_leader or self.election_deadline >= at:
            return False
        if self._majority == 1 or (self._has_pre_vote and self._SyncObj__connectedNodes):
            return True
        # Shorter than the first wait: the others lose patience about now, too.
        self.election_deadline = at + self.random_timeout_s() / 2
        self._ask_pre_vote()
        return False

    def _ask_pre_vote(self) -> None:
        self._follow(None)
        self._pre_voters = {self._settings.node_id}
        question = PreVote(self.term, self._journal.last_index, self._journal.last_term)
        for node_id in self._members:
            self._network.send(node_id, question)

    def _on_pre_vote(self, node_id: str, question: PreVote) -> None:
        waited = now() - self._leader_heard_at >= self._settings.election_timeout_min_s
        is_granted = (
            waited
            and not self.is_leader
            and question.term >= self.term
            and (question.last_term, question.last_index) >= self._last_entry()
        )
        self._network.send(node_id, PreVoteAnswer(question.term, self.term, is_granted))

    def _on_pre_vote_answer(self, node_id: str, answer: PreVoteAnswer) -> None:
        if answer.term > self.term:
            self._adopt_term(answer.term)
        elif answer.is_granted and answer.asked_term == self.term and self._pre_voters is not None:
            self._pre_voters.add(node_id)
            if len(self._pre_voters) >= self._majority:
                self._stand_now()

    def _stand_now(self) -> None:
        self._pre_voters = None
        self._has_pre_vote = True
        self.election_deadline = -inf

    def _on_request_vote(self, node_id: str, request: RequestVote) -> None:
        """The library's rule is right: one durable vote in each term, for a log not behind ours."""
        super()._SyncObj__onMessageReceived(
            self._members[node_id],
            {
                "type": "request_vote",
                "term": request.term,
                "last_log_index": request.last_index,
                "last_log_term": request.last_term,
            },
        )

    def _on_vote(self, node_id: str, vote: Vote) -> None:
        """Finding "votes are counted, not voters": each member counts once, in this term only."""
        if self.state != CANDIDATE or vote.term != self.term or node_id in self._voters:
            return
        self._voters.add(node_id)
        super()._SyncObj__onMessageReceived(
            self._members[node_id], {"type": "response_vote", "term": vote.term}
        )

    def _on_stale_term(self, message: StaleTerm) -> None:
        """Part of pre-vote: a node in a later term does not stand, so it must say where it is."""
        if message.term > self.term:
            self._adopt_term(message.term)

    def _on_timeout_now(self, node_id: str, message: TimeoutNow) -> None:
        """A leader retires: stand at once; its heartbeats must not postpone that."""
        if message.term == self.term and node_id == self.leader_id:
            self._SyncObj__transferInProgress = True
            self._stand_now()

    def on_connected(self, node_id: str) -> None:
        """Messages pass to and from a member."""
        self._SyncObj__onNodeConnected(self._members[node_id])

    def on_disconnected(self, node_id: str) -> None:
        """When the connection to the leader breaks, ask around soon: there will be silence."""
        self._SyncObj__onNodeDisconnected(self._members[node_id])
        if node_id == self.leader_id and self.state != LEADER:
            self._leader_heard_at = -inf
            soon = now() + self._settings.election_timeout_min_s / 2 * chance()
            self.election_deadline = min(self.election_deadline, soon)

    def _last_entry(self) -> tuple[int, int]:
        return self._journal.last_term, self._journal.last_index
