"""Filters: operators, connectives, and what is compared with what."""

import pytest

from stepraft.interpreter.documents import Json
from stepraft.interpreter.expressions.environment import Environment
from stepraft.interpreter.expressions.path_filters import COMPARISONS
from stepraft.interpreter.expressions.paths import compile_path

ITEM: Json = {
    "n": 5,
    "text": "five",
    "digits": "5",
    "yes": True,
    "none": None,
    "list": [1, "a", [2]],
    "empty": [],
    "deep": {"x": 1.0},
}

ROWS = [
    ("@.n == 5", True),
    ("@.n == 5.0", True),
    ("@.n == 6", False),
    ("@.n == '5'", True),
    ("@.digits == 5", True),
    ("@.text == 5", False),
    ("@.text == 'five'", True),
    ('@.text == "five"', True),
    ("@.yes == true", True),
    ("@.yes == 1", False),
    ("@.none == null", True),
    ("@.nothing == null", False),
    ("@.deep == $.other", True),
    ("@.n == $.five", True),
    ("5 == @.n", True),
    ("@.n != 5", False),
    ("@.nothing != 5", True),
    ("@.n < 6", True),
    ("@.n < 5", False),
    ("@.n <= 5", True),
    ("@.n > 4.5", True),
    ("@.n > -1e2", True),
    ("@.n >= 6", False),
    ("@.text < 'g'", True),
    ("@.text < 6", False),
    ("@.yes > 0", False),
    ("@.nothing < 1", False),
    ("@.n in [1, 5]", True),
    ("@.n in []", False),
    ("@.text in ['six','five']", True),
    ("@.n nin [1, 5]", False),
    ("@.n nin [1]", True),
    ("@.n in @.list", False),
    ("@.list contains 'a'", True),
    ("@.text contains 'iv'", True),
    ("@.text contains 'x'", False),
    ("@.list size 3", True),
    ("@.text size 4", True),
    ("@.n size 1", False),
    ("@.empty empty true", True),
    ("@.list empty true", False),
    ("@.n empty true", False),
    ("@.n", True),
    ("@.none", True),
    ("@.nothing", False),
    ("!@.nothing", True),
    ("!!@.nothing", False),
    ("@.list[0] == 1", True),
    ("@.list[-1]", True),
    ("@['text'] == 'five'", True),
    ("@.n == 5 && @.yes == true", True),
    ("@.n == 5 && @.yes == false", False),
    ("@.n == 6 || @.yes == true", True),
    ("@.n == 6 || @.n == 5 && @.yes == false", False),
    ("(@.n == 6 || @.n == 5) && @.yes == true", True),
    ("!(@.n == 6 || @.n == 5)", False),
]


@pytest.mark.parametrize(("text", "passes"), ROWS, ids=[text for text, _ in ROWS])
def test_a_filter_passes_what_its_expression_holds_for(
    text: str, passes: bool, environment: Environment
) -> None:
    document: Json = {"items": [ITEM], "five": 5, "other": {"x": 1}}

    found = compile_path(f"$.items[?({text})]").read(document, environment)

    assert found == ([ITEM] if passes else [])


def test_every_operator_has_a_row() -> None:
    used = {word for text, _ in ROWS for word in text.split()}

    assert sorted(COMPARISONS.keys() - used) == []
