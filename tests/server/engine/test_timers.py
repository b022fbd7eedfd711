"""The leader's timers: none early, none forgotten, the later ones left in the store."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepraft.interpreter.contexts import TimerContext, TimerKind, timer_id
from stepraft.server.clock import HybridClock
from stepraft.server.engine.timers import Timers
from stepraft.storage import keys
from stepraft.storage.batch import Batch
from stepraft.storage.memory import MemoryStore
from stepraft.testing import VirtualClock, VirtualLoop


class Bench:
    """Timers over a store, and when each struck, in milliseconds since the start."""

    def __init__(self, *stored_ms: int, loaded_max: int = 100) -> None:
        self.loop = VirtualLoop()
        self.clock = VirtualClock(self.loop)
        self.start_ms = self.clock.now_ms()
        self.store = MemoryStore()
        self.fired: list[tuple[int, int]] = []
        self._stamp = 0
        self._struck: set[str] = set()
        self._names: dict[str, int] = {}
        for due_ms in stored_ms:
            self.keep(self.name(due_ms))
        self.timers = self.loop.run_until_complete(self._make(loaded_max))

    async def _make(self, loaded_max: int) -> Timers:
        return Timers(self.store, HybridClock(self.clock), self._strike, loaded_max)

    def name(self, due_ms: int) -> str:
        self._stamp += 1
        name = timer_id(self.start_ms + due_ms, self._stamp)
        self._names[name] = due_ms
        return name

    def keep(self, name: str) -> None:
        batch = Batch()
        batch.put(keys.timer(name), TimerContext(timer_id=name, kind=TimerKind.WAIT, target="x"))
        self.store.write(batch.encoded())

    def keep_unless_struck(self, name: str) -> None:
        if name not in self._struck:
            self.keep(name)

    def arm(self, due_ms: int, number: int = 1) -> str:
        name = self.name(due_ms)
        self.timers.arm(name, number)
        return name

    def _strike(self, name: str) -> None:
        self._struck.add(name)
        self.fired.append((self.clock.now_ms() - self.start_ms, self._names[name]))
        self.store.write([(keys.timer(name), None)])


def on_time(*due_ms: int) -> list[tuple[int, int]]:
    return [(due, due) for due in due_ms]


def test_stored_and_armed_timers_strike_when_they_are_due() -> None:
    bench = Bench(30, 10)
    bench.arm(20)
    bench.arm(40)

    bench.loop.advance(1)

    assert bench.fired == on_time(10, 20, 30, 40)


def test_a_timer_that_is_overdue_strikes_at_once() -> None:
    bench = Bench(-5000)

    bench.loop.advance(0)

    assert bench.fired == [(0, -5000)]


def test_a_timer_of_many_hours_strikes_on_time() -> None:
    bench = Bench(100_000_000)

    bench.loop.advance(200_000)

    assert bench.fired == on_time(100_000_000)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 9])
def test_timers_beyond_those_in_memory_are_read_in_their_turn(count: int) -> None:
    due_ms = [10 * number for number in range(1, count + 1)]
    bench = Bench(*due_ms, loaded_max=2)

    bench.loop.advance(1)

    assert bench.fired == on_time(*due_ms)


def test_a_timer_that_is_not_stored_yet_strikes_among_those_that_are() -> None:
    bench = Bench(10, 20, 30, 40, 50, loaded_max=2)
    bench.arm(25)
    bench.arm(60)

    bench.loop.advance(1)

    assert bench.fired == on_time(10, 20, 25, 30, 40, 50, 60)


def test_of_many_armed_timers_the_later_ones_are_left_to_the_store() -> None:
    bench = Bench(loaded_max=2)
    for due_ms in range(10, 100, 10):
        bench.keep(bench.arm(due_ms))
        bench.timers.committed(1)

    bench.loop.advance(1)

    assert bench.fired == on_time(*range(10, 100, 10))


def test_the_later_ones_of_an_entry_that_is_not_stored_yet_are_kept() -> None:
    bench = Bench(loaded_max=2)
    for due_ms in range(10, 100, 10):
        bench.arm(due_ms, number=7)

    bench.loop.advance(1)

    assert bench.fired == on_time(*range(10, 100, 10))


def test_a_clock_that_is_behind_the_loop_delays_a_timer() -> None:
    bench = Bench(100)
    bench.clock.offset_ms = -50

    bench.loop.advance(0.149)
    before = list(bench.fired)
    bench.loop.advance(0.002)

    assert (before, bench.fired) == ([], on_time(100))


def test_a_closed_epoch_fires_nothing() -> None:
    bench = Bench(10)

    bench.timers.close()
    bench.loop.advance(1)

    assert bench.fired == []


@settings(max_examples=60, deadline=None)
@given(
    stored=st.lists(st.integers(0, 60)),
    armed=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 5), st.booleans())),
    loaded_max=st.integers(1, 6),
)
def test_every_timer_strikes_on_time_once(
    stored: list[int], armed: list[tuple[int, int, bool]], loaded_max: int
) -> None:
    bench = Bench(*stored, loaded_max=loaded_max)
    expected = list(stored)
    entry: list[str] = []
    now = number = 0
    for delay, pause, is_entry_stored in armed:
        entry.append(bench.arm(now + delay, number + 1))
        expected.append(now + delay)
        bench.loop.advance(pause / 1000)
        now += pause
        if is_entry_stored:
            number += 1
            for name in entry:
                bench.keep_unless_struck(name)
            bench.timers.committed(number)
            entry.clear()

    bench.loop.advance(1)

    assert sorted(bench.fired) == sorted(on_time(*expected))
