"""What a valid definition becomes, and texts that are none."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepraft.interpreter.definition import (
    ChoiceState,
    Definition,
    FailState,
    MapState,
    ParallelState,
    PassState,
    QueryLanguage,
    Retrier,
    State,
    SucceedState,
    TaskState,
    WaitState,
)
from stepraft.interpreter.documents import Json, dumps
from stepraft.interpreter.expressions.environment import Environment
from stepraft.interpreter.language.diagnostics import Code, Diagnostic, InvalidDefinition, Severity
from stepraft.interpreter.language.fields import STATE_FIELDS, STATE_TYPES
from stepraft.interpreter.language.parse import DEFINITION_SIZE_MAX, diagnose, parse_definition

PASS: dict[str, Json] = {"Type": "Pass", "End": True}
SCOPE: dict[str, Json] = {"StartAt": "Inner", "States": {"Inner": PASS}}
FALLBACK: dict[str, Json] = {"Type": "Succeed"}


def parse(value: Json) -> Definition:
    return parse_definition(dumps(value))


def state(fields: dict[str, Json]) -> State:
    states: dict[str, Json] = {"S": fields}
    if "Choices" in fields or "Catch" in fields or "Next" in fields:
        states["Other"] = FALLBACK
    return parse({"StartAt": "S", "States": states}).states["S"]


def test_a_machine_keeps_its_fields() -> None:
    definition = parse(
        {
            "Comment": "c",
            "Version": "1.0",
            "TimeoutSeconds": 60,
            "QueryLanguage": "JSONPath",
            "StartAt": "A",
            "States": {"A": PASS},
        }
    )

    assert (
        definition.comment,
        definition.version,
        definition.timeout_s,
        definition.query_language,
        definition.start_at,
        list(definition.states),
    ) == ("c", "1.0", 60, QueryLanguage.JSONPATH, "A", ["A"])


def test_what_a_machine_leaves_out_has_a_default() -> None:
    definition = parse({"StartAt": "A", "States": {"A": PASS}})

    assert (definition.comment, definition.version, definition.timeout_s) == (None, "1.0", None)


def test_states_of_every_level_are_found_by_name() -> None:
    definition = parse(
        {
            "StartAt": "A",
            "States": {
                "A": {
                    "Type": "Parallel",
                    "Next": "B",
                    "Branches": [
                        {"StartAt": "A1", "Comment": "one", "States": {"A1": PASS}},
                        {"StartAt": "A2", "States": {"A2": PASS}},
                    ],
                },
                "B": {"Type": "Map", "End": True, "ItemProcessor": SCOPE},
            },
        }
    )
    parallel, mapping = definition.states["A"], definition.states["B"]
    assert isinstance(parallel, ParallelState)
    assert isinstance(mapping, MapState)

    assert list(definition.all_states) == ["A", "A1", "A2", "B", "Inner"]
    assert [(branch.start_at, branch.comment) for branch in parallel.branches] == [
        ("A1", "one"),
        ("A2", None),
    ]
    assert mapping.processor.states["Inner"] is definition.all_states["Inner"]
    assert (parallel.next, mapping.next) == ("B", None)


SIMPLE_FIELDS: list[tuple[dict[str, Json], type[State], dict[str, Any]]] = [
    (PASS, PassState, {"result": None, "has_result": False, "next": None}),
    ({**PASS, "Result": None}, PassState, {"result": None, "has_result": True}),
    ({**PASS, "Result": {"a.$": 1}}, PassState, {"result": {"a.$": 1}, "has_result": True}),
    (
        {**PASS, "InputPath": None, "OutputPath": None, "ResultPath": None},
        PassState,
        {"input_path": None, "output_path": None, "result_path": None},
    ),
    ({"Type": "Pass", "Next": "Other", "End": False}, PassState, {"next": "Other"}),
    ({"Type": "Succeed", "Comment": "c"}, SucceedState, {"comment": "c", "next": None}),
    (
        {"Type": "Fail", "Error": "E", "Cause": "C"},
        FailState,
        {"error": "E", "cause": "C", "error_path": None, "cause_path": None},
    ),
    ({"Type": "Wait", "Seconds": 0, "End": True}, WaitState, {"seconds": 0, "timestamp": None}),
    ({"Type": "Wait", "Seconds": 5.0, "End": True}, WaitState, {"seconds": 5}),
    (
        {"Type": "Wait", "Timestamp": "2024-01-01T00:00:00Z", "End": True},
        WaitState,
        {"seconds": None, "timestamp": "2024-01-01T00:00:00Z"},
    ),
    (
        {"Type": "Task", "Resource": "r", "TimeoutSeconds": 9, "HeartbeatSeconds": 3, "End": True},
        TaskState,
        {"resource": "r", "timeout_s": 9, "heartbeat_s": 3, "retry": (), "catch": ()},
    ),
    (
        {"Type": "Map", "Iterator": SCOPE, "End": True},
        MapState,
        {
            "max_concurrency": 0,
            "items_path": None,
            "item_selector": None,
            "tolerated_failure_count": None,
        },
    ),
    (
        {
            "Type": "Map",
            "ItemProcessor": {**SCOPE, "ProcessorConfig": {"Mode": "INLINE"}},
            "MaxConcurrency": 3,
            "ToleratedFailureCount": 1,
            "ToleratedFailurePercentage": 10,
            "End": True,
        },
        MapState,
        {"max_concurrency": 3, "tolerated_failure_count": 1, "tolerated_failure_percentage": 10.0},
    ),
    (
        {
            "Type": "Choice",
            "Default": "Other",
            "Choices": [{"Variable": "$.a", "IsNull": True, "Next": "Other"}],
        },
        ChoiceState,
        {"default": "Other", "next": None},
    ),
]


@pytest.mark.parametrize(("fields", "kind", "attributes"), SIMPLE_FIELDS)
def test_a_state_keeps_its_fields(
    fields: dict[str, Json], kind: type[State], attributes: dict[str, Any]
) -> None:
    parsed = state(fields)

    assert type(parsed) is kind
    assert parsed.name == "S"
    assert {name: getattr(parsed, name) for name in attributes} == attributes


PATH_FIELDS: list[tuple[dict[str, Json], str]] = [
    ({**PASS, "InputPath": "$.p"}, "input_path"),
    ({**PASS, "OutputPath": "$.p"}, "output_path"),
    ({**PASS, "ResultPath": "$.p"}, "result_path"),
    ({"Type": "Wait", "SecondsPath": "$.p", "End": True}, "seconds_path"),
    ({"Type": "Wait", "TimestampPath": "$.p", "End": True}, "timestamp_path"),
    ({"Type": "Task", "Resource": "r", "TimeoutSecondsPath": "$.p", "End": True}, "timeout_s_path"),
    (
        {"Type": "Task", "Resource": "r", "HeartbeatSecondsPath": "$.p", "End": True},
        "heartbeat_s_path",
    ),
    ({"Type": "Fail", "ErrorPath": "$.p"}, "error_path"),
    ({"Type": "Fail", "CausePath": "$.p"}, "cause_path"),
    ({"Type": "Map", "ItemProcessor": SCOPE, "ItemsPath": "$.p", "End": True}, "items_path"),
    (
        {"Type": "Map", "ItemProcessor": SCOPE, "MaxConcurrencyPath": "$.p", "End": True},
        "max_concurrency_path",
    ),
    (
        {"Type": "Map", "ItemProcessor": SCOPE, "ToleratedFailureCountPath": "$.p", "End": True},
        "tolerated_failure_count_path",
    ),
    (
        {
            "Type": "Map",
            "ItemProcessor": SCOPE,
            "ToleratedFailurePercentagePath": "$.p",
            "End": True,
        },
        "tolerated_failure_percentage_path",
    ),
]


@pytest.mark.parametrize(("fields", "attribute"), PATH_FIELDS)
def test_a_path_is_compiled(fields: dict[str, Json], attribute: str) -> None:
    assert getattr(state(fields), attribute).text == "$.p"


TEMPLATE_FIELDS: list[tuple[dict[str, Json], str]] = [
    ({"Type": "Task", "Resource": "r", "End": True}, "Parameters"),
    ({"Type": "Task", "Resource": "r", "End": True}, "ResultSelector"),
    ({"Type": "Task", "Resource": "r", "End": True}, "Assign"),
    ({"Type": "Pass", "End": True}, "Parameters"),
    ({"Type": "Parallel", "Branches": [SCOPE], "End": True}, "Parameters"),
    ({"Type": "Map", "ItemProcessor": SCOPE, "End": True}, "ItemSelector"),
    ({"Type": "Map", "ItemProcessor": SCOPE, "End": True}, "Parameters"),
    ({"Type": "Wait", "Seconds": 1, "End": True}, "Assign"),
]


@pytest.mark.parametrize(("fields", "name"), TEMPLATE_FIELDS)
def test_a_template_is_compiled(fields: dict[str, Json], name: str) -> None:
    attribute = STATE_FIELDS[str(fields["Type"])][name].attribute
    assert attribute is not None

    template = getattr(state({**fields, name: {"v.$": "$.p"}}), attribute)

    assert [expression.text for expression in template.expressions] == ["$.p"]


def test_retry_and_catch() -> None:
    parsed = state(
        {
            "Type": "Task",
            "Resource": "r",
            "End": True,
            "Retry": [
                {
                    "ErrorEquals": ["A", "States.Timeout"],
                    "IntervalSeconds": 2,
                    "MaxAttempts": 0,
                    "BackoffRate": 1.5,
                    "MaxDelaySeconds": 9,
                    "JitterStrategy": "FULL",
                    "Comment": "c",
                },
                {"ErrorEquals": ["States.ALL"]},
            ],
            "Catch": [
                {"ErrorEquals": ["A"], "Next": "Other", "ResultPath": None, "Comment": "c"},
                {"ErrorEquals": ["States.ALL"], "Next": "Other", "ResultPath": "$.e"},
            ],
        }
    )
    assert isinstance(parsed, TaskState)

    assert parsed.retry == (
        Retrier(
            errors=("A", "States.Timeout"),
            interval_s=2,
            max_attempts=0,
            backoff_rate=1.5,
            max_delay_s=9,
            jitter="FULL",
            comment="c",
        ),
        Retrier(errors=("States.ALL",)),
    )
    assert [
        (catcher.errors, catcher.next_state, catcher.result_path and catcher.result_path.text)
        for catcher in parsed.catch
    ] == [(("A",), "Other", None), (("States.ALL",), "Other", "$.e")]


def test_every_type_of_state_can_be_parsed() -> None:
    kinds = {str(fields["Type"]) for fields, *_ in SIMPLE_FIELDS} | {"Parallel"}

    assert kinds == set(STATE_TYPES) == STATE_FIELDS.keys()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(b"[]", "Definition must be a valid JSON object", id="array"),
        pytest.param(b"null", "Definition must be a valid JSON object", id="null"),
        pytest.param(
            b"not json",
            "definition is not valid JSON: Expecting value at line 1 column 1 (character 0)",
            id="no JSON",
        ),
        pytest.param(
            '{"StartAt":"A","StartAt":"B"}',
            "definition names the key 'StartAt' twice in one object",
            id="duplicate key",
        ),
        pytest.param(
            b'{"States":' * 100_000, "definition nests deeper than 128 levels", id="100,000 levels"
        ),
        pytest.param(
            b" " * DEFINITION_SIZE_MAX + b"{}",
            "definition has 1048578 bytes; at most 1048576 are allowed",
            id="size",
        ),
    ],
)
def test_a_text_that_is_no_object_is_refused(text: bytes | str, message: str) -> None:
    with pytest.raises(InvalidDefinition) as raised:
        parse_definition(text)

    (found,) = raised.value.diagnostics
    assert found == Diagnostic(Severity.ERROR, Code.INVALID_JSON_DESCRIPTION, message, "/")


def test_an_invalid_definition_says_all_that_is_wrong() -> None:
    with pytest.raises(InvalidDefinition) as raised:
        parse({"States": {"A": {"Type": "Pass", "End": True, "Foo": 1}}})

    assert str(raised.value) == (
        "SCHEMA_VALIDATION_FAILED: These fields are required: [StartAt] at /,"
        " SCHEMA_VALIDATION_FAILED: Field is not supported at /States/A/Foo"
    )


def test_a_valid_definition_has_no_diagnostics() -> None:
    assert diagnose(dumps({"StartAt": "A", "States": {"A": PASS}})) == ()


FIELD_NAMES = sorted(
    {name for fields in STATE_FIELDS.values() for name in fields}
    | {"StartAt", "States", "ErrorEquals", "Variable", "And", "Not", "StringMatches", "IsNull"}
)
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-2, 10),
        st.sampled_from(["$", "$.a", "S", "States.ALL", "JSONata", "DISTRIBUTED", *STATE_TYPES]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(FIELD_NAMES), inner, max_size=5),
        st.dictionaries(st.sampled_from(["S", "T", "a.$"]), inner, max_size=2),
    ),
    max_leaves=30,
)


@given(VALUES)
def test_any_json_is_a_definition_or_invalid(value: Json) -> None:
    assert all(isinstance(found, Diagnostic) for found in diagnose(dumps(value)))


@given(st.sampled_from(STATE_TYPES), st.dictionaries(st.sampled_from(FIELD_NAMES), VALUES))
def test_any_fields_are_a_state_or_invalid(kind: str, fields: dict[str, Json]) -> None:
    machine: Json = {"StartAt": "S", "States": {"S": {**fields, "Type": kind}}}

    assert all(isinstance(found, Diagnostic) for found in diagnose(dumps(machine)))


@pytest.mark.parametrize(
    ("nest", "levels"),
    [
        pytest.param(lambda inner: {"Not": inner}, 120, id="Not"),
        pytest.param(lambda inner: {"And": [inner]}, 60, id="And"),
    ],
)
def test_rules_may_nest_as_deep_as_json_may(
    nest: Callable[[dict[str, Json]], dict[str, Json]], levels: int
) -> None:
    rule: dict[str, Json] = {"Variable": "$.a", "IsNull": True}
    for _ in range(levels):
        rule = nest(rule)
    fields: dict[str, Json] = {
        "Type": "Choice",
        "Choices": [{**rule, "Next": "Other"}],
        "Default": "Other",
    }

    parsed = state(fields)

    assert isinstance(parsed, ChoiceState)
    assert parsed.rules[0].matches({"a": None}, Environment(dict, {}, b""))


def test_scopes_may_nest_as_deep_as_json_may() -> None:
    scope: dict[str, Json] = {"StartAt": "S0", "States": {"S0": PASS}}
    for level in range(1, 31):
        parallel: Json = {"Type": "Parallel", "Branches": [scope], "End": True}
        scope = {"StartAt": f"S{level}", "States": {f"S{level}": parallel}}

    assert len(parse(scope).all_states) == 31
