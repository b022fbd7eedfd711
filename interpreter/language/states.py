"""Reads one state: its fields by the tables, then what one field demands of another.

Source: https://states-language.net/spec.html#state-types
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from stepraft.interpreter.definition import (
    ChoiceState,
    FailState,
    MapState,
    ParallelState,
    PassState,
    QueryLanguage,
    State,
    SucceedState,
    TaskState,
    WaitState,
)
from stepraft.interpreter.documents import Json
from stepraft.interpreter.language.choices import read_query_rules, read_rules
from stepraft.interpreter.language.diagnostics import Code, Findings, Location
from stepraft.interpreter.language.fields import (
    BRANCH_FIELDS,
    DISTRIBUTED_FIELDS,
    PROCESSOR_CONFIG_FIELDS,
    PROCESSOR_FIELDS,
    STATE_FIELDS,
    STATE_GROUPS,
    STATE_TYPES,
    check_group,
    read_fields,
)
from stepraft.interpreter.language.reader import Reader
from stepraft.interpreter.language.retries import read_catch, read_retry

STATE_NAME_LENGTH_MAX: Final = 80
"""Characters of a state's name."""

_CLASSES: Final[Mapping[str, Callable[..., State]]] = {
    "Task": TaskState,
    "Parallel": ParallelState,
    "Map": MapState,
    "Pass": PassState,
    "Wait": WaitState,
    "Choice": ChoiceState,
    "Succeed": SucceedState,
    "Fail": FailState,
}


def read_state(reader: Reader, name: str, value: Json, location: Location) -> State | None:
    """Return the state, or None after noting what is wrong with it."""
    findings = reader.findings
    noted = findings.count
    if not 1 <= len(name) <= STATE_NAME_LENGTH_MAX:
        findings.error(location, f"A state name must have 1 to {STATE_NAME_LENGTH_MAX} characters")
    if not isinstance(value, dict):
        findings.error(location, "A state must be an object")
        return None
    state_type = value.get("Type")
    if not isinstance(state_type, str) or state_type not in STATE_TYPES:
        findings.error(
            (*location, "Type"),
            f"The field 'Type' should have one of these values: [{', '.join(STATE_TYPES)}]",
        )
        return None
    language = read_language(reader, value, location)
    attributes = read_fields(value, STATE_FIELDS[state_type], language, location, findings)
    for group in STATE_GROUPS[state_type]:
        check_group(value, group, location, findings)
    if "End" in STATE_FIELDS[state_type]:
        _check_transition(value, location, findings)
    attributes |= _READERS[state_type](reader, value, language, attributes, location)
    if findings.count > noted:
        return None
    attributes["query_language"] = language
    return _CLASSES[state_type](name=name, **attributes)


def read_language(reader: Reader, members: dict[str, Json], location: Location) -> QueryLanguage:
    """Return the state's query language: its own, else the machine's."""
    own = members.get("QueryLanguage")
    if own == QueryLanguage.JSONPATH and reader.language is QueryLanguage.JSONATA:
        reader.findings.error(
            location,
            "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine",
        )
    return QueryLanguage(own) if own in tuple(QueryLanguage) else reader.language


def _check_transition(members: dict[str, Json], location: Location, findings: Findings) -> None:
    has_next, ends = "Next" in members, members.get("End") is True
    if has_next and ends:
        findings.error(location, "Only one of these fields is allowed: [Next, End]")
    elif not has_next and not ends:
        findings.error(location, "One of these fields is required: [Next, End]")


_Attributes = dict[str, Any]


def _read_task(
    reader: Reader,
    members: dict[str, Json],
    language: QueryLanguage,
    attributes: _Attributes,
    location: Location,
) -> _Attributes:
    timeout_s, heartbeat_s = attributes.get("timeout_s"), attributes.get("heartbeat_s")
    if timeout_s is not None and heartbeat_s is not None and heartbeat_s >= timeout_s:
        reader.findings.error(
            (*location, "HeartbeatSeconds"), "HeartbeatSeconds must be less than TimeoutSeconds"
        )
    role = members.get("Credentials")
    if isinstance(role, dict) and not role.keys() & {"RoleArn", "RoleArn.$"}:
        reader.findings.error((*location, "Credentials"), "These fields are required: [RoleArn]")
    return _retry_and_catch(reader, members, language, location)


def _read_parallel(
    reader: Reader,
    members: dict[str, Json],
    language: QueryLanguage,
    attributes: _Attributes,
    location: Location,
) -> _Attributes:
    branches = []
    listed = members.get("Branches")
    for index, branch in enumerate(listed if isinstance(listed, list) else []):
        place = (*location, "Branches", str(index))
        if isinstance(branch, dict):
            branches.append(reader.read_scope(reader, branch, BRANCH_FIELDS, place))
        else:
            reader.findings.error(place, "A branch must be an object")
    return {"branches": tuple(branches)} | _retry_and_catch(reader, members, language, location)


def _read_map(
    reader: Reader,
    members: dict[str, Json],
    language: QueryLanguage,
    attributes: _Attributes,
    location: Location,
) -> _Attributes:
    field = "ItemProcessor" if "ItemProcessor" in members else "Iterator"
    processor = members.get(field)
    read: _Attributes = _retry_and_catch(reader, members, language, location)
    if not isinstance(processor, dict):
        return read
    config = processor.get("ProcessorConfig")
    if isinstance(config, dict):
        place = (*location, field, "ProcessorConfig")
        _check_processor_config(config, place, reader.findings)
    if not isinstance(config, dict) or config.get("Mode") != "DISTRIBUTED":
        for name in DISTRIBUTED_FIELDS:
            if name in members:
                reader.findings.error(
                    (*location, name), "Field is only supported in the mode DISTRIBUTED"
                )
    scope = reader.read_scope(reader, processor, PROCESSOR_FIELDS, (*location, field))
    return read | {"processor": scope}


def _check_processor_config(
    config: dict[str, Json], location: Location, findings: Findings
) -> None:
    read_fields(config, PROCESSOR_CONFIG_FIELDS, QueryLanguage.JSONPATH, location, findings)
    if config.get("Mode") == "DISTRIBUTED":
        findings.error(
            (*location, "Mode"),
            "The mode DISTRIBUTED is not available in this version",
            Code.NOT_AVAILABLE,
        )
        if "ExecutionType" not in config:
            findings.error(location, "These fields are required: [ExecutionType]")
    elif "ExecutionType" in config:
        findings.error(
            (*location, "ExecutionType"), "Field is only supported in the mode DISTRIBUTED"
        )


def _read_choice(
    reader: Reader,
    members: dict[str, Json],
    language: QueryLanguage,
    attributes: _Attributes,
    location: Location,
) -> _Attributes:
    place, choices = (*location, "Choices"), members.get("Choices")
    if language is QueryLanguage.JSONATA:
        return {"query_rules": read_query_rules(choices, place, reader.findings)}
    return {"rules": read_rules(choices, place, reader.findings)}


def _read_pass(
    reader: Reader,
    members: dict[str, Json],
    language: QueryLanguage,
    attributes: _Attributes,
    location: Location,
) -> _Attributes:
    return {"has_result": "Result" in members}


def _read_nothing_more(
    reader: Reader,
    members: dict[str, Json],
    language: QueryLanguage,
    attributes: _Attributes,
    location: Location,
) -> _Attributes:
    return {}


def _retry_and_catch(
    reader: Reader, members: dict[str, Json], language: QueryLanguage, location: Location
) -> _Attributes:
    retry, catch = members.get("Retry"), members.get("Catch")
    return {
        "retry": read_retry(retry, language, (*location, "Retry"), reader.findings),
        "catch": read_catch(catch, language, (*location, "Catch"), reader.findings),
    }


_READERS: Final[
    Mapping[
        str,
        Callable[[Reader, dict[str, Json], QueryLanguage, _Attributes, Location], _Attributes],
    ]
] = {
    "Task": _read_task,
    "Parallel": _read_parallel,
    "Map": _read_map,
    "Choice": _read_choice,
    "Pass": _read_pass,
    "Wait": _read_nothing_more,
    "Succeed": _read_nothing_more,
    "Fail": _read_nothing_more,
}
