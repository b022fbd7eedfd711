"""The life of a task: offered, handed out under a lease, completed or failed or timed out; at most
one end counts.

A delivery is a lease with a number. A worker's report names its delivery: that of an earlier one is
stale, and one about a task that is over finds nothing. Deadlines are kept in the task; its one
timer strikes no later than the first of them and, when it strikes, is set anew if the deadlines
have moved on.
"""

from msgspec.structs import replace

from stepraft.interpreter import ids
from stepraft.interpreter.commands import (
    ActivateTask,
    CompleteState,
    CompleteTask,
    FailTask,
    HandBackTask,
    HeartbeatTask,
)
from stepraft.interpreter.contexts import (
    TaskContext,
    TaskStatus,
    TimerContext,
    TimerKind,
    due_ms,
    timer_id,
)
from stepraft.interpreter.decision import Decision, Delivery, Renewed
from stepraft.interpreter.errors import (
    ALL,
    HEARTBEAT_TIMEOUT,
    TIMEOUT,
    Reason,
    Rejection,
    data_limit_exceeded,
)
from stepraft.interpreter.events import (
    TaskActivated,
    TaskCompleted,
    TaskFailed,
    TaskHeartbeat,
    TaskReleased,
    TaskTimedOut,
    TimerStarted,
)
from stepraft.interpreter.hlc import physical_ms
from stepraft.interpreter.view import View


def activate(command: ActivateTask, view: View) -> Decision:
    """Hand the task out.

    Errors: TASK_NOT_FOUND when it is over, or another worker has it.
    """
    task = _found(command.task_id, view)
    if task.status is not TaskStatus.READY:
        raise Rejection(Reason.TASK_NOT_FOUND, "the task is another worker's")
    old_timer_id = task.timer_id
    task = _leased(task, command.lease_ms, view)
    task = replace(
        task, status=TaskStatus.ACTIVE, delivery=task.delivery + 1, worker=command.worker
    )
    task = _with_timer_by(task, first_deadline_ms(task), view)
    return Decision(
        events=(TaskActivated(task=task, old_timer_id=old_timer_id),), reply=_delivery(task, view)
    )


def _delivery(task: TaskContext, view: View) -> Delivery:
    execution_id = ids.execution_of(task.activity_id)
    execution = view.execution(execution_id)
    assert execution is not None, f"the task {task.task_id} has no execution"
    return Delivery(
        task_id=task.task_id,
        delivery=task.delivery,
        resource=task.resource,
        input=view.task_input(task.task_id),
        execution_id=execution_id,
        workflow=execution.workflow,
        state_name=task.state_name,
        retry_count=task.retry_count,
        created_at_ms=physical_ms(task.created_at),
        lease_deadline_ms=task.lease_deadline_ms,
        timeout_deadline_ms=task.timeout_deadline_ms,
        heartbeat_s=task.heartbeat_s,
        credentials=task.credentials,
    )


def heartbeat(command: HeartbeatTask, view: View) -> Decision:
    """Renew the delivery's lease, which is never made shorter, and its heartbeat; the state's
    TimeoutSeconds goes on counting.

    Errors: TASK_NOT_FOUND, TASK_TOKEN_STALE.
    """
    task = _delivered(command.task_id, command.delivery, view)
    if task.status is not TaskStatus.ACTIVE:
        raise _stale()
    # The task's timer strikes no later than the deadlines that it had.
    lease_ms = max(command.lease_ms, task.lease_deadline_ms - view.now_ms)
    task = _leased(task, lease_ms, view)
    return Decision(
        events=(TaskHeartbeat(task=task),), reply=Renewed(lease_deadline_ms=task.lease_deadline_ms)
    )


def hand_back(command: HandBackTask, view: View) -> Decision:
    """Offer the task again at once.

    Errors: TASK_NOT_FOUND, TASK_TOKEN_STALE.
    """
    task = _delivered(command.task_id, command.delivery, view)
    if task.status is not TaskStatus.ACTIVE:
        raise _stale()
    return Decision(events=(_released(task, view),))


def complete(command: CompleteTask, view: View) -> Decision:
    """Take a worker's result, and go on with the state; one that is longer than the payload limit
    fails the task.

    Errors: TASK_NOT_FOUND, TASK_TOKEN_STALE.
    """
    task = _delivered(command.task_id, command.delivery, view)
    if len(command.output) > view.limits.payload_bytes:
        error = data_limit_exceeded(_producer(task.resource))
        return _failed(task, error.name, error.cause)
    return Decision(
        events=(TaskCompleted(task=task, output=command.output),),
        commands=(CompleteState(activity_id=task.activity_id, result=command.output),),
    )


def fail(command: FailTask, view: View) -> Decision:
    """Take a worker's failure, for Retry and Catch to answer.

    Errors: TASK_NOT_FOUND, TASK_TOKEN_STALE.
    """
    task = _delivered(command.task_id, command.delivery, view)
    return _failed(task, command.error, command.cause)


def _failed(task: TaskContext, error: str, cause: str | None) -> Decision:
    """What a task itself fails with, States.ALL answers even where that is States.DataLimitExceeded
    and would be terminal if the state had raised it.
    """
    return Decision(
        events=(TaskFailed(task=task, error=error, cause=cause),),
        commands=(_failure(task, error, cause, (ALL,)),),
    )


def _producer(resource: str) -> str:
    """Return what a cause calls a task: an integration by its service, all else by its resource."""
    _, integration, action = resource.partition(":states:::")
    if not integration:
        return resource
    parts = action.split(":")
    return ":".join(parts[: 2 if parts[0] == "aws-sdk" else 1])


def timer_fired(timer: TimerContext, view: View) -> Decision:
    """Time the task out, take its delivery back, or set the timer anew: whichever deadline has
    passed. A missed heartbeat is a States.Timeout that States.HeartbeatTimeout answers, too.
    """
    task = view.task(timer.target)
    if task is None:
        return Decision()
    for deadline_ms, also_matched_by in (
        (task.timeout_deadline_ms, ()),
        (task.heartbeat_deadline_ms, (HEARTBEAT_TIMEOUT,)),
    ):
        if deadline_ms and deadline_ms <= view.now_ms:
            return Decision(
                events=(TaskTimedOut(task=task, error=TIMEOUT),),
                commands=(_failure(task, TIMEOUT, None, also_matched_by),),
            )
    if task.lease_deadline_ms and task.lease_deadline_ms <= view.now_ms:
        return Decision(events=(_released(task, view),))
    task = _with_timer_by(replace(task, timer_id=None), first_deadline_ms(task), view)
    assert task.timer_id is not None, "a task's timer was armed without a deadline"
    moved = TimerContext(timer_id=task.timer_id, kind=TimerKind.TASK, target=task.task_id)
    return Decision(events=(TimerStarted(timer=moved), TaskHeartbeat(task=task)))


def first_deadline_ms(task: TaskContext) -> int:
    """Return the first of a task's deadlines, 0 when it has none."""
    deadlines = (task.timeout_deadline_ms, task.heartbeat_deadline_ms, task.lease_deadline_ms)
    return min((deadline for deadline in deadlines if deadline), default=0)


def _found(task_id: str, view: View) -> TaskContext:
    task = view.task(task_id)
    if task is None:
        raise Rejection(
            Reason.TASK_NOT_FOUND,
            "the task is over: it was completed, timed out, or its execution ended",
        )
    return task


def _delivered(task_id: str, delivery: int, view: View) -> TaskContext:
    task = _found(task_id, view)
    if delivery == 0 or task.delivery != delivery:
        raise _stale()
    return task


def _stale() -> Rejection:
    return Rejection(
        Reason.TASK_TOKEN_STALE,
        "the lease of this delivery ran out, and the task was offered again",
        field="token",
    )


def _failure(
    task: TaskContext, error: str, cause: str | None, also_matched_by: tuple[str, ...]
) -> CompleteState:
    return CompleteState(
        activity_id=task.activity_id,
        is_failed=True,
        reason=error,
        message=cause,
        also_matched_by=also_matched_by,
    )


def _leased(task: TaskContext, lease_ms: int, view: View) -> TaskContext:
    heartbeat_ms = view.now_ms + task.heartbeat_s * 1000 if task.heartbeat_s else 0
    return replace(
        task, lease_deadline_ms=view.now_ms + lease_ms, heartbeat_deadline_ms=heartbeat_ms
    )


def _released(task: TaskContext, view: View) -> TaskReleased:
    old_timer_id = task.timer_id
    task = replace(
        task,
        status=TaskStatus.READY,
        lease_deadline_ms=0,
        heartbeat_deadline_ms=0,
        timer_id=None,
    )
    task = _with_timer_by(task, first_deadline_ms(task), view)
    return TaskReleased(task=task, old_timer_id=old_timer_id)


def _with_timer_by(task: TaskContext, deadline_ms: int, view: View) -> TaskContext:
    """Return the task with a timer that strikes no later than `deadline_ms`; one that does so
    already stays.
    """
    if deadline_ms == 0:
        return task
    if task.timer_id is not None and due_ms(task.timer_id) <= deadline_ms:
        return task
    return replace(task, timer_id=timer_id(deadline_ms, view.new_stamp()))
