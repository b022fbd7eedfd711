"""The rows of an activity, before and after each event of its life."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from stepraft.interpreter.contexts import (
    ActivityContext,
    ActivityWork,
    ChildContext,
    FanOutContext,
    FanOutKind,
    TaskContext,
    TaskStatus,
    TimerContext,
    TimerKind,
)
from stepraft.interpreter.events import (
    Event,
    StateCanceled,
    StateCompleted,
    StateFailed,
    StateStarted,
)
from stepraft.storage import keys
from stepraft.storage.batch import Value
from stepraft.storage.keys import Part

Rows = dict[bytes, Value]

_SCOPE = "/acme/shop/e0123456/0000000000000001"
_ID = f"{_SCOPE}/0000000000000002"
_ACTIVITY = ActivityContext(
    activity_id=_ID, state_name="Charge", input=b"{}", entered_at=2, entered_sequence=2
)
_CONTEXT = keys.context(_ID, Part.ACTIVITY)
_WORK = keys.context(_ID, Part.WORK)
_VARIABLES = keys.context(_SCOPE, Part.VARIABLES)
_COMPLETED = StateCompleted(
    activity_id=_ID, state_name="Charge", state_type="Task", output=b"1", next_state=None
)

_TASK = TaskContext(
    task_id="/acme/shop/t0123456/0000000000000003",
    activity_id=_ID,
    resource="charge",
    state_name="Charge",
    created_at=3,
    timer_id="00timer",
)
_WAITS_FOR_TASK = ActivityWork(task_id=_TASK.task_id)
_WAITS_FOR_TIMER = ActivityWork(timer_id="00timer")
_TASK_ROWS: Rows = {
    keys.context(_TASK.task_id, Part.TASK): _TASK,
    keys.context(_TASK.task_id, Part.INPUT): b"{}",
    keys.timer("00timer"): TimerContext(
        timer_id="00timer", kind=TimerKind.TASK, target=_TASK.task_id
    ),
}
_READY: Rows = {keys.ready(_TASK.task_id, "charge"): b""}
_CHILD = ChildContext(is_completed=False, document=b"{}")
_PARALLEL = FanOutContext(kind=FanOutKind.PARALLEL, total=3, started=2)
_MAP = FanOutContext(kind=FanOutKind.MAP, total=3, started=2)
_OTHERS: Rows = {
    keys.context(_SCOPE, Part.INPUT): b"{}",
    keys.context(f"{_ID}1", Part.ACTIVITY): _ACTIVITY,
    keys.timer("00timer1"): TimerContext(timer_id="00timer1", kind=TimerKind.WAIT, target="x"),
}


def _canceled(
    work: ActivityWork | None = None,
    task: TaskContext | None = None,
    fan_out: FanOutContext | None = None,
) -> StateCanceled:
    return StateCanceled(activity_id=_ID, work=work, task=task, fan_out=fan_out)


@pytest.mark.parametrize(
    ("before", "event", "after"),
    [
        pytest.param(
            {},
            StateStarted(
                activity_id=_ID,
                state_name="Charge",
                state_type="Task",
                input=b"{}",
                entered_at=2,
                entered_sequence=2,
            ),
            {_CONTEXT: _ACTIVITY},
            id="started",
        ),
        pytest.param({_CONTEXT: _ACTIVITY}, _COMPLETED, {}, id="completed"),
        pytest.param(
            {_CONTEXT: _ACTIVITY, _WORK: _WAITS_FOR_TASK},
            replace(_COMPLETED, had_work=True),
            {},
            id="completed after work",
        ),
        pytest.param(
            {_CONTEXT: _ACTIVITY, _VARIABLES: b'{"a":1}'},
            replace(_COMPLETED, assigned=b'{"b":2}', variables=b'{"a":1,"b":2}'),
            {_VARIABLES: b'{"a":1,"b":2}'},
            id="completed with variables",
        ),
        pytest.param(
            {_CONTEXT: _ACTIVITY, _VARIABLES: b'{"a":1}'},
            _COMPLETED,
            {_VARIABLES: b'{"a":1}'},
            id="completed without variables keeps those of the scope",
        ),
        pytest.param(
            {_CONTEXT: _ACTIVITY},
            StateFailed(activity_id=_ID, error="Broken", cause=None),
            {},
            id="failed",
        ),
        pytest.param(
            {_CONTEXT: _ACTIVITY, _WORK: _WAITS_FOR_TASK},
            StateFailed(activity_id=_ID, error="Broken", cause=None, had_work=True),
            {},
            id="failed after work",
        ),
        pytest.param({_CONTEXT: _ACTIVITY}, _canceled(), {}, id="canceled"),
        pytest.param(
            {
                _CONTEXT: _ACTIVITY,
                _WORK: _WAITS_FOR_TIMER,
                keys.timer("00timer"): TimerContext(
                    timer_id="00timer", kind=TimerKind.WAIT, target=_ID
                ),
            },
            _canceled(_WAITS_FOR_TIMER),
            {},
            id="canceled while it waits for a timer",
        ),
        pytest.param(
            {_CONTEXT: _ACTIVITY, _WORK: _WAITS_FOR_TASK, **_TASK_ROWS, **_READY},
            _canceled(_WAITS_FOR_TASK, _TASK),
            {},
            id="canceled while its task is ready",
        ),
        pytest.param(
            {_CONTEXT: _ACTIVITY, _WORK: _WAITS_FOR_TASK, **_TASK_ROWS},
            _canceled(_WAITS_FOR_TASK, replace(_TASK, status=TaskStatus.ACTIVE)),
            {},
            id="canceled while its task is a worker's",
        ),
        pytest.param(
            {
                _CONTEXT: _ACTIVITY,
                keys.context(_ID, Part.FAN_OUT): _PARALLEL,
                keys.context(f"{_ID}/b0", Part.CHILD): _CHILD,
                keys.context(f"{_ID}/b1", Part.CHILD): _CHILD,
                keys.context(f"{_ID}/b1", Part.VARIABLES): b"{}",
            },
            _canceled(fan_out=_PARALLEL),
            {},
            id="canceled with branches",
        ),
        pytest.param(
            {
                _CONTEXT: _ACTIVITY,
                keys.context(_ID, Part.FAN_OUT): _MAP,
                keys.context(_ID, Part.ITEMS): b"[1,2,3]",
                keys.context(f"{_ID}/i0", Part.CHILD): _CHILD,
                keys.context(f"{_ID}/i1", Part.CHILD): _CHILD,
                keys.context(f"{_ID}/i1", Part.VARIABLES): b"{}",
            },
            _canceled(fan_out=_MAP),
            {},
            id="canceled with iterations",
        ),
    ],
)
def test_an_event_writes_the_activitys_rows_and_no_others(
    before: Rows, event: Event, after: Rows, rows_after: Callable[..., Rows]
) -> None:
    assert rows_after({**before, **_OTHERS}, event) == {**after, **_OTHERS}
