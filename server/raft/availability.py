"""What a leader does for the sake of disks: hands over when another's is better, and says when
writes have to be refused.
"""

import logging
from math import inf
from typing import Any, Final

from stepraft.server.raft.contract import Room, Shortage
from stepraft.server.raft.fitness import (
    Better,
    Fitness,
    room_of_majority,
    with_faster_disk,
    with_more_room,
)
from stepraft.server.raft.reshaping import Reshaping

_log: Final = logging.getLogger(__name__)

SLOW_FOR_S: Final = 1.0
"""How long a disk has to be slow before leadership moves for it."""

AGAIN_AFTER_S: Final = 60.0
"""How long a leader waits before it hands over for slowness again: its successor may be worse."""

_AGAIN_FOR_ROOM_AFTER_S: Final = 2.0


class Availability(Reshaping):
    """Room and speed of the disks, as seen by the leader."""

    def __init__(self, *arguments: Any) -> None:
        self._slow_since = inf
        self._handed_over_at = -inf
        super().__init__(*arguments)

    def _seek_better_leader(self, at: float) -> None:
        """Hand over if a member's disk is so much better that the change pays."""
        better = self._better_leader(at)
        if better is not None:
            self._handed_over_at = at
            self._slow_since = inf
            _log.warning("leadership goes to %s: %s", better.node_id, better.why)
            self._begin_transfer(better.node_id)

    def _better_leader(self, at: float) -> Better | None:
        own, others = self._fitness(), self._fitness_of_voters()
        reachable = {
            node_id: fitness
            for node_id, fitness in others.items()
            if self.is_connected(node_id) and self._is_caught_up(node_id)
        }
        may_move = at >= self._handed_over_at + _AGAIN_FOR_ROOM_AFTER_S
        if may_move and room_of_majority(own, others, self._majority) is not Room.CRITICAL:
            better = with_more_room(own, reachable)
            if better is not None:
                return better
        faster = with_faster_disk(own, reachable)
        if faster is None:
            self._slow_since = inf
            return None
        self._slow_since = min(self._slow_since, at)
        is_due = at >= max(self._slow_since + SLOW_FOR_S, self._handed_over_at + AGAIN_AFTER_S)
        return faster if is_due else None

    def _may_propose(self) -> bool:
        """Whether entries would find room: here, and on the disks of a majority."""
        shortage = self._shortage()
        return shortage is None or shortage.room is not Room.CRITICAL

    def _shortage(self) -> Shortage | None:
        """Why writes have to be refused: this node's own disk, or those of too many others."""
        own, others = self._fitness(), self._fitness_of_voters()
        room = max(own.room, room_of_majority(own, others, self._majority))
        if room is Room.ENOUGH:
            return None
        if own.room is room:
            node_id, fitness = self._settings.node_id, own
        else:
            node_id, fitness = next(
                (node_id, each) for node_id, each in others.items() if each.room >= room
            )
        return Shortage(room, node_id, fitness.free_bytes, self._space.limit_bytes(room))

    def _is_caught_up(self, node_id: str) -> bool:
        return not self._progress[node_id].is_probing

    def _fitness_of_voters(self) -> dict[str, Fitness]:
        """The voters beside this one that count: where another has room is of no account."""
        return {
            node_id: self._progress[node_id].fitness
            for node_id in self._peer_voters()
            if not self._progress[node_id].abstaining
        }
