"""Documents: what becomes JSON text, and what is refused before anything is sent."""

import pytest

from stepraft.client import DocumentError, Json, JsonText
from stepraft.client.documents import EMPTY_OBJECT, dumps, loads


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(None, "null", id="null"),
        pytest.param({"a": [1, 2.5, True]}, '{"a":[1,2.5,true]}', id="compact"),
        pytest.param("Grüße 🚚", '"Grüße 🚚"', id="not escaped"),
        pytest.param((1, 2), "[1,2]", id="tuple"),
        pytest.param(2**70, "1180591620717411303424", id="large integer"),
        pytest.param(JsonText('{"total": 1.10}'), '{"total": 1.10}', id="text as it is"),
        pytest.param(EMPTY_OBJECT, "{}", id="nothing given"),
    ],
)
def test_a_value_becomes_compact_text(value: Json, text: str) -> None:
    assert dumps(value, "input") == text


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(float("nan"), id="not a number"),
        pytest.param([float("inf")], id="infinity"),
        pytest.param({"a": object()}, id="not JSON"),
        pytest.param({(1, 2): 3}, id="key not a string"),
        pytest.param("\ud800", id="lone surrogate"),
    ],
)
def test_what_json_cannot_hold_is_refused_with_the_name_of_the_document(value: Json) -> None:
    with pytest.raises(DocumentError, match=r"^output cannot be written as JSON: "):
        dumps(value, "output")


def test_a_value_that_holds_itself_is_refused() -> None:
    value: list[Json] = []
    value.append(value)

    with pytest.raises(DocumentError, match="input cannot be written as JSON"):
        dumps(value, "input")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("", None, id="not there"),
        pytest.param("null", None, id="null"),
        pytest.param('{"a":[1]}', {"a": [1]}, id="object"),
    ],
)
def test_text_becomes_a_value(text: str, value: Json) -> None:
    assert loads(text) == value
