"""What Parallel and Map share: children that run side by side, and one that fails for all.

A child that fails makes its state fail: the others are reclaimed, then Retry or Catch answers.
Results stand in the order of the children, whichever ends first.
"""

from collections.abc import Callable

from msgspec.structs import replace

from stepraft.interpreter import ids, outcome, retry
from stepraft.interpreter.commands import CompleteState, ReclaimScope
from stepraft.interpreter.contexts import FanOutContext, FanOutKind
from stepraft.interpreter.decision import NOTHING, Decision
from stepraft.interpreter.definition import MapState, ParallelState
from stepraft.interpreter.documents import loads
from stepraft.interpreter.errors import RUNTIME
from stepraft.interpreter.events import FanOutDropped, FanOutFailed, FanOutSucceeded
from stepraft.interpreter.expressions import data_flow
from stepraft.interpreter.records import JsonText
from stepraft.interpreter.view import View
from stepraft.interpreter.visit import Visit

_CHILD_ID: dict[FanOutKind, Callable[[str, int], str]] = {
    FanOutKind.PARALLEL: ids.branch_id,
    FanOutKind.MAP: ids.iteration_id,
}


def after_start(fan_out: FanOutContext) -> FanOutContext:
    """Return what is true when one more child has started."""
    return replace(fan_out, started=fan_out.started + 1)


def after_success(fan_out: FanOutContext) -> FanOutContext:
    """Return what is true when one more child has succeeded."""
    return replace(fan_out, succeeded=fan_out.succeeded + 1)


def after_failure(fan_out: FanOutContext) -> FanOutContext:
    """Return what is true when a child has failed."""
    return replace(fan_out, is_failing=True)


def after_tolerated(fan_out: FanOutContext) -> FanOutContext:
    """Return what is true when a child has failed, and its state goes on without it."""
    return replace(fan_out, failed=fan_out.failed + 1)


def reclaim(activity_id: str, error: str | None, cause: str | None) -> ReclaimScope:
    """Return the command that clears the children away and then fails their state."""
    return ReclaimScope(owner=activity_id, reason=error, message=cause)


def joined(
    visit: Visit, fan_out: FanOutContext, last: str, output: JsonText | None
) -> CompleteState:
    """Return the command that ends the visit's state: all children have ended, `last` just now with
    `output`, or, as None, with a failure that is tolerated. The result is what the others put out.
    Outputs that are together longer than the payload limit fail the state unread.
    """
    activity_id = visit.activity.activity_id
    child_id = _CHILD_ID[fan_out.kind]
    outputs: list[JsonText] = []
    size = 1
    for index in range(fan_out.total):
        scope = child_id(activity_id, index)
        document = output if scope == last else _output_of(scope, visit.view, fan_out)
        if document is None:
            continue
        outputs.append(document)
        size += len(document) + 1
        if size > visit.view.limits.payload_bytes:
            return outcome.failure(visit, visit.too_large())
    return CompleteState(activity_id=activity_id, result=b"[" + b",".join(outputs) + b"]")


def _output_of(scope: str, view: View, fan_out: FanOutContext) -> JsonText | None:
    child = view.child(scope)
    if child is None and fan_out.failed:
        return None
    assert child is not None, f"{scope} succeeded and has no row"
    assert child.is_completed, f"{scope} is joined before its end"
    return child.document


def complete(state: ParallelState | MapState, visit: Visit, result: JsonText) -> Decision:
    """Leave with the array of the children's outputs."""
    fan_out = visit.view.fan_out(visit.activity.activity_id)
    if fan_out is None:
        return NOTHING
    value = loads(visit.check_size(result))
    output = data_flow.effective_output(state, visit.raw, value, visit.environment)
    assigned = data_flow.assigned_variables(state, visit.raw, value, visit.environment)
    left = outcome.leave(visit, output, assigned)
    succeeded = FanOutSucceeded(activity_id=visit.activity.activity_id, fan_out=fan_out)
    return Decision(events=(succeeded, *left.events), commands=left.commands)


def failed(visit: Visit, command: CompleteState) -> Decision:
    """Try the state again, or go where it is caught, or fail: its children are gone.

    A States.Runtime of the state's own ends its scope at once, and is not told as its failure.
    """
    activity_id = visit.activity.activity_id
    fan_out = visit.view.fan_out(activity_id)
    if command.is_reclaimed and fan_out is None:
        return NOTHING
    scheduled = retry.schedule(visit, command.reason)
    dropped = () if fan_out is None else (FanOutDropped(activity_id=activity_id, fan_out=fan_out),)
    if scheduled is not None:
        return Decision(events=(*dropped, scheduled))
    if command.reason == RUNTIME and not command.is_reclaimed:
        ended = outcome.fail(visit, command.reason, command.message)
        return Decision(events=(*dropped, *ended.events), commands=ended.commands)
    kind = FanOutKind.MAP if isinstance(visit.state, MapState) else FanOutKind.PARALLEL
    event = FanOutFailed(
        activity_id=activity_id,
        kind=kind,
        fan_out=fan_out,
        error=command.reason,
        cause=command.message,
    )
    caught = outcome.catch(visit, command.reason, command.message)
    return Decision(events=(event, *caught.events), commands=caught.commands)
