"""Paths: what they lead to, what they say when they lead nowhere, which texts are none."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepraft.interpreter.documents import Json
from stepraft.interpreter.expressions.environment import Environment
from stepraft.interpreter.expressions.paths import (
    ExpressionSyntaxError,
    PathMissError,
    compile_path,
    compile_reference_path,
)

STORE: Json = {
    "book": [
        {"title": "Moby Dick", "price": 9, "tags": ["sea", "whale"]},
        {"title": "Emma", "price": 7.5, "tags": []},
        {"title": "Ulysses", "price": 12},
    ],
    "owner": {"name": "Ann", "price": 1},
    "a.b": 1,
    "with blank": {"it's": 2},
    "none": None,
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("$", STORE, id="everything"),
        pytest.param("$.owner.name", "Ann", id="names"),
        pytest.param("$['owner']['name']", "Ann", id="names in brackets"),
        pytest.param('$["owner"].name', "Ann", id="double quotes"),
        pytest.param("$.book[1].title", "Emma", id="index"),
        pytest.param("$.book[-1].title", "Ulysses", id="index from the end"),
        pytest.param("$.book[0]['tags'][1]", "whale", id="index of an index"),
        pytest.param("$.none", None, id="null"),
        pytest.param("$['a.b']", 1, id="dot in a name in brackets"),
        pytest.param(r"$.a\.b", 1, id="escaped dot"),
        pytest.param(r"$.\u006fwner.name", "Ann", id="escaped character"),
        pytest.param(r"$['with blank']['it\'s']", 2, id="escaped quote"),
        pytest.param("$[ 'owner' ].name", "Ann", id="blanks in brackets"),
        pytest.param("$$.Execution.Name", "run-1", id="context object"),
        pytest.param(
            "$$",
            {"Execution": {"Name": "run-1"}, "Map": {"Item": {"Index": 2, "Value": "v"}}},
            id="whole context object",
        ),
        pytest.param("$limit", 3, id="variable"),
        pytest.param("$user.name", "Ann", id="part of a variable"),
        pytest.param("$['owner','none']", {"owner": STORE["owner"], "none": None}, id="names"),  # type: ignore[call-overload,index]
        pytest.param("$.owner['name','nothing']", {"name": "Ann"}, id="names, one missing"),
    ],
)
def test_a_definite_path_leads_to_its_node(
    path: str, expected: Json, environment: Environment
) -> None:
    assert compile_path(path).read(STORE, environment) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("$.book[*].title", ["Moby Dick", "Emma", "Ulysses"], id="wildcard"),
        pytest.param("$.book.*.title", ["Moby Dick", "Emma", "Ulysses"], id="dotted wildcard"),
        pytest.param("$.owner.*", ["Ann", 1], id="wildcard over an object"),
        pytest.param("$.owner.name.*", [], id="wildcard over a scalar"),
        pytest.param("$.book[*].tags[0]", ["sea"], id="missing behind a wildcard"),
        pytest.param("$..price", [9, 7.5, 12, 1], id="descent"),
        pytest.param("$..tags[*]", ["sea", "whale"], id="wildcard behind descent"),
        pytest.param("$.book..[0]", [STORE["book"][0], "sea"], id="index behind descent"),  # type: ignore[call-overload,index]
        pytest.param("$..nothing", [], id="descent to nothing"),
        pytest.param("$.book[0,2].title", ["Moby Dick", "Ulysses"], id="indexes"),
        pytest.param("$.book[0,9].title", ["Moby Dick"], id="indexes, one missing"),
        pytest.param("$.book[1:].title", ["Emma", "Ulysses"], id="slice from"),
        pytest.param("$.book[:1].title", ["Moby Dick"], id="slice to"),
        pytest.param("$.book[-2:-1].title", ["Emma"], id="slice from the end"),
        pytest.param(
            "$.book[*]['title','price']",
            [
                {"title": "Moby Dick", "price": 9},
                {"title": "Emma", "price": 7.5},
                {"title": "Ulysses", "price": 12},
            ],
            id="names last",
        ),
        pytest.param("$['book','owner'][0].title", ["Moby Dick"], id="names not last"),
        pytest.param("$.book[?(@.price < 10)].title", ["Moby Dick", "Emma"], id="filter"),
        pytest.param("$.owner[?(@.name == 'Ann')].price", [1], id="filter on an object"),
        pytest.param("$.book[?(@.price > 99)]", [], id="filter without match"),
    ],
)
def test_an_indefinite_path_gives_the_list_of_its_nodes(
    path: str, expected: Json, environment: Environment
) -> None:
    assert compile_path(path).read(STORE, environment) == expected


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        pytest.param("$.no", "No results for path: $['no']", id="last name"),
        pytest.param("$.owner.no", "No results for path: $['owner']['no']", id="last of two"),
        pytest.param("$.no.such.path", "Missing property in path $['no']", id="first of three"),
        pytest.param("$.book[9]", "No results for path: $['book'][9]", id="index"),
        pytest.param("$.book[-4]", "No results for path: $['book'][-4]", id="index from the end"),
        pytest.param(
            "$.owner.name.first",
            "Expected to find an object with property ['first'] in path $['owner']['name']"
            " but found string",
            id="name of a string",
        ),
        pytest.param(
            "$.owner.name[0]",
            "Expected to find an array in path $['owner']['name'] but found string",
            id="index of a string",
        ),
        pytest.param(
            "$.owner[0]",
            "Expected to find an array in path $['owner'] but found object",
            id="index of an object",
        ),
        pytest.param("$.no[*].x", "Missing property in path $['no']", id="before a wildcard"),
        pytest.param(
            "$.owner[1:]",
            "Expected to find an array in path $['owner'] but found object",
            id="slice of an object",
        ),
        pytest.param(
            "$.owner.name[?(@.a)]",
            "Expected to find an object or array in path $['owner']['name'] but found string",
            id="filter of a string",
        ),
        pytest.param("$nobody", "The variable $nobody has no value", id="variable"),
        pytest.param("$user.age", "No results for path: $['age']", id="part of a variable"),
    ],
)
def test_a_path_that_leads_nowhere_says_where_it_ends(
    path: str, detail: str, environment: Environment
) -> None:
    with pytest.raises(PathMissError) as raised:
        compile_path(path).read(STORE, environment)

    assert str(raised.value) == detail


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        pytest.param("", "a path begins with '$'; it is missing at character 1", id="empty"),
        pytest.param("a.b", "a path begins with '$'; it is missing at character 1", id="no root"),
        pytest.param("$.", "a name is missing at character 3", id="dot last"),
        pytest.param("$..", "a name is missing at character 4", id="two dots last"),
        pytest.param("$.a b", "' ' is unexpected at character 4", id="blank"),
        pytest.param(
            "$.a[",
            "an index, a quoted name, '*' or a filter is missing at character 5",
            id="open bracket",
        ),
        pytest.param("$.a[1", "']' is missing at character 6", id="no closing bracket"),
        pytest.param("$.a['b]", "a closing quote is missing at character 5", id="no closing quote"),
        pytest.param(
            "$.a[x]",
            "an index, a quoted name, '*' or a filter is missing at character 5",
            id="bare name in brackets",
        ),
        pytest.param("$.a[1:2:3]", "']' is missing at character 8", id="slice with a step"),
        pytest.param(
            "$.a.length()",
            "paths have no functions such as length(); one stands at character 11",
            id="function",
        ),
        pytest.param("$1a", "'1a' is no variable name at character 4", id="variable name"),
        pytest.param(
            "$.a[?(@.b =~ /x/)]",
            "the operator '=~' is not supported in filters at character 13",
            id="regular expression",
        ),
        pytest.param(
            "$.a[?(@.b == @..c)]",
            "a path inside a filter leads to a single node; another one stands at character 18",
            id="descent in a filter",
        ),
        pytest.param("$.a[?(@.b)", "']' is missing at character 11", id="filter not closed"),
        pytest.param("$.a[?@.b]", "'(' is missing at character 6", id="filter not opened"),
        pytest.param("$.a[?((@.b]", "')' is missing at character 11", id="filter not closed twice"),
        pytest.param(
            "$.a[?(@.b ==)]", "a path or a value is missing at character 13", id="operand missing"
        ),
        pytest.param("$" + ".a" * 3000, "a path has at most 4096 characters", id="endless"),
        pytest.param(
            "$[?" + "(" * 1000,
            "a filter nests more than 32 levels at character 37",
            id="deep filter",
        ),
    ],
)
def test_a_text_that_is_no_path_is_refused(path: str, problem: str) -> None:
    with pytest.raises(ExpressionSyntaxError) as raised:
        compile_path(path)

    assert str(raised.value) == problem


@pytest.mark.parametrize("path", ["$", "$.a.b", "$['a']", "$.a[0]", "$$.Map.Item.Index", "$v.a"])
def test_a_path_to_a_single_node_is_a_reference_path(path: str) -> None:
    assert compile_reference_path(path).text == path


@pytest.mark.parametrize("path", ["$.*", "$..a", "$.a[0,1]", "$.a[1:]", "$['a','b']", "$[?(@.a)]"])
def test_a_path_to_many_nodes_is_no_reference_path(path: str) -> None:
    with pytest.raises(ExpressionSyntaxError, match="a reference path identifies a single node"):
        compile_reference_path(path)


@pytest.mark.parametrize(
    ("path", "variable"), [("$.a", None), ("$$.a", None), ("$v", "v"), ("$größe.a", "größe")]
)
def test_a_path_names_the_variable_that_it_reads(path: str, variable: str | None) -> None:
    assert compile_path(path).variable == variable


@given(st.text(alphabet="$@.*[]'\"?()=!<>&|,:-01a\\ ", max_size=30))
def test_any_text_is_a_path_or_a_syntax_error(text: str) -> None:
    try:
        path = compile_path(text)
    except ExpressionSyntaxError:
        return
    with suppress(PathMissError):
        path.read({"a": [{"a": 1}, "a", None]}, Environment(dict, {}, b""))
