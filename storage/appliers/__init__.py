"""What each event writes: one function per event, in files by noun. Blind writes: no reads, no
decisions.

The leader applies an event to the batch that it decides on, every replica to the batch that it
writes: the same functions, so the same bytes.
"""

from typing import Final, assert_never, cast, get_args

from stepraft.interpreter.events import (
    BranchCompleted,
    BranchFailed,
    BranchStarted,
    ClusterSecretCreated,
    EvaluationFailed,
    Event,
    ExecutionCanceling,
    ExecutionCompleted,
    ExecutionStarted,
    FanOutDropped,
    FanOutFailed,
    FanOutSucceeded,
    FeatureLevelRaised,
    HistoryEvent,
    IterationCompleted,
    IterationFailed,
    IterationStarted,
    MapStarted,
    ParallelStarted,
    RetryScheduled,
    StateCanceled,
    StateCompleted,
    StateFailed,
    StateStarted,
    TaskActivated,
    TaskCompleted,
    TaskCreated,
    TaskFailed,
    TaskHeartbeat,
    TaskReleased,
    TaskTimedOut,
    TimerFired,
    TimerStarted,
    WorkflowPut,
    execution_of,
)
from stepraft.storage import keys
from stepraft.storage.appliers import (
    activities,
    cluster,
    executions,
    fan_out,
    tasks,
    timers,
    workflows,
)
from stepraft.storage.batch import Batch
from stepraft.storage.entry import Group, PendingCommand
from stepraft.storage.rows import HistoryRow

_HISTORY_TYPES: Final = frozenset(get_args(HistoryEvent))


def apply_group(group: Group, batch: Batch) -> None:
    """Write what a group says: its events, in order, then what it leaves pending."""
    for event, sequence in zip(group.events, group.sequences, strict=True):
        apply(event, batch, group.stamp, sequence)
    follow_and_leave(batch, group.follows, group.next)


def follow_and_leave(batch: Batch, follows: int, left: tuple[PendingCommand, ...]) -> None:
    """Drop the pending command that was followed (0: there was none) and keep those that are left
    pending.
    """
    if follows:
        batch.delete(keys.pending(follows))
    for pending in left:
        batch.insert(keys.pending(pending.stamp), pending)


def apply(event: Event, batch: Batch, stamp: int, sequence: int) -> None:
    """Write what an event says. `stamp`: the HLC of its command. `sequence`: its place in its
    execution's history, 0 for none.
    """
    _write_contexts(event, batch)
    if sequence:
        assert type(event) in _HISTORY_TYPES, f"{type(event).__name__} is in no history"
        kept = cast("HistoryEvent", event)
        batch.insert(keys.history(execution_of(kept), sequence), HistoryRow(at=stamp, event=kept))


def _write_contexts(event: Event, batch: Batch) -> None:
    match event:
        case StateStarted():
            activities.state_started(event, batch)
        case StateCompleted():
            activities.state_completed(event, batch)
        case StateFailed():
            activities.state_failed(event, batch)
        case StateCanceled():
            activities.state_canceled(event, batch)
        case TaskCreated():
            tasks.task_created(event, batch)
        case TaskActivated():
            tasks.task_activated(event, batch)
        case TaskHeartbeat():
            tasks.task_heartbeat(event, batch)
        case TaskReleased():
            tasks.task_released(event, batch)
        case TaskCompleted() | TaskFailed() | TaskTimedOut():
            tasks.task_ended(event, batch)
        case ExecutionStarted():
            executions.execution_started(event, batch)
        case ExecutionCanceling():
            executions.execution_canceling(event, batch)
        case ExecutionCompleted():
            executions.execution_completed(event, batch)
        case TimerStarted():
            timers.timer_started(event, batch)
        case TimerFired():
            timers.timer_fired(event, batch)
        case RetryScheduled():
            timers.retry_scheduled(event, batch)
        case IterationStarted():
            fan_out.iteration_started(event, batch)
        case IterationCompleted():
            fan_out.iteration_completed(event, batch)
        case IterationFailed():
            fan_out.iteration_failed(event, batch)
        case BranchStarted():
            fan_out.branch_started(event, batch)
        case BranchCompleted():
            fan_out.branch_completed(event, batch)
        case BranchFailed():
            fan_out.branch_failed(event, batch)
        case ParallelStarted():
            fan_out.parallel_started(event, batch)
        case MapStarted():
            fan_out.map_started(event, batch)
        case FanOutSucceeded():
            fan_out.fan_out_succeeded(event, batch)
        case FanOutFailed():
            fan_out.fan_out_failed(event, batch)
        case FanOutDropped():
            fan_out.fan_out_dropped(event, batch)
        case WorkflowPut():
            workflows.workflow_put(event, batch)
        case EvaluationFailed():
            """It is in the history, and nowhere else."""
        case ClusterSecretCreated():
            cluster.cluster_secret_created(event, batch)
        case FeatureLevelRaised():
            cluster.feature_level_raised(event, batch)
        case _:
            assert_never(event)
