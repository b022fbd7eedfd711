"""A log that a snapshot overtook begins anew: what is left of it at every moment."""

from contextlib import suppress
from random import Random

import pytest

from stepraft.server.raft.contract import StartError
from stepraft.server.raft.journal import Entry, Journal
from stepraft.server.raft.reach import check_reach
from stepraft.server.raft.segment import HEAD_BYTES
from tests.server.raft.conftest import IDENTITY, OpenJournal
from tests.server.raft.machine import ListMachine
from tests.simulation.raft.disks import Death, SimulatedDisk

ENTRIES: list[Entry] = [(1, b"\0entry %03d" % i) for i in range(1, 61)]
AFTER: list[Entry] = [(5, b"\0after 1"), (5, b"\0after 2")]


def opened(disk: SimulatedDisk) -> Journal:
    return Journal(disk, IDENTITY, segment_bytes=HEAD_BYTES + 400, tail_bytes=100)


def filled(disk: SimulatedDisk) -> Journal:
    journal = opened(disk)
    for start in range(0, len(ENTRIES), 7):
        journal.append(1 + start, ENTRIES[start : start + 7])
        journal.sync()
    return journal


def bounds(journal: Journal) -> tuple[int, int, int, int]:
    return (
        journal.first_index,
        journal.first_replayable_index,
        journal.last_index,
        journal.last_term,
    )


def test_it_goes_on_behind_an_entry_of_which_only_the_term_is_known(
    open_journal: OpenJournal,
) -> None:
    journal = open_journal()
    journal.append(1, ENTRIES)

    journal.reset(500, 4, b"")
    assert bounds(journal) == (500, 501, 500, 4)
    assert (journal.durable_index, journal.term_at(500), journal.term_at(60)) == (500, 4, None)
    journal.append(501, AFTER)

    for each in (journal, open_journal()):
        assert bounds(each) == (500, 501, 502, 5)
        assert each.entries(501, 9, 1 << 20) == AFTER


def test_the_segment_with_the_base_is_dropped_like_any_other() -> None:
    journal = opened(SimulatedDisk(Random(1), keeps_sync=True))
    journal.reset(500, 1, b"")
    journal.append(501, ENTRIES[:20])
    journal.append(521, ENTRIES[20:40])
    journal.drop_to(520)

    assert bounds(journal) == (521, 521, 540, 1)


@pytest.mark.parametrize("loses_power", [False, True], ids=["killed", "power cut"])
def test_a_crash_at_any_operation_leaves_the_old_log_or_the_new_one(loses_power: bool) -> None:
    left: list[tuple[tuple[int, int, int, int], bool]] = []
    for seed in range(200):
        disk = SimulatedDisk(Random(seed), keeps_sync=True)
        journal = filled(disk)
        disk.dying_in = 1 + seed % 9
        with suppress(Death):
            journal.reset(500, 4, b"")
        disk.dying_in = None
        if loses_power:
            disk.cut_power()
        again = opened(disk)
        is_one_segment = again.size_bytes == HEAD_BYTES + 400 == _bytes_of_segments(disk)
        left.append((bounds(again), is_one_segment))

    assert set(left) == {((1, 1, 60, 1), False), ((500, 501, 500, 4), True)}


def _bytes_of_segments(disk: SimulatedDisk) -> int:
    return sum(len(disk.read(name)) for name in disk.names() if name.endswith(".journal"))


def test_a_torn_end_of_the_old_log_is_no_matter() -> None:
    disk = SimulatedDisk(Random(3), keeps_sync=True)
    journal = filled(disk)
    journal.append(61, [(1, b"never synced" * 5)] * 3)
    disk.dying_in = 2
    with pytest.raises(Death):
        journal.reset(500, 4, b"")
    disk.dying_in = None
    disk.cut_power()

    again = opened(disk)

    assert (bounds(again), again.torn_tail) == ((500, 501, 500, 4), None)


def test_damage_to_the_head_with_the_base_is_refused() -> None:
    disk = SimulatedDisk(Random(1), keeps_sync=True)
    filled(disk).reset(500, 4, b"")
    name = disk.names()[0]
    disk.open(name).content[40] ^= 1

    with pytest.raises(StartError, match=f"{name}: damaged at offset 16"):
        opened(disk)


def machine_at(index: int, term: int, *, installed_index: int = 0) -> ListMachine:
    machine = ListMachine()
    for each in range(1, index + 1):
        machine.apply(each, term, b"")
    machine.installed_index = installed_index
    return machine


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        pytest.param(machine_at(0, 0), (1, 60), id="an empty store replays the log"),
        pytest.param(machine_at(30, 1), (1, 60), id="a store within the log"),
        pytest.param(machine_at(90, 4, installed_index=90), (90, 90), id="installed, ahead"),
        pytest.param(
            machine_at(30, 4, installed_index=30), (30, 30), id="installed, contradicting"
        ),
        pytest.param(machine_at(30, 1, installed_index=30), (1, 60), id="installed, in the log"),
    ],
)
def test_a_start_puts_the_log_in_step_with_the_store(
    machine: ListMachine, expected: tuple[int, int]
) -> None:
    journal = filled(SimulatedDisk(Random(1), keeps_sync=True))

    check_reach(journal, machine)

    assert (journal.first_index, journal.last_index) == expected


def test_a_store_that_is_too_old_for_the_log_is_no_fault() -> None:
    journal = filled(SimulatedDisk(Random(1), keeps_sync=True))
    journal.reset(500, 4, b"")

    check_reach(journal, machine_at(20, 1))

    assert bounds(journal) == (500, 501, 500, 4)


@pytest.mark.parametrize(
    ("machine", "text"),
    [
        pytest.param(
            machine_at(61, 1),
            "the store has applied entry 61, the journal ends at 60: they do not belong together",
            id="ahead",
        ),
        pytest.param(
            machine_at(90, 1, installed_index=80),
            "the store has applied entry 90, the journal ends at 60: they do not belong together",
            id="ahead of what was installed",
        ),
        pytest.param(
            machine_at(30, 2),
            "entry 30 has another term in the journal than in the store: "
            "they do not belong together",
            id="another log's",
        ),
    ],
)
def test_a_store_of_another_log_is_refused(machine: ListMachine, text: str) -> None:
    journal = filled(SimulatedDisk(Random(1), keeps_sync=True))

    with pytest.raises(StartError, match=text):
        check_reach(journal, machine)


@pytest.mark.parametrize("installed_index", [0, 30], ids=["replayed", "installed"])
def test_a_store_beside_an_empty_journal_is_refused(installed_index: int) -> None:
    journal = opened(SimulatedDisk(Random(1), keeps_sync=True))

    with pytest.raises(StartError, match="has applied entry 30, the journal is empty"):
        check_reach(journal, machine_at(30, 1, installed_index=installed_index))


def test_what_is_above_a_size_goes_by_whole_segments() -> None:
    journal = filled(SimulatedDisk(Random(1), keeps_sync=True))
    segments = journal.size_bytes // (HEAD_BYTES + 400)
    assert journal.index_above(journal.size_bytes) == 0

    index = journal.index_above(2 * (HEAD_BYTES + 400))
    journal.drop_to(index)

    assert (segments > 3, journal.size_bytes) == (True, 2 * (HEAD_BYTES + 400))
    assert journal.first_index == index + 1
    assert journal.index_above(0) < journal.last_index
