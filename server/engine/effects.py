"""What an event means to the parts of the leader that wait: hints, which a new leader finds in its
store.
"""

from typing import Final, get_args

import msgspec

from stepraft.interpreter.contexts import TaskContext
from stepraft.interpreter.events import (
    Event,
    RetryScheduled,
    StateCanceled,
    TaskActivated,
    TaskCreated,
    TaskReleased,
    TaskTimedOut,
    TimerStarted,
)


def armed_timer(event: Event) -> str | None:
    """Return the id of the timer that an event armed."""
    match event:
        case TimerStarted() | RetryScheduled():
            return event.timer.timer_id
        case TaskCreated():
            return event.timer.timer_id if event.timer is not None else None
        case TaskActivated() | TaskReleased():
            timer_id = event.task.timer_id
            return timer_id if timer_id != event.old_timer_id else None
        case _:
            return None


def ready_task(event: Event) -> TaskContext | None:
    """Return the task that an event offers to the workers."""
    match event:
        case TaskCreated() | TaskReleased():
            return event.task
        case _:
            return None


def revoked_task(event: Event) -> TaskContext | None:
    """Return the task that an event takes away from whoever works on it."""
    match event:
        case StateCanceled() | TaskTimedOut() | TaskReleased():
            return event.task
        case _:
            return None


_DOCUMENT_FIELDS: Final = {
    event_type: tuple(
        field.name for field in msgspec.structs.fields(event_type) if field.type is bytes
    )
    for event_type in get_args(Event)
}


def document_bytes(event: Event) -> int:
    """Return how many bytes of documents an event carries: what makes a group large."""
    return sum([len(getattr(event, field)) for field in _DOCUMENT_FIELDS[type(event)]])
