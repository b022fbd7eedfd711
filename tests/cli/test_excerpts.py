"""A line with carets under the place that is meant."""

import pytest

from stepraft.cli.excerpts import excerpt
from stepraft.cli.source_map import Span

LONG = '{"a": ' + "x" * 200 + '"meant"' + "y" * 200 + "}"


@pytest.mark.parametrize(
    ("line", "span", "shown"),
    [
        pytest.param(
            '  "Next": "B"',
            Span(1, 11, 3),
            ['     1 │   "Next": "B"', "       │           ^^^"],
            id="a plain line",
        ),
        pytest.param(
            '\t"Next":\t"B"',
            Span(1, 10, 3),
            ['     1 │ \t"Next":\t"B"', "       │ \t       \t^^^"],
            id="tabs stay tabs",
        ),
        pytest.param(
            '"注文": "B"',
            Span(1, 7, 3),
            ['     1 │ "注文": "B"', "       │         ^^^"],
            id="wide characters take two columns",
        ),
        pytest.param(
            '{"a"',
            Span(1, 5, 1),
            ['     1 │ {"a"', "       │     ^"],
            id="behind the end of the line",
        ),
    ],
)
def test_the_carets_stand_under_what_is_meant(line: str, span: Span, shown: list[str]) -> None:
    assert excerpt([line], span, "red").plain.splitlines() == shown


def test_a_long_line_is_cut_on_both_sides() -> None:
    span = Span(1, LONG.index('"meant"') + 1, 7)

    line, carets = excerpt([LONG], span, "red").plain.splitlines()

    assert line.count("…") == 2
    assert line[carets.index("^") : carets.rindex("^") + 1] == '"meant"'
