"""Appliers of the events in the life of a timer."""

from stepraft.interpreter.events import RetryScheduled, TimerFired, TimerStarted
from stepraft.storage import keys
from stepraft.storage.batch import Batch
from stepraft.storage.keys import Part


def timer_started(event: TimerStarted, batch: Batch) -> None:
    """Write the timer, and let its activity wait for it if one does."""
    batch.insert(keys.timer(event.timer.timer_id), event.timer)
    if event.work is not None:
        batch.put(keys.context(event.timer.target, Part.WORK), event.work)


def timer_fired(event: TimerFired, batch: Batch) -> None:
    """Drop the timer."""
    batch.delete(keys.timer(event.timer_id))


def retry_scheduled(event: RetryScheduled, batch: Batch) -> None:
    """Write the timer of the backoff, and let the activity wait for it."""
    batch.insert(keys.timer(event.timer.timer_id), event.timer)
    batch.put(keys.context(event.activity_id, Part.WORK), event.work)
