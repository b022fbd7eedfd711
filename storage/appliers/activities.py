"""Appliers of the events in the life of an activity: one visit of one state."""

from stepraft.interpreter.contexts import ActivityContext
from stepraft.interpreter.events import StateCanceled, StateCompleted, StateFailed, StateStarted
from stepraft.interpreter.ids import owner
from stepraft.storage import keys
from stepraft.storage.appliers import fan_out, tasks
from stepraft.storage.batch import Batch
from stepraft.storage.keys import Part


def state_started(event: StateStarted, batch: Batch) -> None:
    """Write the activity."""
    activity = ActivityContext(
        activity_id=event.activity_id,
        state_name=event.state_name,
        input=event.input,
        entered_at=event.entered_at,
        entered_sequence=event.entered_sequence,
    )
    batch.insert(keys.context(event.activity_id, Part.ACTIVITY), activity)


def state_completed(event: StateCompleted, batch: Batch) -> None:
    """Drop the activity, and write its scope's variables if it assigned some."""
    _drop(event.activity_id, event.had_work, batch)
    if event.variables:
        batch.put(keys.context(owner(event.activity_id), Part.VARIABLES), event.variables)


def state_failed(event: StateFailed, batch: Batch) -> None:
    """Drop the activity."""
    _drop(event.activity_id, event.had_work, batch)


def state_canceled(event: StateCanceled, batch: Batch) -> None:
    """Drop the activity with all that it holds: its work and timer, its task, its children."""
    _drop(event.activity_id, event.work is not None, batch)
    if event.work is not None and event.work.timer_id is not None:
        batch.delete(keys.timer(event.work.timer_id))
    if event.task is not None:
        tasks.drop(event.task, batch)
    if event.fan_out is not None:
        fan_out.drop(event.activity_id, event.fan_out, batch)


def _drop(activity_id: str, had_work: bool, batch: Batch) -> None:
    batch.delete(keys.context(activity_id, Part.ACTIVITY))
    if had_work:
        batch.delete(keys.context(activity_id, Part.WORK))
