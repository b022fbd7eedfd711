"""Data flow: from a state's raw input to its output, and the values that its fields read."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepraft.interpreter.definition import (
    Catcher,
    ChoiceState,
    FailState,
    MapState,
    PassState,
    State,
    TaskState,
    WaitState,
)
from stepraft.interpreter.documents import Json, dumps
from stepraft.interpreter.errors import LanguageError
from stepraft.interpreter.expressions import data_flow
from stepraft.interpreter.expressions.environment import Environment
from stepraft.interpreter.language.parse import parse_definition

SomeState = TypeVar("SomeState", bound=State)

TASK: dict[str, Json] = {"Type": "Task", "Resource": "work", "End": True}
PASS: dict[str, Json] = {"Type": "Pass", "End": True}
WAIT: dict[str, Json] = {"Type": "Wait", "End": True}
PROCESSOR: Json = {"StartAt": "Inner", "States": {"Inner": PASS}}
MAP: dict[str, Json] = {"Type": "Map", "ItemProcessor": PROCESSOR, "End": True}
FAIL: dict[str, Json] = {"Type": "Fail"}


def state(kind: type[SomeState], fields: dict[str, Json], **more: Json) -> SomeState:
    definition = parse_definition(dumps({"StartAt": "S", "States": {"S": {**fields, **more}}}))
    parsed = definition.states["S"]
    assert isinstance(parsed, kind)
    return parsed


RAW: Json = {"a": {"b": 1}, "list": [1, 2], "keep": True}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, RAW, id="as it is"),
        pytest.param({"InputPath": "$.a"}, {"b": 1}, id="InputPath"),
        pytest.param({"InputPath": None}, {}, id="InputPath null"),
        pytest.param({"InputPath": "$$.Execution"}, {"Name": "run-1"}, id="InputPath, context"),
        pytest.param({"Parameters": {"x.$": "$.a.b"}}, {"x": 1}, id="Parameters"),
        pytest.param(
            {"InputPath": "$.a", "Parameters": {"x.$": "$.b"}}, {"x": 1}, id="Parameters after it"
        ),
    ],
)
def test_the_effective_input(
    fields: dict[str, Json], expected: Json, environment: Environment
) -> None:
    for kind, base in ((TaskState, TASK), (PassState, PASS)):
        assert data_flow.effective_input(state(kind, base, **fields), RAW, environment) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, {"r": [9]}, id="the result replaces the input"),
        pytest.param({"ResultSelector": {"x.$": "$.r[0]"}}, {"x": 9}, id="ResultSelector"),
        pytest.param({"ResultPath": None}, RAW, id="ResultPath null"),
        pytest.param(
            {"ResultPath": "$.a"}, {"a": {"r": [9]}, "list": [1, 2], "keep": True}, id="ResultPath"
        ),
        pytest.param({"OutputPath": "$.r"}, [9], id="OutputPath"),
        pytest.param({"OutputPath": None}, {}, id="OutputPath null"),
        pytest.param(
            {
                "ResultSelector": {"x.$": "$.r[0]"},
                "ResultPath": "$.a.new",
                "OutputPath": "$.a",
            },
            {"b": 1, "new": {"x": 9}},
            id="all three",
        ),
        pytest.param(
            {"InputPath": "$.a", "ResultPath": "$.list[0]", "OutputPath": "$.list"},
            [{"r": [9]}, 2],
            id="into the raw input, whatever InputPath says",
        ),
    ],
)
def test_the_effective_output(
    fields: dict[str, Json], expected: Json, environment: Environment
) -> None:
    for kind, base in ((TaskState, TASK), (MapState, MAP)):
        parsed = state(kind, base, **fields)

        assert data_flow.effective_output(parsed, RAW, {"r": [9]}, environment) == expected


def test_a_wait_puts_out_its_effective_input(environment: Environment) -> None:
    wait = state(WaitState, WAIT, Seconds=0, InputPath="$.a", OutputPath="$.b")
    effective = data_flow.effective_input(wait, RAW, environment)

    assert data_flow.effective_output(wait, RAW, effective, environment) == 1


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, RAW, id="its input"),
        pytest.param({"Parameters": {"x.$": "$.keep"}}, {"x": True}, id="its Parameters"),
        pytest.param({"Result": {"x.$": "$.keep"}}, {"x.$": "$.keep"}, id="its Result, literally"),
        pytest.param({"Result": None}, None, id="its Result, null"),
    ],
)
def test_the_result_of_a_pass_state(
    fields: dict[str, Json], expected: Json, environment: Environment
) -> None:
    parsed = state(PassState, PASS, **fields)
    effective = data_flow.effective_input(parsed, RAW, environment)

    assert data_flow.passed_result(parsed, effective) == expected


def catcher(**fields: Json) -> Catcher:
    catch: Json = [{"ErrorEquals": ["States.ALL"], "Next": "Other", **fields}]
    definition = parse_definition(
        dumps({"StartAt": "S", "States": {"S": {**TASK, "Catch": catch}, "Other": PASS}})
    )
    task = definition.states["S"]
    assert isinstance(task, TaskState)
    return task.catch[0]


@pytest.mark.parametrize(
    ("fields", "cause", "expected"),
    [
        pytest.param({}, "why", {"Error": "Oops", "Cause": "why"}, id="replaces the input"),
        pytest.param({}, None, {"Error": "Oops", "Cause": ""}, id="no cause"),
        pytest.param(
            {"ResultPath": "$.e"},
            "why",
            {**RAW, "e": {"Error": "Oops", "Cause": "why"}},  # type: ignore[dict-item]
            id="ResultPath",
        ),
        pytest.param({"ResultPath": None}, "why", RAW, id="ResultPath null"),
    ],
)
def test_what_a_catcher_passes_on(
    fields: dict[str, Json], cause: str | None, expected: Json, environment: Environment
) -> None:
    task = state(TaskState, TASK)

    output = data_flow.caught_output(task, catcher(**fields), RAW, "Oops", cause, environment)

    assert output == expected


def test_variables_are_assigned_from_result_error_or_input(environment: Environment) -> None:
    task = state(TaskState, TASK, Assign={"v.$": "$.r", "w": 2, "old.$": "$limit"})
    caught = catcher(Assign={"e.$": "$.Error", "c.$": "$.Cause"})

    assigned = data_flow.assigned_variables(task, RAW, {"r": 1}, environment)
    by_catcher = data_flow.caught_variables(task, caught, RAW, "E", None, environment)
    nothing = data_flow.assigned_variables(state(TaskState, TASK), RAW, 1, environment)

    assert assigned == {"v": 1, "w": 2, "old": 3}
    assert by_catcher == {"e": "E", "c": ""}
    assert nothing == {}


SUCCEED: dict[str, Json] = {"Type": "Succeed"}

CHOICE: dict[str, Json] = {
    "Type": "Choice",
    "Choices": [
        {"Variable": "$.n", "NumericGreaterThan": 10, "Next": "S2", "Assign": {"size": "L"}},
        {"Variable": "$.n", "NumericGreaterThan": 5, "Next": "S3"},
    ],
    "Default": "S4",
    "Assign": {"size.$": "$.n"},
}


@pytest.mark.parametrize(
    ("n", "next_state", "assigned"),
    [(11, "S2", {"size": "L"}), (6, "S3", {}), (5, "S4", {"size": 5})],
)
def test_the_first_rule_that_matches_is_chosen_and_assigns(
    n: int, next_state: str, assigned: Json, environment: Environment
) -> None:
    definition = parse_definition(
        dumps(
            {"StartAt": "S", "States": {"S": CHOICE, **dict.fromkeys(("S2", "S3", "S4"), SUCCEED)}}
        )
    )
    choice = definition.states["S"]
    assert isinstance(choice, ChoiceState)

    chosen = data_flow.choose(choice, {"n": n}, environment)

    assert chosen == (next_state, {"n": n}, assigned)


ENTERED_MS = 1_700_000_000_000


@pytest.mark.parametrize(
    ("fields", "until_ms"),
    [
        pytest.param({"Seconds": 10}, ENTERED_MS + 10_000, id="Seconds"),
        pytest.param({"Seconds": 0}, ENTERED_MS, id="no seconds"),
        pytest.param({"SecondsPath": "$.s"}, ENTERED_MS + 7000, id="SecondsPath"),
        pytest.param({"SecondsPath": "$limit"}, ENTERED_MS + 3000, id="SecondsPath, variable"),
        pytest.param({"Timestamp": "1970-01-01T00:00:01Z"}, 1000, id="Timestamp, past"),
        pytest.param({"TimestampPath": "$.t"}, ENTERED_MS + 1, id="TimestampPath"),
        pytest.param({"InputPath": "$.o", "SecondsPath": "$.s"}, ENTERED_MS + 1000, id="InputPath"),
    ],
)
def test_when_a_wait_ends(fields: dict[str, Json], until_ms: int, environment: Environment) -> None:
    raw: Json = {"s": 7, "t": "2023-11-14T22:13:20.001Z", "o": {"s": 1}}

    wait = state(WaitState, WAIT, **fields)

    assert data_flow.wait_until_ms(wait, raw, environment, ENTERED_MS) == until_ms


def test_how_long_a_task_may_take(environment: Environment) -> None:
    raw: Json = {"t": 60, "h": "5"}
    fixed = state(TaskState, TASK, TimeoutSeconds=9, HeartbeatSeconds=3)
    read = state(TaskState, TASK, TimeoutSecondsPath="$.t", HeartbeatSecondsPath="$.h")
    unset = state(TaskState, TASK)

    assert [
        (
            data_flow.timeout_seconds(task, raw, environment),
            data_flow.heartbeat_seconds(task, raw, environment),
        )
        for task in (fixed, read, unset)
    ] == [(9, 3), (60, 5), (None, None)]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"Error": "E", "Cause": "C"}, ("E", "C"), id="fixed"),
        pytest.param({}, (None, None), id="neither"),
        pytest.param(
            {"ErrorPath": "$.e", "CausePath": "States.Format('because {}', $.n)"},
            ("oops", "because 1"),
            id="paths",
        ),
    ],
)
def test_what_a_fail_state_says(
    fields: dict[str, Json], expected: tuple[str | None, str | None], environment: Environment
) -> None:
    fail = state(FailState, FAIL, **fields)

    assert data_flow.fail_error(fail, {"e": "oops", "n": 1}, environment) == expected


def test_the_items_of_a_map_and_the_input_of_each(environment: Environment) -> None:
    raw: Json = {"o": {"rows": [5, 6], "name": "n"}, "max": "2"}
    plain = state(MapState, MAP, ItemsPath="$.o.rows")
    selecting = state(
        MapState,
        MAP,
        InputPath="$.o",
        ItemsPath="$.rows",
        ItemSelector={"n.$": "$.name", "i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value"},
    )

    assert data_flow.map_items(plain, raw, environment) == [5, 6]
    assert data_flow.map_items(selecting, raw, environment) == [5, 6]
    assert data_flow.item_input(plain, raw, 5, environment) == 5
    assert data_flow.item_input(selecting, raw, 5, environment) == {"n": "n", "i": 2, "v": "v"}


def test_the_limits_of_a_map(environment: Environment) -> None:
    raw: Json = {"max": "2", "count": 3, "percent": "12.5"}
    fixed = state(
        MapState, MAP, MaxConcurrency=4, ToleratedFailureCount=1, ToleratedFailurePercentage=50
    )
    read = state(
        MapState,
        MAP,
        MaxConcurrencyPath="$.max",
        ToleratedFailureCountPath="$.count",
        ToleratedFailurePercentagePath="$.percent",
    )
    unset = state(MapState, MAP)

    assert [
        (
            data_flow.max_concurrency(parsed, raw, environment),
            data_flow.tolerated_failures(parsed, raw, environment),
        )
        for parsed in (fixed, read, unset)
    ] == [(4, (1, 50.0)), (2, (3, 12.5)), (0, (None, None))]


def test_credentials_are_a_template(environment: Environment) -> None:
    task = state(TaskState, TASK, Credentials={"RoleArn.$": "$.role"})

    assert data_flow.credentials(task, {"role": "r"}, environment) == {"RoleArn": "r"}
    assert data_flow.credentials(state(TaskState, TASK), {}, environment) is None


Evaluate = Callable[[Any, Json, Environment], object]


def wait_end(wait: WaitState, raw: Json, environment: Environment) -> int:
    return data_flow.wait_until_ms(wait, raw, environment, ENTERED_MS)


FAILURES: list[tuple[type[State], dict[str, Json], Evaluate, Json, str]] = [
    (
        PassState,
        {**PASS, "InputPath": "$.a"},
        data_flow.effective_input,
        {},
        "Invalid path '$.a' : No results for path: $['a']",
    ),
    (
        TaskState,
        {**TASK, "TimeoutSecondsPath": "$.a"},
        data_flow.timeout_seconds,
        {},
        "Invalid path '$.a' : No results for path: $['a']",
    ),
    (
        TaskState,
        {**TASK, "TimeoutSecondsPath": "$.a"},
        data_flow.timeout_seconds,
        {"a": "x"},
        'The TimeoutSecondsPath field refers to value "x" which is not a valid integer: $.a',
    ),
    (
        TaskState,
        {**TASK, "TimeoutSecondsPath": "$.a"},
        data_flow.timeout_seconds,
        {"a": 0},
        'The TimeoutSecondsPath field refers to value "0" which is not between 1 and 99999999: $.a',
    ),
    (
        TaskState,
        {**TASK, "HeartbeatSecondsPath": "$.a"},
        data_flow.heartbeat_seconds,
        {"a": True},
        'The HeartbeatSecondsPath field refers to value "true" which is not a valid integer: $.a',
    ),
    (
        WaitState,
        {**WAIT, "SecondsPath": "$.a"},
        wait_end,
        {},
        "The SecondsPath parameter does not reference an input value: $.a",
    ),
    (
        WaitState,
        {**WAIT, "SecondsPath": "$.a"},
        wait_end,
        {"a": 1.5},
        "The SecondsPath parameter cannot be parsed as a long value: $.a == 1.5",
    ),
    (
        WaitState,
        {**WAIT, "SecondsPath": "$.a"},
        wait_end,
        {"a": "1"},
        "The SecondsPath parameter cannot be parsed as a long value: $.a == 1",
    ),
    (
        WaitState,
        {**WAIT, "SecondsPath": "$.a"},
        wait_end,
        {"a": -1},
        "The SecondsPath parameter references a negative value: $.a == -1",
    ),
    (
        WaitState,
        {**WAIT, "SecondsPath": "$.a"},
        wait_end,
        {"a": 10**9},
        "Wait state delay is too long.",
    ),
    (
        WaitState,
        {**WAIT, "TimestampPath": "$.a"},
        wait_end,
        {},
        "The TimestampPath parameter does not reference an input value: $.a",
    ),
    (
        WaitState,
        {**WAIT, "TimestampPath": "$.a"},
        wait_end,
        {"a": "v"},
        (
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset"
            " date-time format string: $.a == v"
        ),
    ),
    (
        WaitState,
        {**WAIT, "Timestamp": "9999-01-01T00:00:00Z"},
        wait_end,
        {},
        "Wait state delay is too long.",
    ),
    (
        FailState,
        {**FAIL, "ErrorPath": "$.a"},
        data_flow.fail_error,
        {},
        (
            "The JSONPath '$.a' specified for the field 'ErrorPath' could not be found in the"
            " input '{}'"
        ),
    ),
    (
        FailState,
        {**FAIL, "CausePath": "$.a"},
        data_flow.fail_error,
        {"a": 1},
        "The CausePath field refers to a value that is not a string: $.a == 1",
    ),
    (MapState, MAP, data_flow.map_items, {}, 'Reference path "$" must point to array.'),
    (
        MapState,
        {**MAP, "ItemsPath": "$.a"},
        data_flow.map_items,
        {"a": 1},
        'Reference path "$.a" must point to array.',
    ),
    (
        MapState,
        {**MAP, "ItemsPath": "$$"},
        data_flow.map_items,
        {},
        'Reference path "$" must point to array.',
    ),
    (
        MapState,
        {**MAP, "ItemsPath": "$$.Execution"},
        data_flow.map_items,
        {},
        'Reference path "$.Execution" must point to array.',
    ),
    (
        MapState,
        {**MAP, "MaxConcurrencyPath": "$.a"},
        data_flow.max_concurrency,
        {"a": "v"},
        'The MaxConcurrencyPath field refers to value "v" which is not a valid integer: $.a',
    ),
    (
        MapState,
        {**MAP, "MaxConcurrencyPath": "$.a"},
        data_flow.max_concurrency,
        {"a": -1},
        "MaxConcurrency cannot be negative.",
    ),
    (
        MapState,
        {**MAP, "ToleratedFailureCountPath": "$.a"},
        data_flow.tolerated_failures,
        {"a": {}},
        (
            'The ToleratedFailureCountPath field refers to value "{}" which is not a valid'
            " integer: $.a"
        ),
    ),
    (
        MapState,
        {**MAP, "ToleratedFailureCountPath": "$.a"},
        data_flow.tolerated_failures,
        {"a": -1},
        "ToleratedFailureCount cannot be negative.",
    ),
    (
        MapState,
        {**MAP, "ToleratedFailurePercentagePath": "$.a"},
        data_flow.tolerated_failures,
        {"a": "v"},
        (
            'The ToleratedFailurePercentagePath field refers to value "v" which is not a valid'
            " float: $.a"
        ),
    ),
    (
        MapState,
        {**MAP, "ToleratedFailurePercentagePath": "$.a"},
        data_flow.tolerated_failures,
        {"a": "nan"},
        (
            'The ToleratedFailurePercentagePath field refers to value "nan" which is not a valid'
            " float: $.a"
        ),
    ),
    (
        MapState,
        {**MAP, "ToleratedFailurePercentagePath": "$.a"},
        data_flow.tolerated_failures,
        {"a": 101},
        "ToleratedFailurePercentage must be between 0 and 100.",
    ),
]


@pytest.mark.parametrize(("kind", "fields", "evaluate", "raw", "cause"), FAILURES)
def test_a_field_that_cannot_be_read_fails_the_workflow(
    kind: type[State],
    fields: dict[str, Json],
    evaluate: Evaluate,
    raw: Json,
    cause: str,
    environment: Environment,
) -> None:
    with pytest.raises(LanguageError) as raised:
        evaluate(state(kind, fields), raw, environment)

    assert (raised.value.name, raised.value.cause) == ("States.Runtime", cause)


def test_an_output_path_that_leads_nowhere_says_so(environment: Environment) -> None:
    parsed = state(PassState, PASS, OutputPath="$.no.such.result.path")

    with pytest.raises(LanguageError) as raised:
        data_flow.effective_output(parsed, {}, {}, environment)

    assert raised.value.cause == (
        "Invalid path '$.no.such.result.path' : Missing property in path $['no']"
    )


DOCUMENTS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text("ab")),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.sampled_from("ab"), inner)),
    max_leaves=10,
)


@given(DOCUMENTS, DOCUMENTS)
def test_without_filters_input_and_result_pass_unchanged(raw: Json, result: Json) -> None:
    environment = Environment(dict, {}, b"")
    task = state(TaskState, TASK)

    assert data_flow.effective_input(task, raw, environment) is raw
    assert data_flow.effective_output(task, raw, result, environment) is result


@given(DOCUMENTS, DOCUMENTS)
def test_a_state_ends_in_an_output_or_a_language_error(raw: Json, result: Json) -> None:
    environment = Environment(dict, {}, b"")
    task = state(
        TaskState,
        TASK,
        InputPath="$.a",
        Parameters={"x.$": "$.b[0]", "y.$": "States.ArrayLength($..a)"},
        ResultSelector={"x.$": "$.a[*]"},
        ResultPath="$.b.a",
        OutputPath="$.b",
    )
    with suppress(LanguageError):
        data_flow.effective_input(task, raw, environment)
    with suppress(LanguageError):
        data_flow.effective_output(task, raw, result, environment)
