"""Fields with JSONata in them: what an expression sees, and what is said of one that fails."""

from typing import Any

import pytest

from stepraft.interpreter.documents import Json
from stepraft.interpreter.errors import QueryError
from stepraft.interpreter.expressions.environment import Environment
from stepraft.interpreter.expressions.queries import Inputs, compile_query

NOW_MS = 1_700_000_000_123


def environment() -> Environment:
    return Environment(
        lambda: {"Execution": {"Name": "e"}}, {"v": 1, "w": [2]}, entropy=b"e" * 32, now_ms=NOW_MS
    )


def evaluated(value: Json, **others: Json) -> Json:
    problems: list[Any] = []
    query = compile_query(value, "Output", lambda where, text: problems.append((where, text)))
    assert problems == []
    return query.evaluate(Inputs({"a": 1}, **others), environment())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(7, 7, id="no expression"),
        pytest.param("a %} {% b", "a %} {% b", id="marks in the middle mean nothing"),
        pytest.param(" {% 1 %}", " {% 1 %}", id="nor behind a blank"),
        pytest.param("{%1+1%}", 2, id="blanks inside do not matter"),
        pytest.param("{% $states.input.a %}", 1, id="the input"),
        pytest.param("{% $states.context.Execution.Name %}", "e", id="the context"),
        pytest.param("{% $states.result %}", {"r": 1}, id="the result"),
        pytest.param("{% $v + $w[0] %}", 3, id="variables"),
        pytest.param("{% ($v := 5; $v) %}", 5, id="variables of its own hide them"),
        pytest.param("{% $millis() %}", NOW_MS, id="the time of the evaluation"),
        pytest.param(
            {"{% 1 %}": ["{% $v %}", {"x": "{% null %}"}]},
            {"{% 1 %}": [1, {"x": None}]},
            id="at any depth, but not in keys",
        ),
        pytest.param("{% [$w[$ > 5]] %}", [], id="an array of nothing"),
        pytest.param("{% {'a': 6 / 2} %}", {"a": 3}, id="whole numbers are whole"),
    ],
)
def test_a_field_gives(value: Json, expected: Json) -> None:
    assert evaluated(value, result={"r": 1}) == expected


@pytest.mark.parametrize(
    ("value", "location", "what"),
    [
        pytest.param("{% $no %}", "Output", "returned nothing (undefined).", id="undefined"),
        pytest.param(
            {"a": ["{% a %}"]}, "Output/a[0]", "returned nothing (undefined).", id="a bare name"
        ),
        pytest.param(
            "{% $states.errorOutput %}", "Output", "returned nothing (undefined).", id="-"
        ),
        pytest.param("{% $sum %}", "Output", "returned an unsupported result type.", id="function"),
        pytest.param(
            "{% [function(){1}] %}", "Output", "returned an unsupported result type.", id="inside"
        ),
        pytest.param("{% 1/0 %}", "Output", "returned an unsupported result type.", id="infinite"),
        pytest.param(
            "{% 'a' + 1 %}",
            "Output",
            "threw an error during evaluation. T2001: The left side of the + operator must "
            "evaluate to a number",
            id="error",
        ),
    ],
)
def test_a_field_that_fails_names_the_expression_and_the_place(
    value: Json, location: str, what: str
) -> None:
    with pytest.raises(QueryError) as failed:
        evaluated(value)

    text = str(value).partition("{%")[2].partition("%}")[0].strip()
    assert failed.value.location == location
    assert failed.value.cause == (
        f"The JSONata expression '{text}' specified for the field '{location}' {what}"
    )


def test_all_wrong_expressions_are_reported() -> None:
    problems: list[Any] = []
    value: Json = {"a": "{% ( %}", "b": ["{% 1", "{% 2 %}"]}

    compile_query(value, "Output", lambda where, text: problems.append((where, text)))

    assert problems == [
        (("a",), "The JSONata expression '(' is not valid: S0207: Unexpected end of expression"),
        (("b", "0"), "An expression that begins with {% must end with %}"),
    ]
