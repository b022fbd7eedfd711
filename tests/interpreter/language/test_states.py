"""One state at a time: every rule about fields, with the code and place of its diagnostic."""

from collections.abc import Callable
from typing import TypeAlias

import pytest

from stepraft.interpreter.documents import Json
from stepraft.interpreter.expressions.choice_rules import OPERATORS, OperandKind
from stepraft.interpreter.language.fields import STATE_FIELDS, STATE_GROUPS

Problems: TypeAlias = list[tuple[str, str, str]]
Diagnose: TypeAlias = Callable[[Json], Problems]

FAILED = "SCHEMA_VALIDATION_FAILED"
INNER: Json = {"Inner": {"Type": "Pass", "End": True}}
SCOPE: dict[str, Json] = {"StartAt": "Inner", "States": INNER}
RULE: dict[str, Json] = {"Variable": "$.a", "IsNull": True, "Next": "Other"}

VALID: dict[str, dict[str, Json]] = {
    "Task": {"Type": "Task", "Resource": "r", "End": True},
    "Parallel": {"Type": "Parallel", "Branches": [SCOPE], "End": True},
    "Map": {"Type": "Map", "ItemProcessor": SCOPE, "End": True},
    "Pass": {"Type": "Pass", "End": True},
    "Wait": {"Type": "Wait", "Seconds": 1, "End": True},
    "Choice": {"Type": "Choice", "Choices": [RULE], "Default": "Other"},
    "Succeed": {"Type": "Succeed"},
    "Fail": {"Type": "Fail"},
}


@pytest.mark.parametrize("kind", VALID)
def test_a_valid_state_has_no_problems(kind: str, problems_of_state: Diagnose) -> None:
    assert problems_of_state(VALID[kind]) == []


@pytest.mark.parametrize("kind", VALID)
def test_an_unknown_field_is_named(kind: str, problems_of_state: Diagnose) -> None:
    assert problems_of_state({**VALID[kind], "Resorce": 1}) == [
        (FAILED, "Field is not supported", "/States/S/Resorce")
    ]


NOT_ALLOWED = [
    (kind, field)
    for kind, fields in STATE_FIELDS.items()
    for field in sorted({name for other in STATE_FIELDS.values() for name in other} - fields.keys())
]


@pytest.mark.parametrize(("kind", "field"), NOT_ALLOWED)
def test_a_field_of_another_type_is_refused(
    kind: str, field: str, problems_of_state: Diagnose
) -> None:
    found = problems_of_state({**VALID[kind], field: "Other"})

    assert (FAILED, "Field is not supported", f"/States/S/{field}") in found


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        (kind, name)
        for kind, fields in STATE_FIELDS.items()
        for name, field in fields.items()
        if field.language == "JSONata"
    ],
)
def test_a_field_of_jsonata_is_refused_in_jsonpath(
    kind: str, field: str, problems_of_state: Diagnose
) -> None:
    assert problems_of_state({**VALID[kind], field: 1}) == [
        (FAILED, "Field is not supported by the query language JSONPath", f"/States/S/{field}")
    ]


WRONG_VALUES: list[tuple[str, dict[str, Json], str, str]] = [
    ("Task", {"Resource": 1}, "The field 'Resource' must be a string", "Resource"),
    ("Task", {"Resource": ""}, "Value cannot be empty", "Resource"),
    ("Task", {"Comment": 1}, "The field 'Comment' must be a string", "Comment"),
    (
        "Task",
        {"TimeoutSeconds": 0},
        "The field 'TimeoutSeconds' must be from 1 to 99999999",
        "TimeoutSeconds",
    ),
    (
        "Task",
        {"TimeoutSeconds": 10**8},
        "The field 'TimeoutSeconds' must be from 1 to 99999999",
        "TimeoutSeconds",
    ),
    (
        "Task",
        {"TimeoutSeconds": "60"},
        "The field 'TimeoutSeconds' must be an integer",
        "TimeoutSeconds",
    ),
    (
        "Task",
        {"TimeoutSeconds": True},
        "The field 'TimeoutSeconds' must be an integer",
        "TimeoutSeconds",
    ),
    (
        "Task",
        {"TimeoutSeconds": 1.5},
        "The field 'TimeoutSeconds' must be an integer",
        "TimeoutSeconds",
    ),
    (
        "Task",
        {"HeartbeatSeconds": 0},
        "The field 'HeartbeatSeconds' must be from 1 to 99999999",
        "HeartbeatSeconds",
    ),
    (
        "Task",
        {"TimeoutSeconds": 5, "HeartbeatSeconds": 5},
        "HeartbeatSeconds must be less than TimeoutSeconds",
        "HeartbeatSeconds",
    ),
    (
        "Task",
        {"TimeoutSecondsPath": 5},
        (
            "The value for the field 'TimeoutSecondsPath' must be a valid Reference Path: it must"
            " be a string"
        ),
        "TimeoutSecondsPath",
    ),
    (
        "Task",
        {"TimeoutSecondsPath": "$.a[*]"},
        (
            "The value for the field 'TimeoutSecondsPath' must be a valid Reference Path: a"
            " reference path identifies a single node"
        ),
        "TimeoutSecondsPath",
    ),
    (
        "Task",
        {"InputPath": "a"},
        (
            "The value for the field 'InputPath' must be a valid JSONPath: a path begins with"
            " '$'; it is missing at character 1"
        ),
        "InputPath",
    ),
    (
        "Task",
        {"ResultPath": "$$.a"},
        (
            "The value for the field 'ResultPath' must be a valid Reference Path: a result goes"
            " into the input: the path begins with '$.'"
        ),
        "ResultPath",
    ),
    (
        "Task",
        {"Parameters": {"a.$": "a"}},
        "The value for the field 'a.$' must be a valid JSONPath or a valid intrinsic function call",
        "Parameters",
    ),
    (
        "Task",
        {"Parameters": {"x": [{"a.$": "a"}]}},
        "The value for the field 'a.$' must be a valid JSONPath or a valid intrinsic function call",
        "Parameters/x/0",
    ),
    ("Task", {"Credentials": {}}, "These fields are required: [RoleArn]", "Credentials"),
    ("Task", {"Credentials": "arn"}, "The field 'Credentials' must be an object", "Credentials"),
    ("Task", {"Retry": {}}, "The field 'Retry' must be an array", "Retry"),
    (
        "Task",
        {"QueryLanguage": "SQL"},
        "The field 'QueryLanguage' should have one of these values: [JSONPath, JSONata]",
        "QueryLanguage",
    ),
    ("Task", {"Assign": []}, "The field 'Assign' must be an object", "Assign"),
    ("Task", {"End": "true", "Next": "Other"}, "The field 'End' must be a boolean", "End"),
    ("Parallel", {"Branches": []}, "Value cannot be empty", "Branches"),
    ("Parallel", {"Branches": {}}, "The field 'Branches' must be an array", "Branches"),
    ("Parallel", {"Branches": [1]}, "A branch must be an object", "Branches/0"),
    ("Parallel", {"Branches": [{**SCOPE, "Foo": 1}]}, "Field is not supported", "Branches/0/Foo"),
    (
        "Parallel",
        {"Branches": [{"States": INNER}]},
        "These fields are required: [StartAt]",
        "Branches/0",
    ),
    ("Map", {"ItemProcessor": 1}, "The field 'ItemProcessor' must be an object", "ItemProcessor"),
    (
        "Map",
        {"ItemsPath": "$..a"},
        (
            "The value for the field 'ItemsPath' must be a valid Reference Path: a reference path"
            " identifies a single node"
        ),
        "ItemsPath",
    ),
    (
        "Map",
        {"MaxConcurrency": -1},
        "The field 'MaxConcurrency' must be from 0 to 99999999",
        "MaxConcurrency",
    ),
    (
        "Map",
        {"ToleratedFailureCount": -1},
        "The field 'ToleratedFailureCount' must be from 0 to 99999999",
        "ToleratedFailureCount",
    ),
    (
        "Map",
        {"ToleratedFailurePercentage": 101},
        "The field 'ToleratedFailurePercentage' must be from 0 to 100",
        "ToleratedFailurePercentage",
    ),
    (
        "Map",
        {"ToleratedFailurePercentage": "5"},
        "The field 'ToleratedFailurePercentage' must be a number",
        "ToleratedFailurePercentage",
    ),
    ("Map", {"Label": "l"}, "Field is only supported in the mode DISTRIBUTED", "Label"),
    ("Map", {"ItemReader": {}}, "Field is only supported in the mode DISTRIBUTED", "ItemReader"),
    ("Map", {"ItemBatcher": {}}, "Field is only supported in the mode DISTRIBUTED", "ItemBatcher"),
    (
        "Map",
        {"ResultWriter": {}},
        "Field is only supported in the mode DISTRIBUTED",
        "ResultWriter",
    ),
    (
        "Map",
        {"ItemProcessor": {**SCOPE, "ProcessorConfig": {"Mode": "FAST"}}},
        "The field 'Mode' should have one of these values: [INLINE, DISTRIBUTED]",
        "ItemProcessor/ProcessorConfig/Mode",
    ),
    (
        "Map",
        {"ItemProcessor": {**SCOPE, "ProcessorConfig": {"ExecutionType": "EXPRESS"}}},
        "Field is only supported in the mode DISTRIBUTED",
        "ItemProcessor/ProcessorConfig/ExecutionType",
    ),
    ("Wait", {"Seconds": -1}, "The field 'Seconds' must be from 0 to 99999999", "Seconds"),
    ("Wait", {"Seconds": "{% 1 %}"}, "The field 'Seconds' must be an integer", "Seconds"),
    ("Choice", {"Choices": []}, "Value cannot be empty", "Choices"),
    ("Choice", {"Choices": [1]}, "A choice rule must be an object", "Choices/0"),
    ("Choice", {"Default": 1}, "The field 'Default' must be a string", "Default"),
    ("Fail", {"Error": 1}, "The field 'Error' must be a string", "Error"),
    (
        "Fail",
        {"ErrorPath": "a"},
        (
            "The value for the field 'ErrorPath' must be a valid JSONPath or a valid intrinsic"
            " function call"
        ),
        "ErrorPath",
    ),
    (
        "Fail",
        {"CausePath": "States.Nope()"},
        (
            "The value for the field 'CausePath' must be a valid JSONPath or a valid intrinsic"
            " function call"
        ),
        "CausePath",
    ),
]


@pytest.mark.parametrize(("kind", "fields", "message", "place"), WRONG_VALUES)
def test_a_wrong_value_is_named_with_its_rule(
    kind: str, fields: dict[str, Json], message: str, place: str, problems_of_state: Diagnose
) -> None:
    assert problems_of_state({**VALID[kind], **fields}) == [(FAILED, message, f"/States/S/{place}")]


@pytest.mark.parametrize("timestamp", ["2016-13-05T21:29:29Z", "05-12-2016T21:29:29Z", "{% $t %}"])
def test_a_wait_until_no_timestamp_is_refused(timestamp: str, problems_of_state: Diagnose) -> None:
    assert problems_of_state({"Type": "Wait", "Timestamp": timestamp, "End": True}) == [
        (FAILED, "String does not match RFC3339 timestamp", "/States/S/Timestamp")
    ]


@pytest.mark.parametrize(
    ("kind", "field"),
    [("Task", "Resource"), ("Parallel", "Branches"), ("Choice", "Choices")],
)
def test_a_missing_field_is_named(kind: str, field: str, problems_of_state: Diagnose) -> None:
    fields = {name: value for name, value in VALID[kind].items() if name != field}

    assert problems_of_state(fields)[0] == (
        FAILED,
        f"These fields are required: [{field}]",
        "/States/S",
    )


@pytest.mark.parametrize(
    ("state", "place"),
    [({"Type": "Job"}, "/States/S/Type"), ({}, "/States/S/Type"), ({"Type": 1}, "/States/S/Type")],
)
def test_an_unknown_type_is_refused(state: Json, place: str, problems_of_state: Diagnose) -> None:
    assert (
        FAILED,
        (
            "The field 'Type' should have one of these values:"
            " [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map]"
        ),
        place,
    ) in problems_of_state(state)


def test_a_state_is_an_object(problems_of_state: Diagnose) -> None:
    assert problems_of_state("Pass")[0] == (FAILED, "A state must be an object", "/States/S")


SAMPLES: dict[str, Json] = {
    "TimeoutSeconds": 9,
    "HeartbeatSeconds": 3,
    "Seconds": 1,
    "Timestamp": "2024-01-01T00:00:00Z",
    "ItemProcessor": SCOPE,
    "Iterator": SCOPE,
    "ItemSelector": {},
    "Parameters": {},
    "MaxConcurrency": 1,
    "ToleratedFailureCount": 1,
    "ToleratedFailurePercentage": 1,
}
PAIRS = [
    (kind, first, second)
    for kind, groups in STATE_GROUPS.items()
    for group in groups
    for first in group.names
    for second in group.names
    if group.names.index(first) < group.names.index(second)
]


@pytest.mark.parametrize(("kind", "first", "second"), PAIRS)
def test_fields_that_exclude_one_another_are_refused_together(
    kind: str, first: str, second: str, problems_of_state: Diagnose
) -> None:
    grouped = {name for group in STATE_GROUPS[kind] for name in group.names}
    needed = {"ItemProcessor"} - {first, second}
    base = {k: v for k, v in VALID[kind].items() if k not in grouped or k in needed - {"Iterator"}}
    if {first, second} == {"ItemProcessor", "Iterator"}:
        base = {"Type": "Map", "End": True}

    found = problems_of_state(
        {**base, first: SAMPLES.get(first, "$.a"), second: SAMPLES.get(second, "$.a")}
    )

    message = f"Only one of these fields is allowed: [{first}, {second}]"
    assert (FAILED, message, "/States/S") in found


@pytest.mark.parametrize(
    ("state", "names"),
    [
        ({"Type": "Wait", "End": True}, "Seconds, SecondsPath, Timestamp, TimestampPath"),
        ({"Type": "Map", "End": True}, "ItemProcessor, Iterator"),
        ({"Type": "Pass"}, "Next, End"),
        ({"Type": "Pass", "End": False}, "Next, End"),
    ],
)
def test_one_of_several_fields_is_required(
    state: Json, names: str, problems_of_state: Diagnose
) -> None:
    found = problems_of_state(state)

    assert found[0] == (FAILED, f"One of these fields is required: [{names}]", "/States/S")


def test_next_and_end_exclude_each_other(problems_of_state: Diagnose) -> None:
    assert problems_of_state({"Type": "Pass", "Next": "Other", "End": True}) == [
        (FAILED, "Only one of these fields is allowed: [Next, End]", "/States/S")
    ]


RETRY_AND_CATCH: list[tuple[str, Json, str, str]] = [
    ("Retry", 1, "An entry of 'Retry' must be an object", ""),
    ("Retry", {}, "These fields are required: [ErrorEquals]", ""),
    ("Retry", {"ErrorEquals": []}, "Value cannot be empty", "/ErrorEquals"),
    ("Retry", {"ErrorEquals": "A"}, "The field 'ErrorEquals' must be an array", "/ErrorEquals"),
    (
        "Retry",
        {"ErrorEquals": [1]},
        "An error name must be a string with characters",
        "/ErrorEquals/0",
    ),
    (
        "Retry",
        {"ErrorEquals": ["States.Oops"]},
        "'States.Oops' is not one of the predefined error names",
        "/ErrorEquals/0",
    ),
    (
        "Retry",
        {"ErrorEquals": ["States.ALL", "A"]},
        "'States.ALL' must appear alone in 'ErrorEquals'",
        "/ErrorEquals",
    ),
    (
        "Retry",
        {"ErrorEquals": ["A"], "IntervalSeconds": 0},
        "The field 'IntervalSeconds' must be from 1 to 99999999",
        "/IntervalSeconds",
    ),
    (
        "Retry",
        {"ErrorEquals": ["A"], "MaxAttempts": -1},
        "The field 'MaxAttempts' must be from 0 to 99999999",
        "/MaxAttempts",
    ),
    (
        "Retry",
        {"ErrorEquals": ["A"], "BackoffRate": 0.9},
        "The field 'BackoffRate' must be from 1 to 1e+09",
        "/BackoffRate",
    ),
    (
        "Retry",
        {"ErrorEquals": ["A"], "MaxDelaySeconds": 0},
        "The field 'MaxDelaySeconds' must be from 1 to 31622400",
        "/MaxDelaySeconds",
    ),
    (
        "Retry",
        {"ErrorEquals": ["A"], "MaxDelaySeconds": 1, "IntervalSeconds": 2},
        "MaxDelaySeconds must not be less than IntervalSeconds",
        "/MaxDelaySeconds",
    ),
    (
        "Retry",
        {"ErrorEquals": ["A"], "JitterStrategy": "HALF"},
        "The field 'JitterStrategy' should have one of these values: [FULL, NONE]",
        "/JitterStrategy",
    ),
    ("Retry", {"ErrorEquals": ["A"], "Next": "Other"}, "Field is not supported", "/Next"),
    ("Catch", {"ErrorEquals": ["A"]}, "These fields are required: [Next]", ""),
    ("Catch", {"Next": "Other"}, "These fields are required: [ErrorEquals]", ""),
    (
        "Catch",
        {"ErrorEquals": ["A"], "Next": "Other", "ResultPath": "a"},
        (
            "The value for the field 'ResultPath' must be a valid Reference Path: a path begins"
            " with '$'; it is missing at character 1"
        ),
        "/ResultPath",
    ),
    (
        "Catch",
        {"ErrorEquals": ["A"], "Next": "Other", "Output": 1},
        "Field is not supported by the query language JSONPath",
        "/Output",
    ),
]


@pytest.mark.parametrize(("field", "entry", "message", "place"), RETRY_AND_CATCH)
@pytest.mark.parametrize("kind", ["Task", "Parallel", "Map"])
def test_a_wrong_retrier_or_catcher_is_refused(
    kind: str, field: str, entry: Json, message: str, place: str, problems_of_state: Diagnose
) -> None:
    assert problems_of_state({**VALID[kind], field: [entry]}) == [
        (FAILED, message, f"/States/S/{field}/0{place}")
    ]


@pytest.mark.parametrize("field", ["Retry", "Catch"])
def test_states_all_stands_in_the_last_entry(field: str, problems_of_state: Diagnose) -> None:
    entries: list[Json] = [
        {"ErrorEquals": ["States.ALL"], **({"Next": "Other"} if field == "Catch" else {})},
        {"ErrorEquals": ["A"], **({"Next": "Other"} if field == "Catch" else {})},
    ]

    assert problems_of_state({**VALID["Task"], field: entries}) == [
        (
            FAILED,
            "'States.ALL' may only appear in the last entry",
            f"/States/S/{field}/0/ErrorEquals",
        )
    ]


RULES: list[tuple[Json, str, str]] = [
    ({"Variable": "$.a", "IsNull": True}, "These fields are required: [Next]", ""),
    ({"IsNull": True, "Next": "Other"}, "These fields are required: [Variable]", ""),
    (
        {"Variable": "$.a", "Next": "Other"},
        "A choice rule must have a comparison operator, 'And', 'Or' or 'Not'",
        "",
    ),
    (
        {"Variable": "$.a", "IsNull": True, "IsString": True, "Next": "Other"},
        "Only one of these fields is allowed: [IsNull, IsString]",
        "",
    ),
    (
        {"Variable": "a", "IsNull": True, "Next": "Other"},
        (
            "The value for the field 'Variable' must be a valid JSONPath: a path begins with '$';"
            " it is missing at character 1"
        ),
        "/Variable",
    ),
    (
        {"Variable": "$.a", "StringLike": "x", "IsNull": True, "Next": "Other"},
        "Field is not supported",
        "/StringLike",
    ),
    ({"And": [], "Next": "Other"}, "Value cannot be empty", "/And"),
    ({"And": {}, "Next": "Other"}, "The field 'And' must be an array", "/And"),
    ({"Or": [], "Next": "Other"}, "Value cannot be empty", "/Or"),
    ({"Or": [1], "Next": "Other"}, "A choice rule must be an object", "/Or/0"),
    ({"Not": [], "Next": "Other"}, "The field 'Not' must be an object", "/Not"),
    ({"Not": RULE, "Next": "Other"}, "Field is not supported", "/Not/Next"),
    (
        {"Not": {"And": [{"Variable": "$.a", "IsNull": 1}]}, "Next": "Other"},
        "The field 'IsNull' must be a boolean",
        "/Not/And/0/IsNull",
    ),
    (
        {"Variable": "$.a", "And": [{"Variable": "$.a", "IsNull": True}], "Next": "Other"},
        "Field is not supported beside 'And'",
        "/Variable",
    ),
    (
        {**RULE, "Condition": True},
        "Field is not supported by the query language JSONPath",
        "/Condition",
    ),
]


@pytest.mark.parametrize(("rule", "message", "place"), RULES)
def test_a_wrong_rule_is_refused(
    rule: Json, message: str, place: str, problems_of_state: Diagnose
) -> None:
    found = problems_of_state({"Type": "Choice", "Choices": [rule], "Default": "Other"})

    assert found == [(FAILED, message, f"/States/S/Choices/0{place}")]


WRONG_OPERANDS: dict[OperandKind, tuple[Json, str]] = {
    OperandKind.STRING: (1, "The field '{}' must be a string"),
    OperandKind.NUMBER: ("1", "The field '{}' must be a number"),
    OperandKind.BOOLEAN: ("true", "The field '{}' must be a boolean"),
    OperandKind.TIMESTAMP: ("noon", "String does not match RFC3339 timestamp"),
    OperandKind.PATH: (
        "$.*",
        (
            "The value for the field '{}' must be a valid Reference Path:"
            " a reference path identifies a single node"
        ),
    ),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_an_operand_of_another_kind_is_refused(name: str, problems_of_state: Diagnose) -> None:
    operand, message = WRONG_OPERANDS[OPERATORS[name].operand]
    rule: Json = {"Variable": "$.a", name: operand, "Next": "Other"}

    assert problems_of_state({"Type": "Choice", "Choices": [rule], "Default": "Other"}) == [
        (FAILED, message.format(name), f"/States/S/Choices/0/{name}")
    ]
