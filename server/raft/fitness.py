"""Who should lead instead: a member with room when the leader's disk fills, a quick one when it is
slow.

Members tell their room and their sync times in every answer. Where all are slow, or all are full,
nobody is better.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from stepraft.server.raft.contract import Room

SLOW_S: Final = 0.05
"""A disk is slow when a sync takes longer than this on average, and `SLOWER` times another's."""

SLOWER: Final = 5.0


class Fitness(Struct, frozen=True):
    """How a member's disk stands; `sync_s` is None where it has synced too little to tell, and
    `free_bytes` 0 where there is room enough.
    """

    room: Room = Room.ENOUGH
    free_bytes: int = 0
    sync_s: float | None = None


class Better(Struct, frozen=True):
    """Who should lead, and why: for the log."""

    node_id: str
    why: str


def room_of_majority(own: Fitness, others: Mapping[str, Fitness], majority: int) -> Room:
    """The room that as many voters as make a majority have at least.

    `others`: those beside this one that count at present; if they are too few, it is the worst.
    """
    rooms = sorted([own.room, *(each.room for each in others.values())])
    return rooms[min(majority, len(rooms)) - 1]


def with_more_room(own: Fitness, others: Mapping[str, Fitness]) -> Better | None:
    """The member that should lead because this one's disk fills; `others`: those who could."""
    node_id = min(others, key=lambda node_id: (others[node_id].room, node_id), default=None)
    if node_id is None or others[node_id].room >= own.room:
        return None
    return Better(node_id, f"the disk of this node has {own.free_bytes} bytes left")


def with_faster_disk(own: Fitness, others: Mapping[str, Fitness]) -> Better | None:
    """The member that should lead because this one's disk is far slower than its own."""
    if own.sync_s is None or own.sync_s < SLOW_S:
        return None
    known = {
        each.sync_s: node_id
        for node_id, each in sorted(others.items(), reverse=True)
        if each.sync_s is not None and each.room is Room.ENOUGH
    }
    fastest_s = min(known, default=None)
    if fastest_s is None or own.sync_s < SLOWER * fastest_s:
        return None
    took, takes = round(own.sync_s * 1000), round(fastest_s * 1000)
    return Better(known[fastest_s], f"a sync takes {took} ms here, {takes} ms there")
