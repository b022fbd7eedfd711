"""The rows of a timer, before and after each event of its life."""

from collections.abc import Callable

import pytest

from stepraft.interpreter.contexts import ActivityWork, TimerContext, TimerKind
from stepraft.interpreter.events import Event, RetryScheduled, TimerFired, TimerStarted
from stepraft.storage import keys
from stepraft.storage.batch import Value
from stepraft.storage.keys import Part

Rows = dict[bytes, Value]

_ACTIVITY_ID = "/acme/shop/e0123456/0000000000000001/0000000000000002"
_TIMER = TimerContext(timer_id="1", kind=TimerKind.WAIT, target=_ACTIVITY_ID)
_WAITS = ActivityWork(timer_id="1")
_ROW = keys.timer("1")
_WORK = keys.context(_ACTIVITY_ID, Part.WORK)


@pytest.mark.parametrize(
    ("before", "event", "after"),
    [
        pytest.param({}, TimerStarted(timer=_TIMER), {_ROW: _TIMER}, id="started"),
        pytest.param(
            {},
            TimerStarted(timer=_TIMER, work=_WAITS),
            {_ROW: _TIMER, _WORK: _WAITS},
            id="started for an activity",
        ),
        pytest.param(
            {_ROW: _TIMER, _WORK: _WAITS}, TimerFired(timer_id="1"), {_WORK: _WAITS}, id="fired"
        ),
        pytest.param(
            {_WORK: ActivityWork(task_id="a task")},
            RetryScheduled(activity_id=_ACTIVITY_ID, work=_WAITS, timer=_TIMER),
            {_ROW: _TIMER, _WORK: _WAITS},
            id="retry scheduled",
        ),
    ],
)
def test_an_event_writes_the_timers_rows(
    before: Rows, event: Event, after: Rows, rows_after: Callable[..., Rows]
) -> None:
    assert rows_after(before, event) == after
