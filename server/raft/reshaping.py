"""What a leader does about the members: changes them, promotes learners, readmits who abstained.

One change at a time, each an entry of its own that counts from the moment it is in a log; the next
one waits until it is committed, and the first one of a reign until an entry of its term is.

Source: D. Ongaro, "Consensus: Bridging Theory and Practice", sections 4.1 to 4.2; the bug in 4.1 as
first published, and its cure: https://groups.google.com/g/raft-dev/c/t4xj6dJTP6E
"""

import logging
from math import inf
from typing import Any, Final

from msgspec import Struct

from stepraft.server.raft import changes
from stepraft.server.raft.exposed import LEADER
from stepraft.server.raft.kinds import NO_OP
from stepraft.server.raft.membership import (
    Change,
    ChangeKind,
    ChangeResult,
    Membership,
    RemoveMember,
)
from stepraft.server.raft.messages import Appended, Readmitted
from stepraft.server.raft.requests import DONE, NOT_LEADER, Done, Requests, Transfer
from stepraft.server.raft.transfers import Transfers

_log: Final = logging.getLogger(__name__)

_LEAVING_S: Final = 5.0


class _Pending(Struct, frozen=True):
    """A change in the log whose caller waits; `deadline` in seconds of the Raft clock."""

    index: int
    deadline: float
    done: Done


class _CatchUp(Struct, frozen=True):
    """One round of a learner: it is to hold the log up to `index`, the end as it was at `began_at`.

    Rounds follow one another; a short one shows that the learner keeps up.
    """

    index: int
    began_at: float


class Reshaping(Transfers):
    """Requests of administrators, and what a leader does about members by itself."""

    def __init__(self, *arguments: Any) -> None:
        self.requests = Requests()
        """What is asked of this node; any thread may ask."""

        self._pending: _Pending | None = None
        self._catching_up: dict[str, _CatchUp] = {}
        super().__init__(*arguments)

    def _SyncObj__onBecomeLeader(self) -> None:  # noqa: N802
        """Who was being removed when the last reign ended is told of it by this one."""
        self._catching_up = {}
        newest = self._journal.memberships.newest
        if newest is not None and newest.index > self.applied_index:
            before = Membership.decode(self._journal.memberships.known[0].data)
            for node_id in sorted(before.members.keys() - self.membership.members.keys()):
                self._leaving[node_id] = inf
                self._addresses[node_id] = before.members[node_id].raft
            self._keep_in_touch()
        super()._SyncObj__onBecomeLeader()

    def _SyncObj__setState(self, state: int) -> None:  # noqa: N802
        """A reign that ends answers who waits for a change."""
        super()._SyncObj__setState(state)
        if state != LEADER:
            self._settle_change(ChangeResult(ChangeKind.UNKNOWN, "this node leads no more"))

    def abandon_requests(self) -> None:
        """Answer all who wait, and take no more: this node stops."""
        self.requests.close()
        stopped = ChangeResult(ChangeKind.UNKNOWN, "this node stops")
        self._settle_change(stopped)
        self._end_handover(stopped)

    def _tend_requests(self, at: float) -> None:
        """Take what was asked, and look after what is on its way.

        Requests wait for entries that nobody asked for; who comes while another waits is refused.
        """
        self._tend_transfer(at)
        if not self.is_leader:
            for _, done in self.requests.take():
                done(NOT_LEADER)
        elif self._pending is not None or self._may_change():
            for request, done in self.requests.take():
                if isinstance(request, Transfer):
                    self._begin_transfer(request.target, done)
                else:
                    self._begin_change(request, done, at)

    def _tend_members(self, at: float) -> None:
        """Look after the members, as their leader."""
        if self._pending is not None:
            if self.applied_index >= self._pending.index:
                self._settle_change(DONE)
            elif at >= self._pending.deadline:
                self._settle_change(ChangeResult(ChangeKind.UNKNOWN, "it is not committed yet"))
        self._let_go(at)
        self._prepare_readmission()
        if self._may_change():
            self._promote(at)

    # Changes

    def _may_change(self) -> bool:
        """Whether the membership of the log is committed, so is an entry of this term, and who
        asked for the last change has heard of it.
        """
        is_settled = self._changed_at() <= self.commit_index
        is_answered = self._pending is None
        return is_settled and is_answered and self.commit_index >= self._first_of_term

    def _changed_at(self) -> int:
        """The index of the newest membership entry, 0 when the log never had one."""
        newest = self._journal.memberships.newest
        return 0 if newest is None else newest.index

    def _begin_change(self, change: Change, done: Done, at: float) -> None:
        try:
            changed = changes.apply(change, self.membership, self._settings.check_peer_address)
            self._check_moment(change, changed)
        except changes.Refusal as refusal:
            done(ChangeResult(ChangeKind.REFUSED, str(refusal)))
            return
        if changed != self.membership and change == RemoveMember(self._settings.node_id):
            self._begin_transfer(None)
            text = "this node leads, and hands over: ask the next leader to remove it"
            done(ChangeResult(ChangeKind.NOT_LEADER, text))
            return
        if changed != self.membership:
            self._append_membership(changed)
        # What is there already may not be committed yet: it is waited for like a new one.
        self._pending = _Pending(self._changed_at(), at + self._settings.proposal_timeout_s, done)

    def _check_moment(self, change: Change, changed: Membership) -> None:
        """Whether a change may be made now. Errors: Refusal."""
        is_new = changed != self.membership
        if not self._may_change():
            raise changes.Refusal("another change is on its way: ask again when it is done")
        if is_new and isinstance(change, RemoveMember) and not self._is_majority_here(changed):
            raise changes.Refusal(
                f"of the voters that would remain, {', '.join(changed.voters)}, "
                f"fewer than {changed.majority} are connected and count"
            )

    def _is_majority_here(self, membership: Membership) -> bool:
        """Whether enough of its voters could commit entries now."""
        here = [
            node_id
            for node_id in membership.voters
            if node_id == self._settings.node_id
            or (self.is_connected(node_id) and not self._progress[node_id].abstaining)
        ]
        return len(here) >= membership.majority

    def _settle_change(self, result: ChangeResult) -> None:
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.done(result)

    def _let_go(self, at: float) -> None:
        """Who was removed is followed until it has the committed removal, or for some seconds."""
        newest = self._journal.memberships.newest
        if not self._leaving or newest is None or newest.index > self.commit_index:
            return
        for node_id, until in list(self._leaving.items()):
            if until == inf:
                self._leaving[node_id] = at + _LEAVING_S
            elif at >= until or self._progress[node_id].match_index >= newest.index:
                del self._leaving[node_id]
                self._track_members()
                self._keep_in_touch()

    # Learners

    def _promote(self, at: float) -> None:
        """Make a voter of a learner that has caught up, in a round shorter than an election."""
        for node_id in self.membership.learners:
            progress = self._progress[node_id]
            if progress.abstaining or progress.snapshot_from or not self.is_connected(node_id):
                self._catching_up.pop(node_id, None)
                continue
            end = _CatchUp(self._journal.last_index, at)
            catch_up = self._catching_up.setdefault(node_id, end)
            if progress.match_index < catch_up.index:
                continue
            del self._catching_up[node_id]
            promoted = self.membership.with_voter(node_id)
            is_quick = at - catch_up.began_at <= self._settings.election_timeout_min_s
            if is_quick and self._is_majority_here(promoted):
                _log.info("%s has caught up and becomes a voter", node_id)
                self._append_membership(promoted)
                return

    # Who abstained

    def _prepare_readmission(self) -> None:
        """Append an entry that is decided without those who abstain, and that they have to reach.

        Once a majority of the others holds it, no candidate can win any more by a vote that one of
        them gave and forgot: the others refuse whoever lacks this entry, and who stood before it
        was there lacks it. And a log that reaches it has all that was ever acknowledged by anyone.
        """
        waiting = [
            progress
            for node_id in self._peer_members()
            if (progress := self._progress[node_id]).abstaining and not progress.readmit_index
        ]
        if waiting:
            index = self._journal.last_index + 1
            self._journal.append(index, [(self.term, NO_OP)])
            for progress in waiting:
                progress.readmit_index = index

    def _on_appended(self, node_id: str, answer: Appended) -> None:
        """Who abstains and has reached its entry, committed by then, counts again."""
        super()._on_appended(node_id, answer)
        if not self.is_leader or answer.term != self.term or not answer.abstaining:
            return
        progress = self._progress[node_id]
        if 0 < progress.readmit_index <= min(self.commit_index, answer.match_index):
            self._network.send(node_id, Readmitted(self.term, answer.abstaining))
