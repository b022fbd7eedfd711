"""The machine with fault points: it is the machine, and each point is reached where it says."""

import pytest

from stepraft.server.engine.faulty_machine import FaultyMachine
from stepraft.server.faults import Faults
from stepraft.storage.machine import Machine
from stepraft.storage.memory import MemoryStore


class Points(Faults):
    """Notes what is reached, and where the machine was then."""

    def __init__(self, machine: Machine) -> None:
        super().__init__()
        self.reached: list[tuple[str, int]] = []
        self._machine = machine

    def reach(self, point: str) -> None:
        self.reached.append((point, self._machine.applied_index))


@pytest.fixture
def machine() -> Machine:
    return Machine(MemoryStore())


@pytest.fixture
def points(machine: Machine) -> Points:
    return Points(machine)


@pytest.fixture
def faulty(machine: Machine, points: Points) -> FaultyMachine:
    return FaultyMachine(machine, points)


def test_points_are_reached_around_each_entry(faulty: FaultyMachine, points: Points) -> None:
    faulty.apply(1, 1, b"")
    faulty.apply_membership(2, 1, b"who")

    assert points.reached == [
        ("machine.before_apply", 0),
        ("machine.after_apply", 1),
        ("machine.before_apply", 1),
        ("machine.after_apply", 2),
    ]


def test_points_are_reached_around_a_snapshot_that_comes_in(
    faulty: FaultyMachine, points: Points
) -> None:
    other = Machine(MemoryStore())
    other.apply_membership(1, 4, b"who")
    source = other.open_snapshot()

    target = faulty.begin_install(source.head)
    part = source.read(target.cursor, 100)
    target.write(part)
    assert (target.head, target.cursor) == (source.head, part.next_cursor)
    target.install()

    assert points.reached == [
        ("snapshot.after_part", 0),
        ("snapshot.before_install", 0),
        ("snapshot.after_install", 1),
    ]


def test_a_snapshot_can_be_discarded(faulty: FaultyMachine, machine: Machine) -> None:
    other = Machine(MemoryStore())
    other.apply(1, 4, b"")
    source = other.open_snapshot()
    target = faulty.begin_install(source.head)
    target.write(source.read(b"", 100))

    target.discard()

    assert machine.begin_install(source.head).cursor == b""


def test_it_says_of_itself_what_the_machine_says(faulty: FaultyMachine, machine: Machine) -> None:
    faulty.apply_membership(1, 3, b"who")

    def said(of: FaultyMachine | Machine) -> tuple[object, ...]:
        return (
            of.applied_index,
            of.applied_term,
            of.installed_index,
            of.checksum,
            of.membership,
            of.checksum_at(1),
            of.open_snapshot().head,
            of.sync(),
        )

    assert said(faulty) == said(machine)
    faulty.abandon()
    assert said(faulty) == said(machine)
    assert machine.applied_index == 0
