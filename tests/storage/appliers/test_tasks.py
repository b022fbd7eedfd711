"""The rows of a task, before and after each event of its life."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from stepraft.interpreter.contexts import (
    ActivityWork,
    TaskContext,
    TaskStatus,
    TimerContext,
    TimerKind,
)
from stepraft.interpreter.events import (
    Event,
    TaskActivated,
    TaskCompleted,
    TaskCreated,
    TaskFailed,
    TaskHeartbeat,
    TaskReleased,
    TaskTimedOut,
)
from stepraft.storage import keys
from stepraft.storage.appliers import apply
from stepraft.storage.batch import Batch, Value
from stepraft.storage.keys import Part

Rows = dict[bytes, Value]

_ACTIVITY_ID = "/acme/shop/e0123456/0000000000000001/0000000000000002"
_READY_TASK = TaskContext(
    task_id="/acme/shop/t0123456/0000000000000003",
    activity_id=_ACTIVITY_ID,
    resource="charge",
    state_name="Charge",
    created_at=3,
)
_ACTIVE_TASK = replace(_READY_TASK, status=TaskStatus.ACTIVE, worker="w", delivery=1)
_WAITS = ActivityWork(task_id=_READY_TASK.task_id)

_TASK = keys.context(_READY_TASK.task_id, Part.TASK)
_INPUT = keys.context(_READY_TASK.task_id, Part.INPUT)
_READY = keys.ready(_READY_TASK.task_id, "charge")
_WORK = keys.context(_ACTIVITY_ID, Part.WORK)


def _timed(task: TaskContext, timer_id: str) -> TaskContext:
    return replace(task, timer_id=timer_id)


def _timer(timer_id: str) -> TimerContext:
    return TimerContext(timer_id=timer_id, kind=TimerKind.TASK, target=_READY_TASK.task_id)


def _ready(task: TaskContext) -> Rows:
    return {**_active(task), _READY: b""}


def _active(task: TaskContext) -> Rows:
    rows: Rows = {_TASK: task, _INPUT: b"{}", _WORK: _WAITS}
    if task.timer_id is not None:
        rows[keys.timer(task.timer_id)] = _timer(task.timer_id)
    return rows


_GONE: Rows = {_WORK: _WAITS}


@pytest.mark.parametrize(
    ("before", "event", "after"),
    [
        pytest.param(
            {},
            TaskCreated(task=_READY_TASK, input=b"{}", work=_WAITS),
            _ready(_READY_TASK),
            id="created",
        ),
        pytest.param(
            {_WORK: ActivityWork(retries=(1,), timer_id="gone")},
            TaskCreated(task=_timed(_READY_TASK, "1"), input=b"{}", work=_WAITS, timer=_timer("1")),
            _ready(_timed(_READY_TASK, "1")),
            id="created again, with a timer",
        ),
        pytest.param(
            _ready(_READY_TASK),
            TaskActivated(task=_ACTIVE_TASK),
            _active(_ACTIVE_TASK),
            id="activated without a timer",
        ),
        pytest.param(
            _ready(_READY_TASK),
            TaskActivated(task=_timed(_ACTIVE_TASK, "1")),
            _active(_timed(_ACTIVE_TASK, "1")),
            id="activated with a timer",
        ),
        pytest.param(
            _ready(_timed(_READY_TASK, "1")),
            TaskActivated(task=_timed(_ACTIVE_TASK, "1"), old_timer_id="1"),
            _active(_timed(_ACTIVE_TASK, "1")),
            id="activated with the timer that it had",
        ),
        pytest.param(
            _ready(_timed(_READY_TASK, "1")),
            TaskActivated(task=_timed(_ACTIVE_TASK, "0"), old_timer_id="1"),
            _active(_timed(_ACTIVE_TASK, "0")),
            id="activated with a timer for the one that it had",
        ),
        pytest.param(
            _active(_ACTIVE_TASK),
            TaskHeartbeat(task=replace(_ACTIVE_TASK, lease_deadline_ms=9)),
            _active(replace(_ACTIVE_TASK, lease_deadline_ms=9)),
            id="heartbeat",
        ),
        pytest.param(
            _active(_timed(_ACTIVE_TASK, "1")),
            TaskReleased(task=_READY_TASK, old_timer_id="1"),
            _ready(_READY_TASK),
            id="released without a timer",
        ),
        pytest.param(
            _active(_timed(_ACTIVE_TASK, "1")),
            TaskReleased(task=_timed(_READY_TASK, "2"), old_timer_id="1"),
            _ready(_timed(_READY_TASK, "2")),
            id="released with a timer for the one that it had",
        ),
        pytest.param(
            _active(_timed(_ACTIVE_TASK, "1")),
            TaskCompleted(task=_timed(_ACTIVE_TASK, "1"), output=b"1"),
            _GONE,
            id="completed",
        ),
        pytest.param(
            _ready(_timed(_READY_TASK, "1")),
            TaskCompleted(task=_timed(_READY_TASK, "1"), output=b"1"),
            _GONE,
            id="completed after its lease ran out",
        ),
        pytest.param(
            _active(_ACTIVE_TASK),
            TaskFailed(task=_ACTIVE_TASK, error="Broken", cause=None),
            _GONE,
            id="failed",
        ),
        pytest.param(
            _ready(_timed(_READY_TASK, "1")),
            TaskTimedOut(task=_timed(_READY_TASK, "1"), error="States.Timeout"),
            _GONE,
            id="timed out",
        ),
    ],
)
def test_an_event_writes_the_tasks_rows(
    before: Rows, event: Event, after: Rows, rows_after: Callable[..., Rows]
) -> None:
    assert rows_after(before, event) == after


def test_a_task_that_is_ready_again_and_taken_again_in_one_entry_is_offered_no_longer(
    rows_after: Callable[..., Rows],
) -> None:
    rows = rows_after(
        _ready(_READY_TASK),
        TaskActivated(task=_ACTIVE_TASK),
        TaskReleased(task=_READY_TASK),
        TaskActivated(task=_ACTIVE_TASK),
    )

    assert rows == _active(_ACTIVE_TASK)


@pytest.mark.parametrize(
    ("event", "written"),
    [
        pytest.param(
            TaskActivated(task=_timed(_ACTIVE_TASK, "1"), old_timer_id="1"),
            {_TASK, _READY},
            id="the timer that stays",
        ),
        pytest.param(
            TaskCompleted(task=_ACTIVE_TASK, output=b"1"),
            {_TASK, _INPUT},
            id="the offer that is gone",
        ),
    ],
)
def test_what_does_not_change_is_not_written(event: Event, written: set[bytes]) -> None:
    batch = Batch()

    apply(event, batch, stamp=1, sequence=0)

    assert set(batch.values) == written
