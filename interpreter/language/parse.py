"""The way in: the text of a state machine becomes a Definition, or all of its problems.

Source: https://states-language.net/spec.html#toplevelfields
"""

from collections.abc import Iterator
from typing import Any, Final

from stepraft.interpreter.definition import (
    Definition,
    MapState,
    ParallelState,
    QueryLanguage,
    Scope,
    State,
)
from stepraft.interpreter.documents import Json, parse_input
from stepraft.interpreter.errors import Rejection
from stepraft.interpreter.language.diagnostics import (
    Code,
    Diagnostic,
    Findings,
    InvalidDefinition,
    Location,
)
from stepraft.interpreter.language.fields import MACHINE_FIELDS, Fields, read_fields
from stepraft.interpreter.language.reader import Reader
from stepraft.interpreter.language.states import read_state
from stepraft.interpreter.language.validate import check_structure

DEFINITION_SIZE_MAX: Final = 1024 * 1024
"""Bytes of UTF-8 that a definition may have."""


def parse_definition(text: bytes | str) -> Definition:
    """Return the compiled definition.

    Raises InvalidDefinition with every problem that there is, and nothing else.
    """
    findings = Findings()
    machine = _read_json(text, findings)
    reader = Reader(findings, _machine_language(machine), _read_scope)
    attributes = read_fields(machine, MACHINE_FIELDS, reader.language, (), findings)
    states = _read_states(reader, machine.get("States"), ("States",))
    check_structure(machine, findings)
    findings.raise_if_any()
    start_at, comment = attributes.pop("start_at"), attributes.get("comment")
    top = Scope(start_at=start_at, states=states, comment=comment)
    return Definition(top=top, all_states=dict(_all_states(top)), **attributes)


def diagnose(text: bytes | str) -> tuple[Diagnostic, ...]:
    """Return all problems of a definition, none if it is valid."""
    try:
        parse_definition(text)
    except InvalidDefinition as invalid:
        return invalid.diagnostics
    return ()


def _read_json(text: bytes | str, findings: Findings) -> dict[str, Json]:
    try:
        value = parse_input(text, field="definition", size_max=DEFINITION_SIZE_MAX)
    except Rejection as rejection:
        findings.error((), rejection.text, Code.INVALID_JSON_DESCRIPTION)
        value = {}
    else:
        if not isinstance(value, dict):
            findings.error(
                (), "Definition must be a valid JSON object", Code.INVALID_JSON_DESCRIPTION
            )
    findings.raise_if_any()
    assert isinstance(value, dict), "anything else has just been refused"
    return value


def _machine_language(machine: dict[str, Json]) -> QueryLanguage:
    is_jsonata = machine.get("QueryLanguage") == QueryLanguage.JSONATA
    return QueryLanguage.JSONATA if is_jsonata else QueryLanguage.JSONPATH


def _read_scope(
    reader: Reader, members: dict[str, Json], fields: Fields, location: Location
) -> Scope | None:
    """Read a branch or an item processor; None after noting what is wrong with it."""
    noted = reader.findings.count
    attributes: dict[str, Any] = read_fields(
        members, fields, reader.language, location, reader.findings
    )
    states = _read_states(reader, members.get("States"), (*location, "States"))
    if reader.findings.count > noted:
        return None
    return Scope(states=states, **attributes)


def _read_states(reader: Reader, value: Json, location: Location) -> dict[str, State]:
    """Return the states without errors of a States object."""
    if not isinstance(value, dict):
        return {}
    if not value:
        reader.findings.error(location, "Value cannot be empty")
    read = {
        name: read_state(reader, name, members, (*location, name))
        for name, members in value.items()
    }
    return {name: state for name, state in read.items() if state is not None}


def _all_states(scope: Scope) -> Iterator[tuple[str, State]]:
    for name, state in scope.states.items():
        yield name, state
        for inner in inner_scopes(state):
            yield from _all_states(inner)


def inner_scopes(state: State) -> tuple[Scope, ...]:
    """Return the scopes that a Parallel or Map state nests."""
    if isinstance(state, ParallelState):
        return state.branches
    return (state.processor,) if isinstance(state, MapState) else ()
