"""What the benchmark of failures says about what it has measured."""

import pytest

from bench.failover.bars import Figure, percentile, spread
from bench.failover.writers import longest_gap_s


@pytest.mark.parametrize(
    ("times_s", "gap_s"),
    [
        pytest.param([8.0, 9.0, 12.5, 15.0, 17.5], 3.5, id="a gap that begins before"),
        pytest.param(
            [5.0, 9.5, 11.0, 13.5, 16.0, 18.0], 2.5, id="one that is over before does not count"
        ),
        pytest.param([9.0, 10.5], 9.5, id="one that is not over counts up to now"),
        pytest.param([12.0, 19.0], 7.0, id="none was acknowledged before"),
    ],
)
def test_the_longest_gap_since_a_failure_is_found(times_s: list[float], gap_s: float) -> None:
    assert longest_gap_s(times_s, 10.0, 20.0) == gap_s


@pytest.mark.parametrize(
    ("figure", "line"),
    [
        pytest.param(Figure("gap", 0.5, bar=0.7), "gap: 0.50 s (bar 0.7)", id="kept"),
        pytest.param(Figure("gap", 0.8, bar=0.7), "gap: 0.80 s (bar 0.7, MISSED)", id="missed"),
        pytest.param(Figure("p99", 80.0, "ms"), "p99: 80.00 ms", id="without a bar"),
    ],
)
def test_a_figure_says_whether_its_bar_holds(figure: Figure, line: str) -> None:
    assert (figure.line, figure.holds) == (line, "MISSED" not in line)


def test_a_spread_has_a_bar_for_the_median_and_one_for_the_maximum() -> None:
    assert spread("gap", [1.0, 3.0, 2.0], 2.0, 2.5) == [
        Figure("gap, median of 3", 2.0, bar=2.0),
        Figure("gap, maximum of 3", 3.0, bar=2.5),
    ]


def test_a_percentile_is_not_exceeded_by_so_many() -> None:
    assert percentile([float(number) for number in range(100)], 99) == 99.0
