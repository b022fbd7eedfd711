"""The node's clock: monotonic, above what it has seen, deaf to jumps of the wall clock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepraft.interpreter.hlc import physical_ms, stamp_of
from stepraft.server.clock import HybridClock, SystemClock


class _Hands:
    """A clock whose hands are set by the test."""

    def __init__(self, now_ms: int) -> None:
        self.at_ms = now_ms

    def now_ms(self) -> int:
        return self.at_ms


@given(st.lists(st.integers(0, 2**47), min_size=1, max_size=50))
def test_stamps_rise_whatever_the_time_does(times_ms: list[int]) -> None:
    hands = _Hands(0)
    clock = HybridClock(hands)
    stamps = []
    for at_ms in times_ms:
        hands.at_ms = at_ms
        stamps.append(clock.tick())

    assert stamps == sorted(set(stamps))
    assert all(physical_ms(stamp) >= at_ms for stamp, at_ms in zip(stamps, times_ms, strict=True))


def test_a_stamp_is_above_what_was_observed() -> None:
    clock = HybridClock(_Hands(1_000))
    clock.observe(stamp_of(5_000))

    assert clock.tick() == stamp_of(5_000) + 1
    assert clock.now_ms() == 5_000


def test_time_goes_on_at_half_speed_from_a_stamp_that_is_ahead_until_the_clock_is_there() -> None:
    hands = _Hands(1_000)
    clock = HybridClock(hands)
    clock.observe(stamp_of(5_000))
    times_ms = []
    for at_ms in (1_000, 3_000, 8_000, 9_000, 10_000):
        hands.at_ms = at_ms
        times_ms.append(clock.now_ms())

    assert times_ms == [5_000, 6_000, 8_500, 9_000, 10_000]


def test_an_older_observation_changes_nothing() -> None:
    clock = HybridClock(_Hands(1_000))
    clock.observe(stamp_of(1))

    assert clock.tick() == stamp_of(1_000)


class _Time:
    """The two clocks of a machine."""

    def __init__(self) -> None:
        self.wall_s = 1_000_000.0
        self.monotonic_s = 50.0

    def clock(self) -> SystemClock:
        return SystemClock(lambda: self.monotonic_s, lambda: self.wall_s)

    def pass_s(self, seconds: float) -> None:
        self.wall_s += seconds
        self.monotonic_s += seconds


def test_the_clock_begins_at_the_wall_clock_and_runs_with_it() -> None:
    hands = _Time()
    clock = hands.clock()
    hands.pass_s(2.5)

    assert clock.now_ms() == 1_000_002_500


@pytest.mark.parametrize("jump_s", [7200.0, -7200.0], ids=["two hours ahead", "two hours back"])
def test_a_jump_of_the_wall_clock_is_not_followed(jump_s: float) -> None:
    hands = _Time()
    clock = hands.clock()
    hands.wall_s += jump_s
    hands.pass_s(1.0)

    assert clock.now_ms() == 1_000_001_000


def test_a_wall_clock_that_is_a_little_off_is_approached_slowly() -> None:
    hands = _Time()
    clock = hands.clock()
    hands.wall_s += 0.5
    hands.pass_s(100.0)

    assert clock.now_ms() == 1_000_100_100
    hands.pass_s(1_000.0)
    assert clock.now_ms() == 1_001_100_500


def test_the_next_stamp_needs_no_look_at_the_clock() -> None:
    hands = _Hands(1_000)
    clock = HybridClock(hands)
    first = clock.tick()
    hands.at_ms = 2_000

    assert clock.next() == first + 1
    assert clock.tick() == stamp_of(2_000)
