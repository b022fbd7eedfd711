"""Durations as people read them."""

from datetime import timedelta

import pytest

from stepraft.cli.durations import shown_duration


@pytest.mark.parametrize(
    ("duration", "shown"),
    [
        pytest.param(timedelta(0), "0 ms", id="nothing"),
        pytest.param(timedelta(milliseconds=999), "999 ms", id="below a second"),
        pytest.param(timedelta(seconds=1), "1 s", id="a second"),
        pytest.param(timedelta(seconds=1, milliseconds=234), "1.23 s", id="three digits"),
        pytest.param(timedelta(seconds=59), "59 s", id="below a minute"),
        pytest.param(timedelta(seconds=65), "1 m 05 s", id="minutes"),
        pytest.param(timedelta(minutes=63), "1 h 03 m", id="hours"),
        pytest.param(timedelta(days=3, hours=4), "3 d 04 h", id="days"),
    ],
)
def test_a_duration_is_shown_in_the_units_that_fit(duration: timedelta, shown: str) -> None:
    assert shown_duration(duration) == shown
