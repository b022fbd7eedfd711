"""ResultPath: where a result goes."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepraft.interpreter.documents import Json
from stepraft.interpreter.errors import LanguageError
from stepraft.interpreter.expressions.environment import Environment
from stepraft.interpreter.expressions.paths import ExpressionSyntaxError, compile_path
from stepraft.interpreter.expressions.reference_paths import compile_result_path


@pytest.mark.parametrize(
    ("path", "document", "expected"),
    [
        pytest.param("$", {"a": 1}, "result", id="the whole"),
        pytest.param("$.a", {"a": 1, "b": 2}, {"a": "result", "b": 2}, id="replaced"),
        pytest.param("$.c", {"a": 1}, {"a": 1, "c": "result"}, id="added"),
        pytest.param("$.x.y.z", {}, {"x": {"y": {"z": "result"}}}, id="made on the way"),
        pytest.param("$['a']['b']", {"a": {"c": 1}}, {"a": {"c": 1, "b": "result"}}, id="inside"),
        pytest.param("$.a[1]", {"a": [1, 2, 3]}, {"a": [1, "result", 3]}, id="element"),
        pytest.param("$.a[0].b", {"a": [{}]}, {"a": [{"b": "result"}]}, id="in an element"),
    ],
)
def test_a_result_goes_where_the_path_leads(path: str, document: Json, expected: Json) -> None:
    untouched = copy.deepcopy(document)

    assert compile_result_path(path).merge(document, "result") == expected
    assert document == untouched


@pytest.mark.parametrize(
    ("path", "document", "shown"),
    [
        pytest.param("$.a", [1], "[1]", id="into an array"),
        pytest.param("$.a", None, "null", id="into null"),
        pytest.param("$.a.b", {"a": "text"}, '"text"', id="into a string on the way"),
        pytest.param("$.a[3]", {"a": [1]}, "[1]", id="beyond an array"),
        pytest.param("$.new[0]", {}, "{}", id="element of what is made"),
    ],
)
def test_a_result_that_has_no_place_fails_the_workflow(
    path: str, document: Json, shown: str
) -> None:
    with pytest.raises(LanguageError) as raised:
        compile_result_path(path).merge(document, 1)

    assert (raised.value.name, raised.value.cause) == (
        "States.ResultPathMatchFailure",
        f"Unable to apply ReferencePath {path} to input {shown}",
    )


@pytest.mark.parametrize("path", ["$$.a", "$variable", "$.a[*]", "$..a", "a", "$" + ".a" * 129])
def test_a_result_goes_into_the_input_alone(path: str) -> None:
    with pytest.raises(ExpressionSyntaxError):
        compile_result_path(path)


NAMES = st.lists(st.sampled_from("abc"), min_size=1, max_size=4)
OBJECTS: st.SearchStrategy[dict[str, Json]] = st.recursive(
    st.just({}), lambda inner: st.dictionaries(st.sampled_from("abc"), inner), max_leaves=8
)


@given(NAMES, OBJECTS, st.integers())
def test_what_is_written_can_be_read(
    names: list[str], document: dict[str, Json], result: int
) -> None:
    path = "$." + ".".join(names)

    merged = compile_result_path(path).merge(document, result)

    assert compile_path(path).read(merged, Environment(dict, {}, b"")) == result
