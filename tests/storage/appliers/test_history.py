"""History: an event with a sequence is kept, in its execution's history; one without is not."""

import pytest

from stepraft.interpreter.contexts import TaskContext
from stepraft.interpreter.events import StateStarted, TaskHeartbeat
from stepraft.storage import keys
from stepraft.storage.appliers import apply
from stepraft.storage.batch import Batch
from stepraft.storage.rows import HistoryRow

_EXECUTION_ID = "/acme/shop/e0123456/0000000000000001"
_STARTED = StateStarted(
    activity_id=f"{_EXECUTION_ID}/0000000000000002",
    state_name="Charge",
    state_type="Task",
    input=b"{}",
    entered_at=2,
    entered_sequence=2,
)


def test_an_event_with_a_sequence_is_kept() -> None:
    batch = Batch()

    apply(_STARTED, batch, stamp=7, sequence=2)

    row = HistoryRow(at=7, event=_STARTED)
    assert batch.values[keys.history(_EXECUTION_ID, 2)] == row


def test_an_event_without_a_sequence_is_not_kept() -> None:
    batch = Batch()

    apply(_STARTED, batch, stamp=7, sequence=0)

    assert not [key for key in batch.values if key.startswith(keys.history_prefix(_EXECUTION_ID))]


def test_an_event_of_no_history_with_a_sequence_is_this_programs_error() -> None:
    task = TaskContext(
        task_id="/acme/shop/t0123456/0000000000000003",
        activity_id=_STARTED.activity_id,
        resource="charge",
        state_name="Charge",
        created_at=3,
    )

    with pytest.raises(AssertionError, match="TaskHeartbeat is in no history"):
        apply(TaskHeartbeat(task=task), Batch(), stamp=7, sequence=3)
