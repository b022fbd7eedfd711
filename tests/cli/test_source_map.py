"""Where values stand in a JSON text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepraft.cli.source_map import Span, locate, nearest

TEXT = """{
  "StartAt": "A",
  "States": {
    "A": {"Type": "Task", "Retry": [{"MaxAttempts": 4}, {}]},
    "B/C~": {"Type": "Pass"}
  }
}
"""


@pytest.mark.parametrize(
    ("pointer", "span"),
    [
        pytest.param("/StartAt", Span(2, 14, 3), id="a scalar is found at itself"),
        pytest.param("/States", Span(3, 3, 8), id="an object is found at its key"),
        pytest.param("/States/A/Retry", Span(4, 27, 7), id="an array is found at its key"),
        pytest.param("/States/A/Retry/1", Span(4, 57, 1), id="an item is found at its bracket"),
        pytest.param("/States/A/Retry/0/MaxAttempts", Span(4, 53, 1), id="deep inside"),
        pytest.param("/States/B~1C~0", Span(5, 5, 6), id="a key with signs that pointers escape"),
    ],
)
def test_a_value_is_found_by_its_pointer(pointer: str, span: Span) -> None:
    assert locate(TEXT)[pointer] == span


@pytest.mark.parametrize(
    ("pointer", "span"),
    [
        pytest.param("/States/A/Next", Span(4, 5, 3), id="a missing field: the state"),
        pytest.param(
            "/States/A/Retry/7/ErrorEquals", Span(4, 27, 7), id="a missing item: the array"
        ),
        pytest.param("/Nothing/of/this", None, id="nothing of it is there"),
        pytest.param("/", None, id="the whole text"),
        pytest.param("", None, id="the empty pointer"),
    ],
)
def test_what_is_missing_is_found_at_what_should_hold_it(pointer: str, span: Span | None) -> None:
    assert nearest(locate(TEXT), pointer) == span


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param('{"a": [1, 2', id="cut off"),
        pytest.param('{"a": tru', id="cut off in a word"),
        pytest.param("]]}}", id="closed and never opened"),
        pytest.param(',:,:{,"a"', id="marks alone"),
        pytest.param("{a: 1, \"b\": 'x'}", id="not quite JSON"),
        pytest.param("[" * 100_000, id="deeper than the stack"),
        pytest.param('{"\\ud800": 1, "\\x": 2}', id="escapes that no string has"),
    ],
)
def test_a_text_that_is_no_json_is_read_as_far_as_it_goes(text: str) -> None:
    spans = locate(text)

    assert all(span.line >= 1 and span.column >= 1 for span in spans.values())


def test_of_a_key_that_stands_twice_the_last_one_counts() -> None:
    assert locate('{"a": 1, "a": 22}')["/a"] == Span(1, 15, 2)


_DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(document=_DOCUMENTS, indent=st.sampled_from([None, 0, 2]), ascii_=st.booleans())
def test_every_scalar_stands_where_its_span_says(
    document: object, indent: int | None, ascii_: bool
) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_)
    spans = locate(text)
    lines = text.split("\n")

    for pointer, scalar in _scalars(document, ""):
        span = spans[pointer]
        piece = lines[span.line - 1][span.column - 1 :][: span.length]
        assert json.loads(piece) == scalar


def _scalars(value: object, pointer: str) -> list[tuple[str, object]]:
    """Return the scalars inside a document with their pointers."""
    members: list[tuple[str, object]] = []
    if isinstance(value, dict):
        members = [(key.replace("~", "~0").replace("/", "~1"), each) for key, each in value.items()]
    elif isinstance(value, list):
        members = [(str(index), each) for index, each in enumerate(value)]
    elif pointer:
        return [(pointer, value)]
    return [found for key, each in members for found in _scalars(each, f"{pointer}/{key}")]
