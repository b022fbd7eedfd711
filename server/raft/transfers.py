"""How a leader gives leadership to another: on request, when it stops, when another does better."""

from collections.abc import Callable
from math import inf
from typing import Any, Final

from msgspec import Struct

from stepraft.server.raft.contract import Room
from stepraft.server.raft.leading import Leading
from stepraft.server.raft.library import now
from stepraft.server.raft.membership import ChangeKind, ChangeResult
from stepraft.server.raft.messages import TimeoutNow
from stepraft.server.raft.requests import DONE

_GIVE_UP_AFTER_S: Final = 1.0

Done = Callable[[ChangeResult], None]


class _Handover(Struct):
    """One transfer: to `target`, or with None to whoever is as far as the leader.

    `deadline`: when the leader gives up; infinite for a node that stops, or until it has.
    """

    target: str | None
    deadline: float
    done: Done
    ask_at: float = 0.0


class Transfers(Leading):
    """At most one transfer at a time; while it lasts, proposals wait in their queue."""

    def __init__(self, *arguments: Any) -> None:
        self._handover: _Handover | None = None
        self._is_retiring = False
        super().__init__(*arguments)

    def retire(self) -> None:
        """Take no more proposals, and hand leadership over as soon as somebody can have it."""
        self._is_retiring = True
        self._end_handover(ChangeResult(ChangeKind.UNKNOWN, "this node stops"))
        self._handover = _Handover(None, inf, _tell_nobody)

    def _begin_transfer(self, target: str | None, done: Done | None = None) -> None:
        """Hand over within about a second, or go on leading; `done` is told which."""
        tell = done or _tell_nobody
        if self._handover is not None:
            tell(ChangeResult(ChangeKind.REFUSED, "leadership is being handed over already"))
        elif target == self._settings.node_id:
            tell(DONE)
        elif target is not None and target not in self._voters:
            tell(ChangeResult(ChangeKind.REFUSED, f"{target} is none of the voters"))
        else:
            self._handover = _Handover(target, now() + _GIVE_UP_AFTER_S, tell)

    def _tend_transfer(self, at: float) -> None:
        handover = self._handover
        if handover is None:
            return
        if not self.is_leader:
            self._conclude(handover, at)
        elif at >= handover.deadline:
            self._end_handover(ChangeResult(ChangeKind.REFUSED, self._why_not(handover)))
        elif at >= handover.ask_at:
            self._ask_heir(handover, at)

    def _ask_heir(self, handover: _Handover, at: float) -> None:
        """Ask a voter with the whole log to stand; again now and then, the question may be lost."""
        last_index = self._journal.last_index
        for node_id in self._heirs(handover):
            if self._progress[node_id].match_index == last_index:
                self._network.send(node_id, TimeoutNow(self.term))
                handover.ask_at = at + self._settings.heartbeat_s
                return

    def _heirs(self, handover: _Handover) -> list[str]:
        """Who could take over, apart from entries that are on their way."""
        found = []
        for node_id in self._peer_voters():
            progress = self._progress[node_id]
            is_fit = progress.fitness.room is not Room.CRITICAL and not progress.snapshot_from
            is_wanted = handover.target in (None, node_id)
            if is_wanted and is_fit and not progress.abstaining and self.is_connected(node_id):
                found.append(node_id)
        return found

    def _why_not(self, handover: _Handover) -> str:
        if self._heirs(handover):
            return f"{handover.target or 'no other node'} did not take over within a second"
        if handover.target is None:
            return "no other voter is connected and in a state to lead"
        return f"{handover.target} is not connected, or in no state to lead: see its condition"

    def _conclude(self, handover: _Handover, at: float) -> None:
        """This node leads no more: who does?"""
        if self.leader_id is not None:
            is_target = handover.target in (None, self.leader_id)
            other = ChangeResult(ChangeKind.REFUSED, f"{self.leader_id} leads now")
            self._end_handover(DONE if is_target else other)
        elif at >= handover.deadline + _GIVE_UP_AFTER_S:
            self._end_handover(ChangeResult(ChangeKind.UNKNOWN, "no leader is known yet"))

    def _end_handover(self, result: ChangeResult) -> None:
        handover, self._handover = self._handover, None
        if handover is not None:
            handover.done(result)


def _tell_nobody(result: ChangeResult) -> None:
    """For transfers that no caller waits for."""
