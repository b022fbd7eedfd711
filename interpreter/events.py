"""Events: everything that can happen; the only cause of stored change.

An event carries all that applying it needs (after-images), so that a replica writes without
reading. Those in `HistoryEvent` are kept, in order, as the history of their execution; the others
change contexts only.
"""

from stepraft.interpreter import ids
from stepraft.interpreter.contexts import (
    ActivityWork,
    ExecutionContext,
    ExecutionKey,
    FanOutContext,
    FanOutKind,
    TaskContext,
    TimerContext,
    WorkflowContext,
    WorkflowVersion,
)
from stepraft.interpreter.lifecycle import ExecutionStatus
from stepraft.interpreter.records import JsonText, TaggedRecord


class WorkflowPut(TaggedRecord, frozen=True, kw_only=True):
    """A workflow has a new version."""

    workflow: WorkflowContext
    version: WorkflowVersion


class ExecutionStarted(TaggedRecord, frozen=True, kw_only=True):
    """An execution began. `by_key`, `by_name`: what its idempotency key and its name now stand for,
    if it has them.
    """

    execution: ExecutionContext
    input: JsonText
    idempotency_key: str = ""
    by_key: ExecutionKey | None = None
    by_name: ExecutionKey | None = None


class ExecutionCanceling(TaggedRecord, frozen=True, kw_only=True):
    """An end is decided; what runs beneath is being reclaimed. `execution` is the after-image."""

    execution: ExecutionContext
    old_status: ExecutionStatus


class ExecutionCompleted(TaggedRecord, frozen=True, kw_only=True):
    """An execution ended. `execution` is the after-image; `output` is empty unless it succeeded.
    `had_variables`: some were assigned in its outermost scope.
    """

    execution: ExecutionContext
    old_status: ExecutionStatus
    output: JsonText = b""
    had_variables: bool = False


class StateStarted(TaggedRecord, frozen=True, kw_only=True):
    """A visit to a state began."""

    activity_id: str
    state_name: str
    state_type: str
    input: JsonText
    entered_at: int
    entered_sequence: int


class StateCompleted(TaggedRecord, frozen=True, kw_only=True):
    """A visit ended with an output; `next_state` is None where its scope ends. `had_work`: it
    waited for something.

    `assigned`: the variables that it assigned, `variables`: all variables of its scope as they are
    now, each a JSON object; empty bytes when it assigned none.
    """

    activity_id: str
    state_name: str
    state_type: str
    output: JsonText
    next_state: str | None
    had_work: bool = False
    assigned: JsonText = b""
    variables: JsonText = b""


class StateFailed(TaggedRecord, frozen=True, kw_only=True):
    """A visit ended with an error that nothing in the state caught."""

    activity_id: str
    error: str | None
    cause: str | None
    had_work: bool = False


class EvaluationFailed(TaggedRecord, frozen=True, kw_only=True):
    """An expression in JSONata gave nothing of use. `location`: the field of the state that it is
    in.
    """

    activity_id: str
    state_name: str
    error: str
    cause: str | None
    location: str


class StateCanceled(TaggedRecord, frozen=True, kw_only=True):
    """A visit was cut short: its task, timer and children's rows go with it."""

    activity_id: str
    work: ActivityWork | None
    task: TaskContext | None
    fan_out: FanOutContext | None


class RetryScheduled(TaggedRecord, frozen=True, kw_only=True):
    """A failed state will be tried again when `timer` strikes. `work` is the after-image."""

    activity_id: str
    work: ActivityWork
    timer: TimerContext


class TimerStarted(TaggedRecord, frozen=True, kw_only=True):
    """A timer was armed. `work`: the after-image of the activity that waits for it, if one does."""

    timer: TimerContext
    work: ActivityWork | None = None


class TimerFired(TaggedRecord, frozen=True, kw_only=True):
    """A timer struck and is gone."""

    timer_id: str


class TaskCreated(TaggedRecord, frozen=True, kw_only=True):
    """Work is offered to the workers. `work` is the after-image of the task's activity."""

    task: TaskContext
    input: JsonText
    work: ActivityWork
    timer: TimerContext | None = None


class TaskActivated(TaggedRecord, frozen=True, kw_only=True):
    """A task was handed out. `task` is the after-image; `old_timer_id` the timer that
    `task.timer_id` replaces.
    """

    task: TaskContext
    old_timer_id: str | None = None


class TaskHeartbeat(TaggedRecord, frozen=True, kw_only=True):
    """A worker renewed its delivery. `task` is the after-image."""

    task: TaskContext


class TaskReleased(TaggedRecord, frozen=True, kw_only=True):
    """A delivery ended without a result (handed back, or its lease ran out): the task is ready
    again.
    """

    task: TaskContext
    old_timer_id: str | None = None


class TaskCompleted(TaggedRecord, frozen=True, kw_only=True):
    """A worker completed a task. `task` is what it was."""

    task: TaskContext
    output: JsonText


class TaskFailed(TaggedRecord, frozen=True, kw_only=True):
    """A worker failed a task. `task` is what it was."""

    task: TaskContext
    error: str
    cause: str | None


class TaskTimedOut(TaggedRecord, frozen=True, kw_only=True):
    """A task ran out of its TimeoutSeconds or HeartbeatSeconds. `task` is what it was."""

    task: TaskContext
    error: str


class ParallelStarted(TaggedRecord, frozen=True, kw_only=True):
    """A Parallel state begins its branches (again, after a retry)."""

    activity_id: str
    fan_out: FanOutContext


class MapStarted(TaggedRecord, frozen=True, kw_only=True):
    """A Map state begins its iterations (again, after a retry). `items`: the array, as evaluated
    once.
    """

    activity_id: str
    fan_out: FanOutContext
    items: JsonText


class BranchStarted(TaggedRecord, frozen=True, kw_only=True):
    """A branch began. `fan_out` is the after-image of its Parallel state."""

    branch_id: str
    input: JsonText
    fan_out: FanOutContext


class BranchCompleted(TaggedRecord, frozen=True, kw_only=True):
    """A branch succeeded. `fan_out` is the after-image of its Parallel state; `had_variables`: some
    were assigned in it.
    """

    branch_id: str
    output: JsonText
    fan_out: FanOutContext
    had_variables: bool = False


class BranchFailed(TaggedRecord, frozen=True, kw_only=True):
    """A branch failed. `fan_out` is the after-image of its Parallel state, which now fails."""

    branch_id: str
    error: str | None
    cause: str | None
    fan_out: FanOutContext


class IterationStarted(TaggedRecord, frozen=True, kw_only=True):
    """An iteration began. `item` is the Map's item if the input is another; `fan_out` the Map's
    after-image.
    """

    iteration_id: str
    state_name: str
    input: JsonText
    fan_out: FanOutContext
    item: JsonText = b""


class IterationCompleted(TaggedRecord, frozen=True, kw_only=True):
    """An iteration succeeded. `fan_out` is the after-image of its Map state; `had_variables`: some
    were assigned in it.
    """

    iteration_id: str
    state_name: str
    output: JsonText
    fan_out: FanOutContext
    had_variables: bool = False


class IterationFailed(TaggedRecord, frozen=True, kw_only=True):
    """An iteration failed. `fan_out` is the after-image of its Map state, which now fails."""

    iteration_id: str
    state_name: str
    error: str | None
    cause: str | None
    fan_out: FanOutContext


class FanOutSucceeded(TaggedRecord, frozen=True, kw_only=True):
    """All children of a Parallel or Map state succeeded; their rows are dropped."""

    activity_id: str
    fan_out: FanOutContext


class FanOutFailed(TaggedRecord, frozen=True, kw_only=True):
    """A Parallel or Map state failed for good; its children's rows are dropped."""

    activity_id: str
    kind: FanOutKind
    fan_out: FanOutContext | None
    error: str | None
    cause: str | None


class FanOutDropped(TaggedRecord, frozen=True, kw_only=True):
    """A failed Parallel or Map state will be tried again; its children's rows are dropped."""

    activity_id: str
    fan_out: FanOutContext


class ClusterSecretCreated(TaggedRecord, frozen=True, kw_only=True):
    """The key that task tokens are signed with."""

    secret: bytes


class FeatureLevelRaised(TaggedRecord, frozen=True, kw_only=True):
    """What follows may hold what `level` brought."""

    level: int


HistoryEvent = (
    ExecutionStarted
    | ExecutionCompleted
    | StateStarted
    | StateCompleted
    | TaskCreated
    | TaskActivated
    | TaskCompleted
    | TaskFailed
    | TaskTimedOut
    | ParallelStarted
    | MapStarted
    | IterationStarted
    | IterationCompleted
    | IterationFailed
    | FanOutSucceeded
    | FanOutFailed
    | EvaluationFailed
)
"""The events that an execution's history keeps: one for one what AWS's history of the same
execution would hold.
"""

Event = (
    HistoryEvent
    | WorkflowPut
    | ExecutionCanceling
    | StateFailed
    | StateCanceled
    | RetryScheduled
    | TimerStarted
    | TimerFired
    | TaskHeartbeat
    | TaskReleased
    | BranchStarted
    | BranchCompleted
    | BranchFailed
    | FanOutDropped
    | ClusterSecretCreated
    | FeatureLevelRaised
)


def execution_of(event: HistoryEvent) -> str:
    """Return the id of the execution whose history keeps `event`."""
    match event:
        case ExecutionStarted() | ExecutionCompleted():
            return event.execution.execution_id
        case TaskCreated() | TaskActivated() | TaskCompleted() | TaskFailed() | TaskTimedOut():
            return ids.execution_of(event.task.activity_id)
        case IterationStarted() | IterationCompleted() | IterationFailed():
            return ids.execution_of(event.iteration_id)
        case _:
            return ids.execution_of(event.activity_id)
