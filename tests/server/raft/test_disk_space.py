"""How much room a disk has, and what becomes of the ballast."""

from pathlib import Path

import pytest

from stepraft.server.raft.contract import Room
from stepraft.server.raft.disk_space import BALLAST, DiskSpace, make_room_to_start
from tests.server.raft.disks import CRITICAL_BYTES, LOW_BYTES, MeasuredDisk, space_on

BALLAST_BYTES = CRITICAL_BYTES // 2


@pytest.mark.parametrize(
    ("free_bytes", "room"),
    [
        pytest.param([LOW_BYTES], Room.ENOUGH, id="at the low limit"),
        pytest.param([LOW_BYTES - 1], Room.LOW, id="below it"),
        pytest.param([CRITICAL_BYTES], Room.LOW, id="at the critical limit"),
        pytest.param([CRITICAL_BYTES - 1], Room.CRITICAL, id="below it, too"),
        pytest.param([799, 899], Room.LOW, id="not left before an eighth more is free"),
        pytest.param([799, 900], Room.ENOUGH, id="left with an eighth more"),
        pytest.param([399, 449], Room.CRITICAL, id="nor is critical"),
        pytest.param([399, 450], Room.LOW, id="critical, then low"),
        pytest.param([399, 899], Room.LOW, id="the margin of low counts on the way up"),
        pytest.param([399, 900], Room.ENOUGH, id="critical, then enough"),
    ],
)
def test_the_room_follows_the_free_bytes(free_bytes: list[int], room: Room) -> None:
    disk = MeasuredDisk()
    space = space_on(disk)
    for second, left in enumerate(free_bytes):
        disk.room_bytes = left + disk.taken_bytes
        space.look(second)

    assert (space.room, space.free_bytes) == (room, free_bytes[-1])


def test_the_disk_is_looked_at_ten_times_a_second_at_most() -> None:
    disk = MeasuredDisk()
    space = space_on(disk)
    space.look(5.0)
    disk.room_bytes = 0

    rooms = []
    for at in (5.05, 5.25):
        space.look(at)
        rooms.append(space.room)

    assert rooms == [Room.ENOUGH, Room.CRITICAL]


def test_without_limits_nothing_is_looked_at() -> None:
    disk = MeasuredDisk(room_bytes=0)
    space = DiskSpace(disk, low_bytes=0, critical_bytes=0)
    space.look(5.0)

    assert (space.room, disk.names()) == (Room.ENOUGH, [])


def test_the_ballast_is_taken_while_there_is_room_and_thrown_off_when_there_is_none() -> None:
    disk = MeasuredDisk()
    space = space_on(disk)
    space.look(1.0)
    assert disk.names() == [BALLAST]

    disk.fill(leaving=CRITICAL_BYTES - 1)
    space.look(2.0)
    assert disk.names() == [BALLAST]

    disk.fill(leaving=0)
    space.look(3.0)
    assert (disk.names(), space.free_bytes, space.is_spent) == ([], BALLAST_BYTES, False)

    disk.fill(leaving=BALLAST_BYTES // 2 - 1)
    space.look(4.0)
    assert space.is_spent

    disk.fill(leaving=LOW_BYTES * 2)
    space.look(5.0)
    assert (disk.names(), space.room, space.is_spent) == ([BALLAST], Room.ENOUGH, False)


@pytest.mark.parametrize(
    ("critical_bytes", "is_thrown"),
    [pytest.param(2, False, id="room enough"), pytest.param(1 << 62, True, id="too little room")],
)
def test_a_node_without_room_to_open_its_store_throws_the_ballast_off(
    critical_bytes: int, is_thrown: bool, tmp_path: Path
) -> None:
    (tmp_path / BALLAST).touch()

    make_room_to_start(tmp_path, critical_bytes)

    assert (tmp_path / BALLAST).exists() is not is_thrown


def test_a_ballast_of_an_earlier_life_is_kept() -> None:
    disk = MeasuredDisk()
    space_on(disk).look(1.0)
    again = space_on(disk)
    disk.fill(leaving=0)
    again.look(1.0)

    assert disk.names() == []
