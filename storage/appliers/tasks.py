"""Appliers of the events in the life of a task."""

from stepraft.interpreter.contexts import TaskContext, TaskStatus, TimerContext, TimerKind
from stepraft.interpreter.events import (
    TaskActivated,
    TaskCompleted,
    TaskCreated,
    TaskFailed,
    TaskHeartbeat,
    TaskReleased,
    TaskTimedOut,
)
from stepraft.storage import keys
from stepraft.storage.batch import Batch
from stepraft.storage.keys import Part
from stepraft.storage.rows import PRESENT


def task_created(event: TaskCreated, batch: Batch) -> None:
    """Write the task and its input, offer it, and let its activity wait for it."""
    task = event.task
    batch.insert(_row(task), task)
    batch.insert(keys.context(task.task_id, Part.INPUT), event.input)
    batch.insert(keys.ready(task.task_id, task.resource), PRESENT)
    batch.put(keys.context(task.activity_id, Part.WORK), event.work)
    if event.timer is not None:
        batch.insert(keys.timer(event.timer.timer_id), event.timer)


def task_activated(event: TaskActivated, batch: Batch) -> None:
    """Write the task, offer it no longer, and set its timer anew if it has another."""
    batch.put(_row(event.task), event.task)
    batch.delete(keys.ready(event.task.task_id, event.task.resource))
    _replace_timer(event.task, event.old_timer_id, batch)


def task_heartbeat(event: TaskHeartbeat, batch: Batch) -> None:
    """Write the task."""
    batch.put(_row(event.task), event.task)


def task_released(event: TaskReleased, batch: Batch) -> None:
    """Write the task, offer it again, and set its timer anew if it has another."""
    batch.put(_row(event.task), event.task)
    batch.insert(keys.ready(event.task.task_id, event.task.resource), PRESENT)
    _replace_timer(event.task, event.old_timer_id, batch)


def task_ended(event: TaskCompleted | TaskFailed | TaskTimedOut, batch: Batch) -> None:
    """Drop the task. What its activity waits for stays: the end of the activity, or its retry,
    answers for it.
    """
    drop(event.task, batch)


def drop(task: TaskContext, batch: Batch) -> None:
    """Delete the rows of a task, and those of its offer and its timer if it has them."""
    batch.delete(_row(task))
    batch.delete(keys.context(task.task_id, Part.INPUT))
    if task.status is TaskStatus.READY:
        batch.delete(keys.ready(task.task_id, task.resource))
    if task.timer_id is not None:
        batch.delete(keys.timer(task.timer_id))


def _replace_timer(task: TaskContext, old_timer_id: str | None, batch: Batch) -> None:
    if task.timer_id == old_timer_id:
        return
    if old_timer_id is not None:
        batch.delete(keys.timer(old_timer_id))
    if task.timer_id is not None:
        timer = TimerContext(timer_id=task.timer_id, kind=TimerKind.TASK, target=task.task_id)
        batch.insert(keys.timer(task.timer_id), timer)


def _row(task: TaskContext) -> bytes:
    return keys.context(task.task_id, Part.TASK)
