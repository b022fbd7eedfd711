"""Payload templates: what is evaluated, what is copied, what is wrong in them."""

import pytest

from stepraft.interpreter.documents import Json, equal
from stepraft.interpreter.errors import LanguageError
from stepraft.interpreter.expressions.environment import Environment
from stepraft.interpreter.expressions.templates import (
    Template,
    Where,
    compile_expression,
    compile_template,
)

DOCUMENT: Json = {"a": 1, "list": [1, 2, 3], "o": {"x": "y"}}


def compiled(value: Json) -> Template:
    problems: list[tuple[Where, str]] = []
    template = compile_template(value, lambda where, text: problems.append((where, text)))
    assert problems == []
    return template


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        pytest.param({"b.$": "$.a"}, {"b": 1}, id="path"),
        pytest.param({"b": "$.a"}, {"b": "$.a"}, id="text that looks like a path"),
        pytest.param({"b.$": "$$.Execution.Name"}, {"b": "run-1"}, id="context object"),
        pytest.param({"b.$": "$user.name"}, {"b": "Ann"}, id="variable"),
        pytest.param({"b.$": "$.list[*]"}, {"b": [1, 2, 3]}, id="many nodes"),
        pytest.param({"b.$": "States.Array($.a, 2)"}, {"b": [1, 2]}, id="call"),
        pytest.param({"x": {"y": [{"z.$": "$.o"}]}}, {"x": {"y": [{"z": {"x": "y"}}]}}, id="deep"),
        pytest.param(["$.a", {"b.$": "$.a"}], ["$.a", {"b": 1}], id="array"),
        pytest.param(
            {"n": None, "t": True, "f": 1.5}, {"n": None, "t": True, "f": 1.5}, id="fixed"
        ),
        pytest.param("text", "text", id="no object"),
        pytest.param({}, {}, id="empty"),
        pytest.param({".$": "$.a"}, {"": 1}, id="empty name"),
    ],
)
def test_expressions_are_replaced_by_their_values(
    template: Json, expected: Json, environment: Environment
) -> None:
    assert equal(compiled(template).evaluate(DOCUMENT, environment), expected)


def test_the_fields_keep_their_order(environment: Environment) -> None:
    value = compiled({"z.$": "$.a", "y": 1, "x.$": "$.a"}).evaluate(DOCUMENT, environment)

    assert isinstance(value, dict)
    assert list(value) == ["z", "y", "x"]


def test_a_template_can_be_evaluated_again(environment: Environment) -> None:
    template = compiled({"list": [{"a.$": "$.a"}], "b.$": "$.a"})

    values = [template.evaluate({"a": n}, environment) for n in (1, 2)]

    assert values == [{"list": [{"a": 1}], "b": 1}, {"list": [{"a": 2}], "b": 2}]


@pytest.mark.parametrize(
    ("template", "problems"),
    [
        pytest.param(
            {"a.$": "nonsense"},
            [
                (
                    (),
                    (
                        "The value for the field 'a.$' must be a valid JSONPath or a valid"
                        " intrinsic function call"
                    ),
                )
            ],
            id="no expression",
        ),
        pytest.param(
            {"a.$": 1},
            [
                (
                    (),
                    (
                        "The value for the field 'a.$' must be a valid JSONPath or a valid"
                        " intrinsic function call"
                    ),
                )
            ],
            id="no string",
        ),
        pytest.param(
            {"x": [{"a.$": "$["}], "b.$": "States.No()"},
            [
                (
                    ("x", "0"),
                    (
                        "The value for the field 'a.$' must be a valid JSONPath or a valid"
                        " intrinsic function call"
                    ),
                ),
                (
                    (),
                    (
                        "The value for the field 'b.$' must be a valid JSONPath or a valid"
                        " intrinsic function call"
                    ),
                ),
            ],
            id="two at two places",
        ),
        pytest.param(
            {"a": 1, "a.$": "$.a"},
            [((), "The field 'a' stands there with and without '.$'")],
            id="with and without",
        ),
    ],
)
def test_everything_wrong_is_reported(template: Json, problems: list[tuple[Where, str]]) -> None:
    reported: list[tuple[Where, str]] = []

    compile_template(template, lambda where, text: reported.append((where, text)))

    assert reported == problems


@pytest.mark.parametrize(
    ("expression", "name", "cause"),
    [
        pytest.param(
            "$.x",
            "States.Runtime",
            "The JSONPath '$.x' specified for the field 'value.$' could not be found in the input"
            " '{\"a\":1}'",
            id="path",
        ),
        pytest.param(
            "States.Format('{}', $.x)",
            "States.Runtime",
            "The function 'States.Format('{}', $.x)' had the following error: The JsonPath argument"
            " for the field '$.x' could not be found in the input '{\"a\":1}'",
            id="argument",
        ),
        pytest.param(
            "States.ArrayLength(States.MathAdd($.a, 'b'))",
            "States.IntrinsicFailure",
            "The function 'States.MathAdd($.a, 'b')' had the following error: the second number"
            " must be a number, but is string",
            id="function",
        ),
    ],
)
def test_a_failing_expression_says_where(
    expression: str, name: str, cause: str, environment: Environment
) -> None:
    with pytest.raises(LanguageError) as raised:
        compiled({"value.$": expression}).evaluate({"a": 1}, environment)

    assert (raised.value.name, raised.value.cause) == (name, cause)


def test_an_expression_names_all_of_its_paths() -> None:
    expression = compile_expression("States.Array($.a, States.Array($$.b, $c), '$.d')")

    assert [path.text for path in expression.paths] == ["$.a", "$$.b", "$c"]


def test_a_template_that_multiplies_its_input_is_refused(environment: Environment) -> None:
    template = compiled({f"k{n}.$": "$" for n in range(200)})

    with pytest.raises(LanguageError) as raised:
        template.evaluate("x" * 200_000, environment)

    assert raised.value.name == "States.DataLimitExceeded"
