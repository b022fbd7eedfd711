"""Rules that span several states of a definition: targets, ends, names, variables.

They are checked on the JSON itself, so that a mistake inside one state hides none between states.

Source: https://states-language.net/spec.html#transitions and #variables
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from stepraft.interpreter.documents import Json
from stepraft.interpreter.expressions.templates import EXPRESSION_SUFFIX
from stepraft.interpreter.language.diagnostics import Code, Findings, Location

VARIABLE_NAME_LENGTH_MAX: Final = 80
"""Characters of a variable's name."""

RESERVED_VARIABLE: Final = "states"


def check_structure(machine: dict[str, Json], findings: Findings) -> None:
    """Note what is wrong between the states of the machine, at every level."""
    top = _outline_scope(machine, ())
    _check_names(top, findings, {})
    _check_scope(top, findings, frozenset())


@dataclass(slots=True)
class _StateOutline:
    """What the rules need of one state; `targets` are (field's location, name of the target)."""

    name: str
    location: Location
    ends: bool
    targets: list[tuple[Location, str]] = field(default_factory=list)
    assigned: list[tuple[Location, str]] = field(default_factory=list)
    scopes: list["_ScopeOutline"] = field(default_factory=list)


@dataclass(slots=True)
class _ScopeOutline:
    location: Location
    start_at: str | None
    states: dict[str, _StateOutline]


def _outline_scope(members: dict[str, Json], location: Location) -> _ScopeOutline:
    states = members.get("States")
    start_at = members.get("StartAt")
    return _ScopeOutline(
        location,
        start_at if isinstance(start_at, str) else None,
        {
            name: _outline_state(name, state, (*location, "States", name))
            for name, state in (states if isinstance(states, dict) else {}).items()
            if isinstance(state, dict)
        },
    )


def _outline_state(name: str, members: dict[str, Json], location: Location) -> _StateOutline:
    ends = members.get("Type") in ("Succeed", "Fail") or members.get("End") is True
    outline = _StateOutline(name, location, ends)
    entries = [
        (members, location),
        *_objects(members.get("Choices"), (*location, "Choices")),
        *_objects(members.get("Catch"), (*location, "Catch")),
    ]
    for entry, place in entries:
        for target_field in ("Next", "Default"):
            target = entry.get(target_field)
            if isinstance(target, str):
                outline.targets.append(((*place, target_field), target))
        assigned = entry.get("Assign")
        for variable in assigned if isinstance(assigned, dict) else ():
            outline.assigned.append(((*place, "Assign", variable), variable))
    for inner, place in _inner_scopes(members, location):
        outline.scopes.append(_outline_scope(inner, place))
    return outline


def _inner_scopes(
    members: dict[str, Json], location: Location
) -> Iterator[tuple[dict[str, Json], Location]]:
    yield from _objects(members.get("Branches"), (*location, "Branches"))
    for processor_field in ("ItemProcessor", "Iterator"):
        processor = members.get(processor_field)
        if isinstance(processor, dict):
            yield processor, (*location, processor_field)


def _objects(value: Json, location: Location) -> Iterator[tuple[dict[str, Json], Location]]:
    for index, item in enumerate(value if isinstance(value, list) else ()):
        if isinstance(item, dict):
            yield item, (*location, str(index))


def _check_names(scope: _ScopeOutline, findings: Findings, seen: dict[str, Location]) -> None:
    for name, state in scope.states.items():
        if name in seen:
            findings.error(
                state.location, f"Duplicate State name: {name}", Code.DUPLICATE_STATE_NAME
            )
        seen[name] = state.location
        for inner in state.scopes:
            _check_names(inner, findings, seen)


def _check_scope(scope: _ScopeOutline, findings: Findings, outer: frozenset[str]) -> None:
    _check_targets(scope, findings)
    _check_reachability(scope, findings)
    variables = outer | {
        _variable_name(key) for state in scope.states.values() for _, key in state.assigned
    }
    for state in scope.states.values():
        _check_assigned(state, findings, outer)
        for inner in state.scopes:
            _check_scope(inner, findings, variables)


def _check_targets(scope: _ScopeOutline, findings: Findings) -> None:
    """Look up every target; a scope without states has a problem of its own."""
    if not scope.states:
        return
    targets = [target for state in scope.states.values() for target in state.targets]
    if scope.start_at is not None:
        targets.insert(0, ((*scope.location, "StartAt"), scope.start_at))
    for location, target in targets:
        if target not in scope.states:
            findings.error(
                location,
                f"Missing '{location[-1]}' target: {target}",
                Code.MISSING_TRANSITION_TARGET,
            )


def _check_reachability(scope: _ScopeOutline, findings: Findings) -> None:
    """Follow the transitions from StartAt; without a start there is nothing to follow."""
    if scope.start_at not in scope.states:
        return
    reached = {scope.start_at}
    waiting = [scope.start_at]
    while waiting:
        for _, target in scope.states[waiting.pop()].targets:
            if target in scope.states and target not in reached:
                reached.add(target)
                waiting.append(target)
    for name, state in scope.states.items():
        if name not in reached:
            findings.error(
                state.location,
                f'State "{name}" is not reachable.',
                Code.MISSING_TRANSITION_TARGET,
            )
    if not any(scope.states[name].ends for name in reached):
        findings.error(
            (*scope.location, "States"),
            "No reachable state ends: one with End, or a Succeed or Fail state, is required",
            Code.MISSING_END_STATE,
        )


def _check_assigned(state: _StateOutline, findings: Findings, outer: frozenset[str]) -> None:
    for location, key in state.assigned:
        name = _variable_name(key)
        if not name.isidentifier() or len(name) > VARIABLE_NAME_LENGTH_MAX:
            findings.error(
                location,
                f"'{name}' is no variable name: a letter, then letters, digits and _, at most"
                f" {VARIABLE_NAME_LENGTH_MAX} characters",
            )
        elif name == RESERVED_VARIABLE:
            findings.error(location, f"The variable name '{RESERVED_VARIABLE}' is reserved")
        elif name in outer:
            findings.error(location, f"The variable '{name}' is assigned in an outer scope, too")


def _variable_name(key: str) -> str:
    return key.removesuffix(EXPRESSION_SUFFIX)
