"""Elections as corrected: who may stand, whose vote counts, and how a leader hands over."""

from math import inf
from typing import Any

from stepraft.server.raft.exposed import CANDIDATE, LEADER
from stepraft.server.raft.formation import Formation
from stepraft.server.raft.library import chance, now
from stepraft.server.raft.members import Members
from stepraft.server.raft.membership import Membership
from stepraft.server.raft.messages import (
    Hello,
    PreVote,
    PreVoteAnswer,
    Readmitted,
    RequestVote,
    StaleTerm,
    TimeoutNow,
    Vote,
)
from stepraft.server.raft.shapes import LibraryNode


class Elections(Members):
    """Terms, votes and candidates."""

    def __init__(self, *arguments: Any) -> None:
        self._voted_for_us: set[str] = set()
        self._pre_voters: set[str] | None = None
        self._has_pre_vote = False
        self._leader_heard_at = -inf
        self._supported_levels: dict[str, int] = {}
        super().__init__(*arguments)
        self._formation = Formation(self._journal, self._settings)

    @property
    def is_fresh(self) -> bool:
        """Whether this node's folder has never voted, stood for election or taken an entry."""
        return self._journal.is_fresh

    def _SyncObj__setCurrentTerm(self, term: int, vote: str | None) -> None:  # noqa: N802
        """Finding "votes are counted, not voters": a new term begins with nobody's vote.

        Also "term and vote are not durable": the journal returns when both are on disk, and only
        then does the library send the message that reflects them.
        """
        began_at = now()
        super()._SyncObj__setCurrentTerm(term, vote)
        self._voted_for_us = set()
        self._pre_voters = None
        self._has_pre_vote = False
        if vote == self._settings.node_id:
            self._wait_for_votes(now() - began_at)

    def _wait_for_votes(self, own_took_s: float) -> None:
        """Finding "a candidate's patience runs while its own vote is written".

        On disks as slow a voter takes twice as long: first it notes the term, then its vote.
        Without that time each election ends before its votes come.
        """
        self.election_deadline = now() + 2 * own_took_s + self.random_timeout_s()

    def _SyncObj__onLeaderChanged(self) -> None:  # noqa: N802
        """The library says so once a candidate has asked for votes: the call is answered."""
        super()._SyncObj__onLeaderChanged()
        self._library_transport.is_called = False

    def _should_stand(self, at: float) -> bool:
        """Finding "no pre-vote": patience is lost, and a majority would vote for this node.

        Without the question first, a node that was cut off comes back in a later term and deposes a
        leader that everybody else hears.
        """
        if self.is_leader or self.election_deadline >= at:
            return False
        if not self._may_stand():
            self._formation.say_who_is_missing(at)
            self._postpone_election()
            self._ask_for_leader()
            return False
        if self._majority == 1 or (self._has_pre_vote and self._SyncObj__connectedNodes):
            return True
        # Shorter than the first wait: the others lose patience about now, too.
        self.election_deadline = at + self.random_timeout_s() / 2
        self._ask_pre_vote()
        return False

    def _may_stand(self) -> bool:
        """Whether this node could lead: without a state it could neither apply what it leads nor
        bring up another.
        """
        return self._is_voter() and self._formation.may_vote and not self.lacks_state

    def _ask_pre_vote(self) -> None:
        self._follow(None)
        self._pre_voters = {self._settings.node_id}
        self._ask_around()

    def _ask_for_leader(self) -> None:
        """A node that may not stand asks only to learn from the answers who the members are."""
        if not self._formation.is_forming:
            self._ask_around()

    def _ask_around(self) -> None:
        question = PreVote(self.term, self._journal.last_index, self._journal.last_term)
        for node_id in self._peer_members():
            self._network.send(node_id, question)

    def _hears_other_leader(self, node_id: str) -> bool:
        """Whether there is a leader that this node hears, or is, other than the one who asks."""
        is_near = now() - self._leader_heard_at < self._settings.election_timeout_min_s
        return self.is_leader or (is_near and node_id != self.leader_id)

    def _on_pre_vote(self, node_id: str, question: PreVote) -> None:
        has_leader = self._hears_other_leader(node_id)
        is_granted = (
            not has_leader
            and self._formation.may_vote
            and question.term >= self.term
            and (question.last_term, question.last_index) >= self._last_entry()
        )
        members = self.membership.members if has_leader else {}
        self._network.send(node_id, PreVoteAnswer(question.term, self.term, is_granted, members))

    def _on_pre_vote_answer(self, node_id: str, answer: PreVoteAnswer) -> None:
        self._learn(Membership(answer.members))
        if answer.term > self.term:
            self._adopt_term(answer.term)
        elif (
            answer.is_granted
            and answer.asked_term == self.term
            and self._pre_voters is not None
            and node_id in self._voters
        ):
            self._pre_voters.add(node_id)
            if len(self._pre_voters) >= self._majority:
                self._stand_now()

    def _stand_now(self) -> None:
        self._pre_voters = None
        self._has_pre_vote = True
        self.election_deadline = -inf

    def _on_request_vote(self, node_id: str, request: RequestVote) -> None:
        """The library's rule is right: one durable vote in each term, for a log not behind ours.

        Finding "no stickiness": a candidate whose question was answered while the leader was slow,
        or whose answers were lost, would depose a leader that is heard again. Only one whom that
        leader called is listened to then.
        """
        if not self._formation.may_vote:
            return
        if not request.is_called and self._hears_other_leader(node_id):
            return
        super()._SyncObj__onMessageReceived(
            LibraryNode(node_id),
            {
                "type": "request_vote",
                "term": request.term,
                "last_log_index": request.last_index,
                "last_log_term": request.last_term,
            },
        )

    def _on_vote(self, node_id: str, vote: Vote) -> None:
        """Finding "votes are counted, not voters": each member counts once, in this term only."""
        if self.state != CANDIDATE or vote.term != self.term or node_id not in self._voters:
            return
        if node_id not in self._voted_for_us:
            self._voted_for_us.add(node_id)
            super()._SyncObj__onMessageReceived(
                LibraryNode(node_id), {"type": "response_vote", "term": vote.term}
            )

    def _on_stale_term(self, message: StaleTerm) -> None:
        """Part of pre-vote: a node in a later term does not stand, so it must say where it is.

        A leader that is heard otherwise asks around at once: its followers vote for it again.
        """
        if message.term > self.term:
            was_leader = self.is_leader
            self._adopt_term(message.term)
            if was_leader:
                self.election_deadline = -inf

    def _on_timeout_now(self, node_id: str, message: TimeoutNow) -> None:
        """A leader hands over: stand at once; its heartbeats must not postpone that."""
        if message.term == self.term and node_id == self.leader_id and self._may_stand():
            self._SyncObj__transferInProgress = True
            self._library_transport.is_called = True
            self._stand_now()

    def _on_readmitted(self, node_id: str, message: Readmitted) -> None:
        """The vote of this term goes to its leader: it may have been given to it, and forgotten."""
        is_of_leader = message.term == self.term and node_id == self.leader_id
        if is_of_leader and message.abstaining == self._formation.abstaining:
            self._SyncObj__setCurrentTerm(message.term, node_id)
            self._formation.readmit()
            self._keep_in_touch()

    def on_connected(self, node_id: str, hello: Hello) -> None:
        """Messages pass to and from a node."""
        self._SyncObj__onNodeConnected(LibraryNode(node_id))
        self._formation.on_hello(node_id, is_fresh=hello.is_fresh)
        self._supported_levels[node_id] = hello.supported_level

    def on_disconnected(self, node_id: str) -> None:
        """When the connection to the leader breaks, ask around soon: there will be silence."""
        self._SyncObj__onNodeDisconnected(LibraryNode(node_id))
        # It may come back as another program.
        self._supported_levels.pop(node_id, None)
        if node_id == self.leader_id and self.state != LEADER:
            self._leader_heard_at = -inf
            soon = now() + self._settings.election_timeout_min_s / 2 * chance()
            self.election_deadline = min(self.election_deadline, soon)

    def _last_entry(self) -> tuple[int, int]:
        return self._journal.last_term, self._journal.last_index
