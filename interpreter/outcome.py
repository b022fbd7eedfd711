"""How a visit ends: with an output, or with an error that Retry or Catch may answer."""

from collections.abc import Mapping, Sequence

from stepraft.interpreter import documents, ids, scopes
from stepraft.interpreter.commands import (
    Command,
    CompleteBranch,
    CompleteExecution,
    CompleteIteration,
    CompleteState,
    StartState,
)
from stepraft.interpreter.decision import Decision
from stepraft.interpreter.definition import Catcher, WorkFields
from stepraft.interpreter.documents import Json
from stepraft.interpreter.errors import RUNTIME, LanguageError, QueryError, matches
from stepraft.interpreter.events import EvaluationFailed, Event, StateCompleted, StateFailed
from stepraft.interpreter.expressions import data_flow
from stepraft.interpreter.lifecycle import ExecutionStatus
from stepraft.interpreter.records import JsonText
from stepraft.interpreter.visit import Visit

_PREFIXED = frozenset({RUNTIME, "States.QueryEvaluationError", "States.IntrinsicFailure"})


def leave(visit: Visit, output: Json, assigned: Mapping[str, Json]) -> Decision:
    """End the visit by its state's own `Next`, or its scope where there is none.

    Errors: States.DataLimitExceeded.
    """
    return leave_to(visit, output, assigned, visit.state.next)


def leave_to(
    visit: Visit, output: Json, assigned: Mapping[str, Json], next_state: str | None
) -> Decision:
    """End the visit with `output` and go on to `next_state`, or end the scope where that is None.

    Errors: States.DataLimitExceeded.
    """
    text = visit.encode(output)
    completed = StateCompleted(
        activity_id=visit.activity.activity_id,
        state_name=visit.activity.state_name,
        state_type=type_name(visit),
        output=text,
        next_state=next_state,
        had_work=visit.work is not None,
        assigned=documents.dumps(dict(assigned)) if assigned else b"",
        variables=_variables_after(visit, assigned),
    )
    return Decision(events=(completed,), commands=(_what_follows(visit.scope, text, next_state),))


def type_name(visit: Visit) -> str:
    """Return the type of the visit's state as the language spells it: `Task`, `Pass`, …"""
    return type(visit.state).__name__.removesuffix("State")


def _variables_after(visit: Visit, assigned: Mapping[str, Json]) -> JsonText:
    if not assigned:
        return b""
    return documents.dumps({**scopes.own_variables(visit.scope, visit.view), **assigned})


def _what_follows(scope: str, output: JsonText, next_state: str | None) -> Command:
    if next_state is not None:
        return StartState(scope=scope, state_name=next_state, input=output)
    if ids.is_execution_scope(scope):
        return CompleteExecution(
            execution_id=scope, status=ExecutionStatus.SUCCEEDED, output=output
        )
    if ids.is_iteration(scope):
        return CompleteIteration(iteration_id=scope, output=output)
    return CompleteBranch(branch_id=scope, output=output)


def failure(visit: Visit, error: LanguageError) -> CompleteState:
    """Return the command that ends the visit with an error that deciding about it raised."""
    return CompleteState(
        activity_id=visit.activity.activity_id,
        is_failed=True,
        reason=error.name,
        message=cause_of(visit, error),
    )


def noted(visit: Visit, error: LanguageError) -> tuple[Event, ...]:
    """Return what the history says of an error besides how the visit ends."""
    if not isinstance(error, QueryError):
        return ()
    failed = EvaluationFailed(
        activity_id=visit.activity.activity_id,
        state_name=visit.activity.state_name,
        error=error.name,
        cause=cause_of(visit, error),
        location=error.location,
    )
    return (failed,)


def preceded(events: tuple[Event, ...], decision: Decision) -> Decision:
    """Return a decision behind the events that come before its own."""
    return Decision(events=(*events, *decision.events), commands=decision.commands)


def cause_of(visit: Visit, error: LanguageError) -> str | None:
    """Return the cause as AWS words it: errors of the interpreter name the state and where it was
    entered.
    """
    if error.cause is None or error.name not in _PREFIXED:
        return error.cause
    return (
        f"An error occurred while executing the state '{visit.activity.state_name}' "
        f"(entered at the event id #{visit.activity.entered_sequence}). {error.cause}"
    )


def fail(visit: Visit, error: str | None, cause: str | None) -> Decision:
    """End the visit, and its scope, with an error that nothing in the state answers."""
    failed = StateFailed(
        activity_id=visit.activity.activity_id,
        error=error,
        cause=cause,
        had_work=visit.work is not None,
    )
    return Decision(events=(failed,), commands=(_scope_failure(visit.scope, error, cause),))


def _scope_failure(scope: str, error: str | None, cause: str | None) -> Command:
    if ids.is_execution_scope(scope):
        return CompleteExecution(
            execution_id=scope, status=ExecutionStatus.FAILED, error=error, cause=cause
        )
    if ids.is_iteration(scope):
        return CompleteIteration(iteration_id=scope, is_failed=True, reason=error, message=cause)
    return CompleteBranch(branch_id=scope, is_failed=True, reason=error, message=cause)


def catch(
    visit: Visit, error: str | None, cause: str | None, also_matched_by: Sequence[str] = ()
) -> Decision:
    """Go where the first Catcher that matches leads, else fail.

    States.Runtime is never caught, and nothing catches an error of the Catcher's own data flow.

    Source: https://states-language.net/spec.html#fallback-states
    """
    state = visit.state
    catchers = state.catch if isinstance(state, WorkFields) and error != RUNTIME else ()
    for catcher in catchers:
        if matches(catcher.errors, error or "", also_matched_by):
            try:
                return _leave_by(catcher, visit, error or "", cause)
            except LanguageError as failed:
                failure_of_catcher = fail(visit, failed.name, cause_of(visit, failed))
                return preceded(noted(visit, failed), failure_of_catcher)
    return fail(visit, error, cause)


def _leave_by(catcher: Catcher, visit: Visit, error: str, cause: str | None) -> Decision:
    state, raw, environment = visit.state, visit.raw, visit.environment
    output = data_flow.caught_output(state, catcher, raw, error, cause, environment)
    assigned = data_flow.caught_variables(state, catcher, raw, error, cause, environment)
    return leave_to(visit, output, assigned, catcher.next_state)
