"""Timestamps: which texts are one, and which moment they name."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepraft.interpreter.expressions.timestamps import from_unix_ms, to_unix_ms, to_unix_ns


@pytest.mark.parametrize(
    ("text", "unix_ns"),
    [
        pytest.param("1970-01-01T00:00:00Z", 0, id="epoch"),
        pytest.param("1969-12-31T23:59:59Z", -1_000_000_000, id="before the epoch"),
        pytest.param("2024-02-29T12:30:45Z", 1_709_209_845_000_000_000, id="leap day"),
        pytest.param("1970-01-01T00:00:00.5Z", 500_000_000, id="half a second"),
        pytest.param("1970-01-01T00:00:00.123456789Z", 123_456_789, id="nanoseconds"),
        pytest.param("1970-01-01T00:00:00.1234567899Z", 123_456_789, id="beyond nanoseconds"),
        pytest.param("1970-01-01T02:00:00+02:00", 0, id="offset to the east"),
        pytest.param("1969-12-31T18:30:00-05:30", 0, id="offset to the west"),
        pytest.param("0001-01-01T00:00:00Z", -62_135_596_800_000_000_000, id="year 1"),
    ],
)
def test_a_timestamp_names_a_moment(text: str, unix_ns: int) -> None:
    assert to_unix_ns(text) == unix_ns


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("2024-01-01", id="date alone"),
        pytest.param("2024-01-01 00:00:00Z", id="blank for T"),
        pytest.param("2024-01-01t00:00:00Z", id="lower-case t"),
        pytest.param("2024-01-01T00:00:00z", id="lower-case z"),
        pytest.param("2024-01-01T00:00:00", id="no zone"),
        pytest.param("2024-01-01T00:00Z", id="no seconds"),
        pytest.param("2024-01-01T00:00:00+0100", id="offset without colon"),
        pytest.param("2024-01-01T00:00:00.Z", id="no digits of a fraction"),
        pytest.param("2024-13-01T00:00:00Z", id="month 13"),
        pytest.param("2023-02-29T00:00:00Z", id="no leap year"),
        pytest.param("2024-01-01T24:00:00Z", id="hour 24"),
        pytest.param("2024-01-01T00:60:00Z", id="minute 60"),
        pytest.param("2024-01-01T00:00:60Z", id="second 60"),
        pytest.param("2024-01-01T00:00:00+24:00", id="offset of a day"),
        pytest.param("0000-01-01T00:00:00Z", id="year 0"),
        pytest.param(" 2024-01-01T00:00:00Z", id="blank before"),
        pytest.param("2024-01-01T00:00:00Z\n", id="line end behind"),
        pytest.param("\u0662024-01-01T00:00:00Z", id="digits of another script"),
        pytest.param("05-12-2016T21:29:29Z", id="day first"),
    ],
)
def test_any_other_text_is_no_timestamp(text: str) -> None:
    assert (to_unix_ns(text), to_unix_ms(text)) == (None, None)


@pytest.mark.parametrize(
    ("text", "unix_ms"),
    [("1970-01-01T00:00:00.001Z", 1), ("1970-01-01T00:00:00.0010001Z", 2)],
)
def test_milliseconds_are_rounded_up(text: str, unix_ms: int) -> None:
    assert to_unix_ms(text) == unix_ms


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_a_moment_comes_back_from_its_text(unix_ms: int) -> None:
    assert to_unix_ms(from_unix_ms(unix_ms)) == unix_ms


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_timestamp_means_what_the_standard_library_says(moment: datetime) -> None:
    text = moment.isoformat().replace("+00:00", "Z")
    elapsed = moment - datetime(1970, 1, 1, tzinfo=UTC)

    assert (
        to_unix_ns(text)
        == ((elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds) * 1000
    )


def test_a_moment_is_shown_in_utc_with_milliseconds() -> None:
    assert from_unix_ms(1_700_000_000_007) == "2023-11-14T22:13:20.007Z"
