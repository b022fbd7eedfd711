"""The rows of an execution, before and after each event of its life."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from stepraft.interpreter.contexts import ExecutionContext, ExecutionKey
from stepraft.interpreter.events import (
    Event,
    ExecutionCanceling,
    ExecutionCompleted,
    ExecutionStarted,
)
from stepraft.interpreter.lifecycle import ExecutionStatus
from stepraft.storage import keys
from stepraft.storage.batch import Value
from stepraft.storage.keys import Part

Rows = dict[bytes, Value]

_ID = "/acme/shop/e0123456/0000000000000001"
_RUNNING = ExecutionContext(
    execution_id=_ID,
    workflow="order",
    version=1,
    name="first",
    status=ExecutionStatus.RUNNING,
    started_at=1,
)
_CANCELING = replace(_RUNNING, status=ExecutionStatus.CANCELING)
_CANCELED = replace(_RUNNING, status=ExecutionStatus.CANCELED, stopped_at=9, error="Stop")
_SUCCEEDED = replace(_RUNNING, status=ExecutionStatus.SUCCEEDED, stopped_at=9)
_KEY = ExecutionKey(execution_id=_ID, fingerprint=b"print")

_CONTEXT = keys.context(_ID, Part.EXECUTION)
_INPUT = keys.context(_ID, Part.INPUT)
_OUTPUT = keys.context(_ID, Part.OUTPUT)


def _index(status: ExecutionStatus) -> bytes:
    return keys.by_workflow(_ID, "order", status, 1)


_OPEN: Rows = {_CONTEXT: _RUNNING, _INPUT: b"{}", _index(ExecutionStatus.RUNNING): b""}


@pytest.mark.parametrize(
    ("before", "event", "after"),
    [
        pytest.param({}, ExecutionStarted(execution=_RUNNING, input=b"{}"), _OPEN, id="started"),
        pytest.param(
            {},
            ExecutionStarted(
                execution=_RUNNING, input=b"{}", idempotency_key="once", by_key=_KEY, by_name=_KEY
            ),
            _OPEN
            | {
                keys.by_key("acme", "shop", "once"): _KEY,
                keys.by_name("acme", "shop", "order", "first"): _KEY,
            },
            id="started by a key and a name",
        ),
        pytest.param(
            _OPEN,
            ExecutionCanceling(execution=_CANCELING, old_status=ExecutionStatus.RUNNING),
            {_CONTEXT: _CANCELING, _INPUT: b"{}", _index(ExecutionStatus.CANCELING): b""},
            id="canceling",
        ),
        pytest.param(
            {_CONTEXT: _CANCELING, _INPUT: b"{}", _index(ExecutionStatus.CANCELING): b""},
            ExecutionCompleted(execution=_CANCELED, old_status=ExecutionStatus.CANCELING),
            {_CONTEXT: _CANCELED, _INPUT: b"{}", _index(ExecutionStatus.CANCELED): b""},
            id="completed without an output",
        ),
        pytest.param(
            _OPEN,
            ExecutionCompleted(
                execution=_SUCCEEDED, old_status=ExecutionStatus.RUNNING, output=b"1"
            ),
            {
                _CONTEXT: _SUCCEEDED,
                _INPUT: b"{}",
                _OUTPUT: b"1",
                _index(ExecutionStatus.SUCCEEDED): b"",
            },
            id="completed with an output",
        ),
    ],
)
def test_an_event_writes_the_executions_rows(
    before: Rows, event: Event, after: Rows, rows_after: Callable[..., Rows]
) -> None:
    assert rows_after(before, event) == after


def test_an_execution_that_starts_and_ends_in_one_entry_is_in_one_place_of_the_index(
    rows_after: Callable[..., Rows],
) -> None:
    rows = rows_after(
        {},
        ExecutionStarted(execution=_RUNNING, input=b"{}"),
        ExecutionCompleted(execution=_SUCCEEDED, old_status=ExecutionStatus.RUNNING, output=b"1"),
    )

    assert [key for key in rows if key[:1] == b"x"] == [_index(ExecutionStatus.SUCCEEDED)]
