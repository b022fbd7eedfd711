"""Who should lead for the sake of disks."""

import pytest

from stepraft.server.raft.contract import Room
from stepraft.server.raft.fitness import (
    Better,
    Fitness,
    room_of_majority,
    with_faster_disk,
    with_more_room,
)
from stepraft.server.raft.sync_times import WINDOW_S, SyncTimes

ENOUGH, LOW, CRITICAL = Room.ENOUGH, Room.LOW, Room.CRITICAL


def rooms(*of_others: Room) -> dict[str, Fitness]:
    return {f"n{number}": Fitness(room) for number, room in enumerate(of_others, 2)}


def syncs(*of_others: float | None) -> dict[str, Fitness]:
    return {f"n{number}": Fitness(sync_s=each) for number, each in enumerate(of_others, 2)}


@pytest.mark.parametrize(
    ("own", "others", "room"),
    [
        pytest.param(ENOUGH, rooms(ENOUGH, CRITICAL), ENOUGH, id="one of three is full"),
        pytest.param(ENOUGH, rooms(CRITICAL, CRITICAL), CRITICAL, id="two of three are full"),
        pytest.param(CRITICAL, rooms(LOW, ENOUGH), LOW, id="one of each"),
        pytest.param(LOW, {}, LOW, id="alone"),
    ],
)
def test_a_majority_has_the_room_of_its_worst(
    own: Room, others: dict[str, Fitness], room: Room
) -> None:
    assert room_of_majority(Fitness(own), others, (len(others) + 1) // 2 + 1) is room


@pytest.mark.parametrize(
    ("own", "others", "node_id"),
    [
        pytest.param(LOW, rooms(LOW, ENOUGH), "n3", id="to the one with room"),
        pytest.param(CRITICAL, rooms(LOW, LOW), "n2", id="to one with more room, if not enough"),
        pytest.param(CRITICAL, rooms(LOW, ENOUGH), "n3", id="to the one with the most"),
        pytest.param(LOW, rooms(LOW, CRITICAL), None, id="nobody has more"),
        pytest.param(ENOUGH, rooms(ENOUGH, ENOUGH), None, id="there is room here"),
        pytest.param(CRITICAL, {}, None, id="nobody can take over"),
    ],
)
def test_a_leader_without_room_goes_where_there_is_more(
    own: Room, others: dict[str, Fitness], node_id: str | None
) -> None:
    better = with_more_room(Fitness(own, 77), others)

    why = "the disk of this node has 77 bytes left"
    assert better == (None if node_id is None else Better(node_id, why))


@pytest.mark.parametrize(
    ("own_s", "others", "better"),
    [
        pytest.param(
            0.2,
            syncs(0.03, 0.002),
            Better("n3", "a sync takes 200 ms here, 2 ms there"),
            id="to the fastest",
        ),
        pytest.param(0.2, syncs(0.1, 0.1), None, id="all are slow"),
        pytest.param(0.04, syncs(0.001, 0.001), None, id="slower, and not slow"),
        pytest.param(0.2, syncs(None, None), None, id="nothing is known of the others"),
        pytest.param(None, syncs(0.001, 0.001), None, id="nothing is known of this one"),
        pytest.param(
            0.2, {"n2": Fitness(LOW, 9, 0.001)}, None, id="not to one whose disk fills up"
        ),
    ],
)
def test_a_leader_with_a_slow_disk_goes_where_it_is_far_faster(
    own_s: float | None, others: dict[str, Fitness], better: Better | None
) -> None:
    assert with_faster_disk(Fitness(sync_s=own_s), others) == better


def test_the_mean_is_of_the_last_seconds() -> None:
    times = SyncTimes()
    for began_at, ended_at in [(1.0, 2.0), (10.0, 10.1), (10.2, 10.4), (10.5, 10.8)]:
        times.note(began_at, ended_at)

    assert times.mean_s(10.8) == pytest.approx(0.2)
    assert times.mean_s(10.2 + WINDOW_S) is None


def test_two_syncs_tell_nothing() -> None:
    times = SyncTimes()
    times.note(1.0, 2.0)
    times.note(2.0, 3.0)

    assert times.mean_s(3.0) is None
