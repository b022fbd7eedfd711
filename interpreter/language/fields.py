"""Which object of a definition may hold which fields: tables, and how an object is read by them.

The parser, the tests and the documentation read the same tables.

Source: https://states-language.net/spec.html#state-types
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from stepraft.interpreter.definition import QueryLanguage
from stepraft.interpreter.documents import Json
from stepraft.interpreter.expressions.choice_rules import OPERATORS, OperandKind
from stepraft.interpreter.expressions.queries import compile_query, is_expression
from stepraft.interpreter.language import kinds
from stepraft.interpreter.language.diagnostics import Findings, Location
from stepraft.interpreter.language.kinds import Kind, KindError

JSONPATH: Final = QueryLanguage.JSONPATH
JSONATA: Final = QueryLanguage.JSONATA


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its kind and the attribute that keeps it.

    `attribute` None leaves the value to the code that reads the object. `language` None means that
    the field exists in both query languages. `query` is the attribute that keeps an expression in
    JSONata; with `is_query` the whole value is kept there, expressions or not.
    """

    kind: Kind
    attribute: str | None = None
    required: bool = False
    language: QueryLanguage | None = None
    query: str | None = None
    is_query: bool = False


Fields = Mapping[str, Field]


def read_fields(
    members: dict[str, Json],
    fields: Fields,
    language: QueryLanguage,
    location: Location,
    findings: Findings,
) -> dict[str, Any]:
    """Return the attributes that the object sets, and note everything that is wrong with it."""
    attributes: dict[str, Any] = {}
    missing = [name for name, field in fields.items() if field.required and name not in members]
    if missing:
        findings.error(location, f"These fields are required: [{', '.join(missing)}]")
    for name, value in members.items():
        field = fields.get(name)
        if field is None:
            findings.error((*location, name), "Field is not supported")
        elif field.language not in (None, language):
            findings.error(
                (*location, name), f"Field is not supported by the query language {language}"
            )
        elif language is JSONATA and (field.is_query or is_expression(value)):
            _read_query(name, field, value, (*location, name), findings, attributes)
        else:
            _read_field(name, field, value, (*location, name), findings, attributes)
    return attributes


def _read_field(
    name: str,
    field: Field,
    value: Json,
    location: Location,
    findings: Findings,
    attributes: dict[str, Any],
) -> None:
    try:
        kept = field.kind(
            value, name, lambda where, message: findings.error((*location, *where), message)
        )
    except KindError as error:
        findings.error(location, str(error))
        return
    if field.attribute is not None:
        attributes[field.attribute] = kept


def _read_query(
    name: str,
    field: Field,
    value: Json,
    location: Location,
    findings: Findings,
    attributes: dict[str, Any],
) -> None:
    """Keep what JSONata computes; where only an object will do, an expression is none."""
    if field.query is None:
        findings.error(location, "The field cannot hold a JSONata expression")
        return
    if field.is_query and field.kind is kinds.object_template and not isinstance(value, dict):
        findings.error(location, f"The field '{name}' must be an object")
        return
    attributes[field.query] = compile_query(
        value, name, lambda where, message: findings.error((*location, *where), message)
    )


STATE_TYPES: Final = ("Task", "Wait", "Pass", "Succeed", "Fail", "Choice", "Parallel", "Map")

_COMMENT: Final[Fields] = {"Comment": Field(kinds.text, "comment")}

_SCOPE: Final[Fields] = {
    **_COMMENT,
    "StartAt": Field(kinds.text, "start_at", required=True),
    "States": Field(kinds.json_object, required=True),
}

MACHINE_FIELDS: Final[Fields] = {
    **_SCOPE,
    "Version": Field(kinds.one_of("1.0"), "version"),
    "TimeoutSeconds": Field(kinds.positive_seconds, "timeout_s"),
    "QueryLanguage": Field(kinds.query_language, "query_language"),
}

BRANCH_FIELDS: Final = _SCOPE

PROCESSOR_FIELDS: Final[Fields] = {**_SCOPE, "ProcessorConfig": Field(kinds.json_object)}

PROCESSOR_CONFIG_FIELDS: Final[Fields] = {
    "Mode": Field(kinds.one_of("INLINE", "DISTRIBUTED")),
    "ExecutionType": Field(kinds.one_of("STANDARD", "EXPRESS")),
}

RETRIER_FIELDS: Final[Fields] = {
    **_COMMENT,
    "ErrorEquals": Field(kinds.non_empty_array, required=True),
    "IntervalSeconds": Field(kinds.positive_seconds, "interval_s"),
    "MaxAttempts": Field(kinds.non_negative_seconds, "max_attempts"),
    "BackoffRate": Field(kinds.real(1.0, 1e9), "backoff_rate"),
    "MaxDelaySeconds": Field(kinds.integer(1, 31_622_400), "max_delay_s"),
    "JitterStrategy": Field(kinds.one_of("FULL", "NONE"), "jitter"),
}

CATCHER_FIELDS: Final[Fields] = {
    **_COMMENT,
    "ErrorEquals": Field(kinds.non_empty_array, required=True),
    "Next": Field(kinds.text, "next_state", required=True),
    "ResultPath": Field(kinds.result_path_or_null, "result_path", language=JSONPATH),
    "Assign": Field(kinds.object_template, "assign", query="assign_query", is_query=True),
    "Output": Field(kinds.anything, language=JSONATA, query="output", is_query=True),
}

_OPERAND_KINDS: Final[Mapping[OperandKind, Kind]] = {
    OperandKind.STRING: kinds.text,
    OperandKind.NUMBER: kinds.number,
    OperandKind.BOOLEAN: kinds.boolean,
    OperandKind.TIMESTAMP: kinds.timestamp,
    OperandKind.PATH: kinds.reference_path,
}

TEST_FIELDS: Final[Fields] = {
    **_COMMENT,
    "Variable": Field(kinds.path, "variable", language=JSONPATH),
    "And": Field(kinds.non_empty_array, language=JSONPATH),
    "Or": Field(kinds.non_empty_array, language=JSONPATH),
    "Not": Field(kinds.json_object, language=JSONPATH),
    **{
        name: Field(_OPERAND_KINDS[operator.operand], name, language=JSONPATH)
        for name, operator in OPERATORS.items()
    },
}
"""A condition inside And, Or or Not; a comparison's operand is kept under the operator's name."""

RULE_FIELDS: Final[Fields] = {
    **TEST_FIELDS,
    "Next": Field(kinds.text, "next_state", required=True),
    "Assign": Field(kinds.object_template, "assign", query="assign_query", is_query=True),
    "Condition": Field(kinds.boolean, language=JSONATA, query="condition", is_query=True),
    "Output": Field(kinds.anything, language=JSONATA, query="output", is_query=True),
}

_EVERY_STATE: Final[Fields] = {
    **_COMMENT,
    "Type": Field(kinds.one_of(*STATE_TYPES), required=True),
    "QueryLanguage": Field(kinds.query_language, "query_language"),
}

_INPUT_AND_OUTPUT: Final[Fields] = {
    "InputPath": Field(kinds.path_or_null, "input_path", language=JSONPATH),
    "OutputPath": Field(kinds.path_or_null, "output_path", language=JSONPATH),
    "Output": Field(kinds.anything, language=JSONATA, query="output", is_query=True),
}

_TRANSITION: Final[Fields] = {"Next": Field(kinds.text, "next"), "End": Field(kinds.boolean)}

_ASSIGN: Final[Fields] = {
    "Assign": Field(kinds.object_template, "assign", query="assign_query", is_query=True)
}

_PARAMETERS: Final[Fields] = {
    "Parameters": Field(kinds.template, "parameters", language=JSONPATH),
}

_RESULT_PATH: Final[Fields] = {
    "ResultPath": Field(kinds.result_path_or_null, "result_path", language=JSONPATH),
}

_WORK: Final[Fields] = {
    **_EVERY_STATE,
    **_INPUT_AND_OUTPUT,
    **_TRANSITION,
    **_ASSIGN,
    **_RESULT_PATH,
    "ResultSelector": Field(kinds.template, "result_selector", language=JSONPATH),
    "Retry": Field(kinds.array),
    "Catch": Field(kinds.array),
}

_ARGUMENTS: Final[Fields] = {
    "Arguments": Field(kinds.anything, language=JSONATA, query="arguments", is_query=True)
}

DISTRIBUTED_FIELDS: Final = ("ItemReader", "ItemBatcher", "ResultWriter", "Label")
"""The fields of a Map that only the mode DISTRIBUTED has."""

STATE_FIELDS: Final[Mapping[str, Fields]] = {
    "Task": {
        **_WORK,
        **_PARAMETERS,
        **_ARGUMENTS,
        "Resource": Field(kinds.non_empty_text, "resource", required=True),
        "TimeoutSeconds": Field(kinds.positive_seconds, "timeout_s", query="timeout_query"),
        "TimeoutSecondsPath": Field(kinds.reference_path, "timeout_s_path", language=JSONPATH),
        "HeartbeatSeconds": Field(kinds.positive_seconds, "heartbeat_s", query="heartbeat_query"),
        "HeartbeatSecondsPath": Field(kinds.reference_path, "heartbeat_s_path", language=JSONPATH),
        "Credentials": Field(
            kinds.object_template, "credentials", query="credentials_query", is_query=True
        ),
    },
    "Parallel": {
        **_WORK,
        **_PARAMETERS,
        **_ARGUMENTS,
        "Branches": Field(kinds.non_empty_array, required=True),
    },
    "Map": {
        **_WORK,
        "ItemProcessor": Field(kinds.json_object),
        "Iterator": Field(kinds.json_object),
        "Items": Field(kinds.anything, language=JSONATA, query="items", is_query=True),
        "ItemsPath": Field(kinds.reference_path, "items_path", language=JSONPATH),
        "ItemSelector": Field(
            kinds.template, "item_selector", query="item_selector_query", is_query=True
        ),
        "Parameters": Field(kinds.template, "item_selector", language=JSONPATH),
        "MaxConcurrency": Field(
            kinds.non_negative_seconds, "max_concurrency", query="max_concurrency_query"
        ),
        "MaxConcurrencyPath": Field(
            kinds.reference_path, "max_concurrency_path", language=JSONPATH
        ),
        "ToleratedFailureCount": Field(
            kinds.non_negative_seconds,
            "tolerated_failure_count",
            query="tolerated_failure_count_query",
        ),
        "ToleratedFailureCountPath": Field(
            kinds.reference_path, "tolerated_failure_count_path", language=JSONPATH
        ),
        "ToleratedFailurePercentage": Field(
            kinds.real(0, 100),
            "tolerated_failure_percentage",
            query="tolerated_failure_percentage_query",
        ),
        "ToleratedFailurePercentagePath": Field(
            kinds.reference_path, "tolerated_failure_percentage_path", language=JSONPATH
        ),
        "ItemReader": Field(kinds.json_object),
        "ItemBatcher": Field(kinds.json_object),
        "ResultWriter": Field(kinds.json_object),
        "Label": Field(kinds.text),
    },
    "Pass": {
        **_EVERY_STATE,
        **_INPUT_AND_OUTPUT,
        **_TRANSITION,
        **_ASSIGN,
        **_PARAMETERS,
        **_RESULT_PATH,
        "Result": Field(kinds.anything, "result", language=JSONPATH),
    },
    "Wait": {
        **_EVERY_STATE,
        **_INPUT_AND_OUTPUT,
        **_TRANSITION,
        **_ASSIGN,
        "Seconds": Field(kinds.non_negative_seconds, "seconds", query="seconds_query"),
        "SecondsPath": Field(kinds.reference_path, "seconds_path", language=JSONPATH),
        "Timestamp": Field(kinds.timestamp, "timestamp", query="timestamp_query"),
        "TimestampPath": Field(kinds.reference_path, "timestamp_path", language=JSONPATH),
    },
    "Choice": {
        **_EVERY_STATE,
        **_INPUT_AND_OUTPUT,
        **_ASSIGN,
        "Choices": Field(kinds.non_empty_array, required=True),
        "Default": Field(kinds.text, "default"),
    },
    "Succeed": {**_EVERY_STATE, **_INPUT_AND_OUTPUT},
    "Fail": {
        **_EVERY_STATE,
        "Error": Field(kinds.text, "error", query="error_query"),
        "ErrorPath": Field(kinds.expression, "error_path", language=JSONPATH),
        "Cause": Field(kinds.text, "cause", query="cause_query"),
        "CausePath": Field(kinds.expression, "cause_path", language=JSONPATH),
    },
}
"""The fields of every state type."""


@dataclass(frozen=True, slots=True)
class Group:
    """Fields of which an object has at most one, or if `required` exactly one."""

    names: tuple[str, ...]
    required: bool = False


STATE_GROUPS: Final[Mapping[str, tuple[Group, ...]]] = {
    "Task": (
        Group(("TimeoutSeconds", "TimeoutSecondsPath")),
        Group(("HeartbeatSeconds", "HeartbeatSecondsPath")),
    ),
    "Parallel": (),
    "Map": (
        Group(("ItemProcessor", "Iterator"), required=True),
        Group(("ItemSelector", "Parameters")),
        Group(("MaxConcurrency", "MaxConcurrencyPath")),
        Group(("ToleratedFailureCount", "ToleratedFailureCountPath")),
        Group(("ToleratedFailurePercentage", "ToleratedFailurePercentagePath")),
    ),
    "Pass": (),
    "Wait": (Group(("Seconds", "SecondsPath", "Timestamp", "TimestampPath"), required=True),),
    "Choice": (),
    "Succeed": (),
    "Fail": (Group(("Error", "ErrorPath")), Group(("Cause", "CausePath"))),
}
"""The fields of every state type that exclude one another."""


def check_group(
    members: Mapping[str, Json], group: Group, location: Location, findings: Findings
) -> None:
    """Note an error if the object has too many or too few fields of the group."""
    present = [name for name in group.names if name in members]
    if len(present) > 1:
        findings.error(location, f"Only one of these fields is allowed: [{', '.join(present)}]")
    elif group.required and not present:
        findings.error(location, f"One of these fields is required: [{', '.join(group.names)}]")
