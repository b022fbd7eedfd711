"""Hybrid logical clock stamps: order, uniqueness, layout."""

from hypothesis import given
from hypothesis import strategies as st

from stepraft.interpreter.hlc import next_stamp, physical_ms, stamp_of, to_hex

_MS = st.integers(0, 2**47)
_STAMPS = st.integers(0, 2**63)


def test_a_stamp_is_48_bits_of_milliseconds_and_16_logical_ones() -> None:
    assert stamp_of(1_795_232_537_870) == 1_795_232_537_870 * 65_536
    assert physical_ms(stamp_of(1_795_232_537_870) + 65_535) == 1_795_232_537_870


def test_the_logical_part_carries_into_the_milliseconds() -> None:
    assert next_stamp(stamp_of(7) + 65_535, now_ms=7) == stamp_of(8)


@given(last=_STAMPS, now_ms=_MS)
def test_the_next_stamp_is_above_the_last_and_not_before_now(last: int, now_ms: int) -> None:
    stamp = next_stamp(last, now_ms)

    assert stamp > last
    assert physical_ms(stamp) >= now_ms


@given(now_ms=_MS, behind_ms=st.integers(0, 100_000))
def test_a_clock_that_goes_back_does_not_take_the_stamps_along(now_ms: int, behind_ms: int) -> None:
    last = stamp_of(now_ms)

    assert next_stamp(last, max(0, now_ms - behind_ms)) == max(
        last + 1, stamp_of(max(0, now_ms - behind_ms))
    )


@given(first=_STAMPS, second=_STAMPS)
def test_texts_sort_as_stamps_do(first: int, second: int) -> None:
    assert (to_hex(first) < to_hex(second)) == (first < second)
    assert int(to_hex(first), 16) == first
