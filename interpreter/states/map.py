"""The Map state: runs its processor once for each item, at most MaxConcurrency at a time.

Iterations start in chunks, so that a large Map neither fills a log entry nor keeps others waiting;
each start and end writes a row of constant size beside the iteration's own.

Source: https://states-language.net/spec.html#map-state
"""

from msgspec.structs import replace

from stepraft.interpreter import documents, fan_out, ids, outcome, scopes
from stepraft.interpreter.commands import (
    Command,
    CompleteIteration,
    CompleteState,
    StartIterations,
    StartState,
)
from stepraft.interpreter.contexts import FanOutContext, FanOutKind
from stepraft.interpreter.decision import NOTHING, Decision
from stepraft.interpreter.definition import MapState
from stepraft.interpreter.errors import EXCEED_TOLERATED_FAILURE_THRESHOLD, LanguageError
from stepraft.interpreter.events import (
    Event,
    IterationCompleted,
    IterationFailed,
    IterationStarted,
    MapStarted,
)
from stepraft.interpreter.expressions import data_flow
from stepraft.interpreter.records import JsonText
from stepraft.interpreter.view import View
from stepraft.interpreter.visit import Visit, find


def start(state: MapState, visit: Visit) -> Decision:
    """Evaluate the items and begin; also a retry begins so. No items: the result is empty.

    The limits are evaluated when the Map has begun: an error of theirs comes after MapStarted.
    """
    activity_id = visit.activity.activity_id
    items = data_flow.map_items(state, visit.raw, visit.environment)
    progress = FanOutContext(kind=FanOutKind.MAP, total=len(items))
    first: Command = StartIterations(activity_id=activity_id)
    if not items:
        first = CompleteState(activity_id=activity_id, result=b"[]")
    noted: tuple[Event, ...] = ()
    try:
        progress = replace(
            progress,
            concurrency_max=data_flow.max_concurrency(state, visit.raw, visit.environment),
            failures_max=_failures_max(state, visit, len(items)),
        )
    except LanguageError as error:
        first = outcome.failure(visit, error)
        noted = outcome.noted(visit, error)
    started = MapStarted(activity_id=activity_id, fan_out=progress, items=documents.dumps(items))
    return Decision(events=(started, *noted), commands=(first,))


def _failures_max(state: MapState, visit: Visit, total: int) -> int | None:
    """Return how many of `total` iterations may fail; None where no tolerance is set."""
    count, percentage = data_flow.tolerated_failures(state, visit.raw, visit.environment)
    if percentage is None:
        return count
    share = int(total * percentage / 100)
    return share if count is None else min(count, share)


def start_iterations(command: StartIterations, view: View) -> Decision:
    """Start the next iterations, as many as the concurrency and one chunk allow; more are left to
    the same command again.
    """
    visit = find(command.activity_id, view)
    progress = view.fan_out(command.activity_id)
    if visit is None or progress is None or progress.is_failing:
        return NOTHING
    state = visit.state
    assert isinstance(state, MapState), "an iteration belongs to a Map state"
    count = _startable(progress)
    chunk = min(count, view.limits.map_start_chunk)
    items = documents.loads(view.items(command.activity_id)) if chunk else []
    assert isinstance(items, list), "the items of a Map are an array"
    events: list[IterationStarted] = []
    commands: list[Command] = []
    for index in range(progress.started, progress.started + chunk):
        try:
            text = _iteration_input(state, visit, index, items[index])
        except LanguageError as error:
            cause = outcome.cause_of(visit, error)
            return Decision(
                events=(*events, *outcome.noted(visit, error)),
                commands=(fan_out.reclaim(command.activity_id, error.name, cause),),
            )
        progress = fan_out.after_start(progress)
        event = _started(visit, index, text, items[index], progress)
        events.append(event)
        commands.append(
            StartState(scope=event.iteration_id, state_name=state.processor.start_at, input=text)
        )
    if chunk < count:
        commands.append(command)
    return Decision(events=tuple(events), commands=tuple(commands))


def _startable(progress: FanOutContext) -> int:
    left = progress.total - progress.started
    if progress.concurrency_max == 0:
        return left
    return min(left, progress.concurrency_max - progress.running)


def _iteration_input(state: MapState, visit: Visit, index: int, item: documents.Json) -> JsonText:
    environment = visit.item_environment(index, item)
    return visit.encode(data_flow.item_input(state, visit.raw, item, environment))


def _started(
    visit: Visit, index: int, text: JsonText, item: documents.Json, progress: FanOutContext
) -> IterationStarted:
    item_text = documents.dumps(item)
    return IterationStarted(
        iteration_id=ids.iteration_id(visit.activity.activity_id, index),
        state_name=visit.activity.state_name,
        input=text,
        fan_out=progress,
        item=b"" if item_text == text else item_text,
    )


def complete_iteration(command: CompleteIteration, view: View) -> Decision:
    """Note the iteration's output and start others in its place, or end the state; or fail it with
    the first error.
    """
    activity_id = ids.owner(command.iteration_id)
    progress = view.fan_out(activity_id)
    visit = find(activity_id, view)
    if visit is None or progress is None or not scopes.is_open(command.iteration_id, view):
        return NOTHING
    if command.is_failed:
        return _fail(command, visit, progress)
    progress = fan_out.after_success(progress)
    completed: Event = IterationCompleted(
        iteration_id=command.iteration_id,
        state_name=visit.activity.state_name,
        output=command.output,
        fan_out=progress,
        had_variables=bool(view.variables(command.iteration_id)),
    )
    return _go_on(visit, completed, command, progress, command.output)


def _go_on(
    visit: Visit,
    ended: Event,
    command: CompleteIteration,
    progress: FanOutContext,
    output: JsonText | None,
) -> Decision:
    """Start others in the place of an iteration that has ended, or end the state with the last."""
    if progress.ended == progress.total:
        joined = fan_out.joined(visit, progress, command.iteration_id, output)
        return Decision(events=(ended,), commands=(joined,))
    if _startable(progress) and progress.concurrency_max:
        more = StartIterations(activity_id=visit.activity.activity_id)
        return Decision(events=(ended,), commands=(more,))
    return Decision(events=(ended,))


def _fail(command: CompleteIteration, visit: Visit, progress: FanOutContext) -> Decision:
    if progress.failures_max is not None and progress.failed < progress.failures_max:
        progress = fan_out.after_tolerated(progress)
        return _go_on(visit, _failed(command, visit, progress), command, progress, None)
    error, cause = command.reason, command.message
    if progress.failures_max is not None:
        error = EXCEED_TOLERATED_FAILURE_THRESHOLD
        cause = "The specified tolerated failure threshold was exceeded"
    return Decision(
        events=(_failed(command, visit, fan_out.after_failure(progress)),),
        commands=(fan_out.reclaim(visit.activity.activity_id, error, cause),),
    )


def _failed(command: CompleteIteration, visit: Visit, progress: FanOutContext) -> IterationFailed:
    return IterationFailed(
        iteration_id=command.iteration_id,
        state_name=visit.activity.state_name,
        error=command.reason,
        cause=command.message,
        fan_out=progress,
    )
