"""What the tests of the command line share: histories told by hand."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stepraft.client import HistoryEvent

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
EXECUTION = "/default/default/e0000001/0000000000000001"

_EMPTY: dict[str, Any] = {
    "hlc": 0,
    "scope_id": "",
    "activity_id": "",
    "state_name": "",
    "state_type": "",
    "next_state": "",
    "input": None,
    "output": None,
    "variables": None,
    "error": None,
    "cause": None,
    "task_id": "",
    "resource": "",
    "attempt": 0,
    "retry_count": 0,
    "worker": "",
    "index": None,
    "total": 0,
    "status": None,
}


class Story:
    """A history that a test tells event by event; ids are short names, times milliseconds."""

    def __init__(self) -> None:
        self.events: list[HistoryEvent] = []

    def tell(self, at_ms: int, type_: str, **fields: Any) -> None:
        """Add an event; what is not given is empty, as in a real one."""
        self.events.append(
            HistoryEvent(
                **_EMPTY
                | fields
                | {
                    "sequence": len(self.events) + 1,
                    "at": START + timedelta(milliseconds=at_ms),
                    "type": type_,
                }
            )
        )

    def started(self, at_ms: int, visit: str, state_type: str, scope: str = EXECUTION) -> None:
        """Tell that a state was entered; its name is the last part of the visit's id."""
        self.tell(
            at_ms,
            "StateStarted",
            scope_id=scope,
            activity_id=f"{scope}/{visit}",
            state_name=visit,
            state_type=state_type,
        )

    def completed(
        self, at_ms: int, visit: str, next_state: str = "", scope: str = EXECUTION
    ) -> None:
        """Tell that a state was left."""
        self.tell(
            at_ms,
            "StateCompleted",
            scope_id=scope,
            activity_id=f"{scope}/{visit}",
            state_name=visit,
            next_state=next_state,
        )

    def task(
        self,
        at_ms: int,
        visit: str,
        *,
        took_ms: int,
        end: str = "TaskCompleted",
        error: str | None = None,
        retry: int = 0,
        scope: str = EXECUTION,
    ) -> None:
        """Tell of one try of a task: created, taken by a worker 10 ms later, and ended."""
        same: dict[str, Any] = {
            "scope_id": scope,
            "activity_id": f"{scope}/{visit}",
            "state_name": visit,
            "task_id": f"{scope}/{visit}/{retry}",
            "resource": f"shop:{visit.lower()}",
            "retry_count": retry,
        }
        self.tell(at_ms, "TaskCreated", **same)
        self.tell(at_ms + 10, "TaskActivated", **same, worker="w1", attempt=1)
        if end:
            self.tell(at_ms + took_ms, end, **same, worker="w1", attempt=1, error=error)


@pytest.fixture
def story() -> Story:
    told = Story()
    told.tell(0, "ExecutionStarted", scope_id=EXECUTION)
    return told


@pytest.fixture
def execution_id() -> str:
    return EXECUTION


@pytest.fixture
def moment() -> Callable[[int], datetime]:
    """Return the moment so many milliseconds after the execution's start."""
    return lambda at_ms: START + timedelta(milliseconds=at_ms)
