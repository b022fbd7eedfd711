"""The checksums of the last entries: each at its index, the oldest forgotten."""

import pytest

from stepraft.storage.machine import FatalApplyError, Machine
from stepraft.storage.memory import MemoryStore
from stepraft.storage.recent import RECENT_MAX, RecentChecksums


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        pytest.param(99, None, id="before the first"),
        pytest.param(100, 1000, id="the first"),
        pytest.param(101, 1001, id="the next"),
        pytest.param(103, 1003, id="the last"),
        pytest.param(104, None, id="not there yet"),
    ],
)
def test_a_checksum_is_found_at_its_index(index: int, expected: int | None) -> None:
    recent = RecentChecksums(100, 1000)
    for checksum in (1001, 1002, 1003):
        recent.append(checksum)

    assert recent.at(index) == expected


def test_only_the_last_checksums_are_kept() -> None:
    recent = RecentChecksums(0, 0)
    for checksum in range(1, RECENT_MAX + 11):
        recent.append(checksum)

    assert [recent.at(index) for index in (10, 11, RECENT_MAX + 10)] == [None, 11, RECENT_MAX + 10]


def test_a_machine_knows_its_checksums_since_it_was_started() -> None:
    store = MemoryStore()
    machine = Machine(store)
    machine.apply(1, 1, b"")
    machine.apply_membership(2, 1, b"who")
    at_2 = machine.checksum
    machine.apply(3, 1, b"")
    restarted = Machine(store)
    restarted.apply_membership(4, 1, b"others")

    assert [machine.checksum_at(index) for index in range(5)] == [0, 0, at_2, at_2, None]
    assert [restarted.checksum_at(index) for index in range(2, 6)] == [
        None,
        at_2,
        restarted.checksum,
        None,
    ]
    assert len({0, at_2, restarted.checksum}) == 3


def test_a_machine_knows_the_members_as_last_applied() -> None:
    store = MemoryStore()
    machine = Machine(store)
    machine.apply_membership(1, 1, b"who")
    machine.apply(2, 1, b"")

    assert (machine.membership, Machine(store).membership) == (b"who", b"who")
    with pytest.raises(FatalApplyError, match=r"^entry 4 \(term 1\) follows entry 2$"):
        machine.apply_membership(4, 1, b"others")
