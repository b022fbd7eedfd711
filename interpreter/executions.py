"""The life of an execution: started once for its key, run, ended once.

Source: https://states-language.net/spec.html#toplevelfields; idempotency as AWS's StartExecution
has it.
"""

import hashlib

from msgspec.structs import replace

from stepraft.interpreter import documents, ids
from stepraft.interpreter.commands import (
    CancelExecution,
    CompleteExecution,
    ReclaimScope,
    StartExecution,
    StartState,
)
from stepraft.interpreter.contexts import (
    ExecutionContext,
    ExecutionKey,
    TimerContext,
    TimerKind,
    timer_id,
)
from stepraft.interpreter.decision import NOTHING, Decision, StartedExecution
from stepraft.interpreter.errors import TIMEOUT, Reason, Rejection
from stepraft.interpreter.events import (
    Event,
    ExecutionCanceling,
    ExecutionCompleted,
    ExecutionStarted,
    TimerFired,
    TimerStarted,
)
from stepraft.interpreter.hlc import to_hex
from stepraft.interpreter.lifecycle import ENDED, ExecutionStatus, check_change
from stepraft.interpreter.view import View

_ENDING = frozenset({ExecutionStatus.CANCELING, ExecutionStatus.COMPLETING})


def start(command: StartExecution, view: View) -> Decision:
    """Start the workflow, unless the key or the name says that it was started before.

    Errors: WORKFLOW_NOT_FOUND; IDEMPOTENCY_CONFLICT when the key stands for another request;
    EXECUTION_ALREADY_EXISTS when the name does, or its execution has ended.
    """
    known = _known(command, view)
    if known is not None:
        return Decision(reply=known)
    stamp = view.new_stamp()
    execution_id = ids.execution_id(
        command.tenant, command.namespace, command.idempotency_key, stamp
    )
    execution = ExecutionContext(
        execution_id=execution_id,
        workflow=command.workflow,
        version=_version(command, view),
        name=command.name or to_hex(stamp),
        status=ExecutionStatus.RUNNING,
        started_at=stamp,
    )
    definition = view.definition(execution)
    timer = _timeout(execution_id, definition.timeout_s, view)
    if timer is not None:
        execution = replace(execution, timer_id=timer.timer_id)
    key = None
    if command.idempotency_key or command.name:
        key = ExecutionKey(execution_id=execution_id, fingerprint=_fingerprint(command))
    started = ExecutionStarted(
        execution=execution,
        input=command.input,
        idempotency_key=command.idempotency_key,
        by_key=key if command.idempotency_key else None,
        by_name=key if command.name else None,
    )
    first = StartState(scope=execution_id, state_name=definition.start_at, input=command.input)
    return Decision(
        events=(started,) if timer is None else (started, TimerStarted(timer=timer)),
        commands=(first,),
        reply=StartedExecution(execution_id, stamp, existing=False),
    )


def _known(command: StartExecution, view: View) -> StartedExecution | None:
    tenant, namespace = command.tenant, command.namespace
    if command.idempotency_key:
        known = view.execution_by_key(tenant, namespace, command.idempotency_key)
        if known is not None:
            return _same_request(command, known, view)
    if command.name:
        named = view.execution_by_name(tenant, namespace, command.workflow, command.name)
        if named is not None:
            return _same_name(command, named, view)
    return None


def _same_request(command: StartExecution, known: ExecutionKey, view: View) -> StartedExecution:
    if known.fingerprint != _fingerprint(command):
        raise Rejection(
            Reason.IDEMPOTENCY_CONFLICT,
            f"the key was used to start {known.execution_id} with another workflow, version, name "
            "or input",
            field="idempotency_key",
        )
    return _existing(known, view)


def _same_name(command: StartExecution, named: ExecutionKey, view: View) -> StartedExecution:
    execution = view.execution(named.execution_id)
    assert execution is not None, "a name stands for an execution that is not there"
    if execution.status in ENDED or named.fingerprint != _fingerprint(command):
        raise Rejection(
            Reason.EXECUTION_ALREADY_EXISTS,
            f"the name belongs to {named.execution_id}, which has ended or was started otherwise",
            field="name",
        )
    return _existing(named, view)


def _existing(key: ExecutionKey, view: View) -> StartedExecution:
    execution = view.execution(key.execution_id)
    assert execution is not None, "a key stands for an execution that is not there"
    return StartedExecution(key.execution_id, execution.started_at, existing=True)


def _version(command: StartExecution, view: View) -> int:
    head = view.workflow(command.tenant, command.namespace, command.workflow)
    if head is None:
        raise Rejection(
            Reason.WORKFLOW_NOT_FOUND,
            f"there is no workflow {command.workflow!r} in namespace {command.namespace!r}",
            field="workflow",
        )
    if not 0 <= command.version <= head.version:
        raise Rejection(
            Reason.WORKFLOW_NOT_FOUND,
            f"workflow {command.workflow!r} has versions 1 to {head.version}, "
            f"not {command.version}",
            field="version",
        )
    return command.version or head.version


def _fingerprint(command: StartExecution) -> bytes:
    request = (command.workflow, command.version, command.name)
    text = repr(request).encode() + documents.canonical(documents.loads(command.input))
    return hashlib.sha256(text).digest()


def _timeout(execution_id: str, timeout_s: int | None, view: View) -> TimerContext | None:
    if timeout_s is None:
        return None
    due = view.now_ms + timeout_s * 1000
    return TimerContext(
        timer_id=timer_id(due, view.new_stamp()), kind=TimerKind.EXECUTION, target=execution_id
    )


def complete(command: CompleteExecution, view: View) -> Decision:
    """End the execution: nothing runs beneath it any more.

    Of two ends the one that was decided first counts: a last state that ends while the execution is
    being canceled changes nothing.
    """
    execution = view.execution(command.execution_id)
    if execution is None or execution.status in ENDED:
        return NOTHING
    if command.is_reclaimed is not (execution.status in _ENDING):
        return NOTHING
    ended = replace(
        execution,
        status=check_change(execution.status, command.status),
        stopped_at=view.stamp,
        error=command.error,
        cause=command.cause,
        timer_id=None,
    )
    completed = ExecutionCompleted(
        execution=ended,
        old_status=execution.status,
        output=command.output,
        had_variables=bool(view.variables(execution.execution_id)),
    )
    events: tuple[Event, ...] = (completed,)
    if execution.timer_id is not None:
        events = (completed, TimerFired(timer_id=execution.timer_id))
    return Decision(events=events)


def cancel(command: CancelExecution, view: View) -> Decision:
    """Cancel what runs, then end as Canceled. Canceling what is being canceled changes nothing.

    Errors: EXECUTION_NOT_FOUND; EXECUTION_ENDED.
    """
    execution = view.execution(command.execution_id)
    if execution is None:
        raise Rejection(
            Reason.EXECUTION_NOT_FOUND,
            f"there is no execution {command.execution_id}",
            field="execution_id",
        )
    if execution.status in ENDED:
        raise Rejection(
            Reason.EXECUTION_ENDED,
            f"the execution has ended: {execution.status}",
            field="execution_id",
        )
    if execution.status in _ENDING:
        return NOTHING
    return _ending(
        execution,
        ExecutionStatus.CANCELING,
        ReclaimScope(
            owner=execution.execution_id,
            reason=command.error,
            message=command.cause,
            status=ExecutionStatus.CANCELED,
        ),
    )


def timed_out(execution_id: str, view: View) -> Decision:
    """End an execution that ran out of its TimeoutSeconds."""
    return _completing(execution_id, ExecutionStatus.TIMED_OUT, TIMEOUT, None, view)


def fail(execution_id: str, error: str, cause: str, view: View) -> Decision:
    """End an execution that broke a limit of its own, whatever runs beneath it."""
    return _completing(execution_id, ExecutionStatus.FAILED, error, cause, view)


def _completing(
    execution_id: str, status: ExecutionStatus, error: str, cause: str | None, view: View
) -> Decision:
    execution = view.execution(execution_id)
    if execution is None or execution.status is not ExecutionStatus.RUNNING:
        return NOTHING
    reclaim = ReclaimScope(owner=execution_id, reason=error, message=cause, status=status)
    return _ending(execution, ExecutionStatus.COMPLETING, reclaim)


def _ending(
    execution: ExecutionContext, status: ExecutionStatus, reclaim: ReclaimScope
) -> Decision:
    ending = replace(execution, status=check_change(execution.status, status))
    event = ExecutionCanceling(execution=ending, old_status=execution.status)
    return Decision(events=(event,), commands=(reclaim,))
