"""What the tests of the command line share: histories told by hand, and a node to talk to."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from stepraft.cli.main import app
from stepraft.client import HistoryEvent, SyncClient
from stepraft.testing.cluster import LocalCluster

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


DEFINITIONS: dict[str, dict[str, Any]] = {
    "hello": {"StartAt": "Hello", "States": {"Hello": {"Type": "Pass", "End": True}}},
    "refuse": {
        "StartAt": "Refuse",
        "States": {"Refuse": {"Type": "Fail", "Error": "Shop.Closed", "Cause": "come back later"}},
    },
    "hold": {
        "StartAt": "Hold",
        "States": {"Hold": {"Type": "Wait", "Seconds": 3600, "End": True}},
    },
    "late": {
        "StartAt": "Hold",
        "TimeoutSeconds": 1,
        "States": {"Hold": {"Type": "Wait", "Seconds": 3600, "End": True}},
    },
    "greet": {
        "StartAt": "Greet",
        "States": {"Greet": {"Type": "Task", "Resource": "test:greet", "End": True}},
    },
}
"""Workflows that end as their names say, or never; `greet` needs a worker."""


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a node of its own, a real process, which knows the workflows."""
    with LocalCluster(tmp_path_factory.mktemp("node"), size=1) as cluster:
        cluster.wait_for_leader()
        (node,) = cluster.addresses
        with SyncClient(node) as client:
            for name, definition in DEFINITIONS.items():
                client.put_workflow(name, definition)
        yield node


@pytest.fixture
def run(address: str) -> Callable[..., Result]:
    """Run the command line against that node: `run("get", execution_id)`."""

    def run(*arguments: str, stdin: str | None = None) -> Result:
        environment = {"STEPRAFT_ADDRESS": address}
        return CliRunner().invoke(app, list(arguments), input=stdin, env=environment)

    return run


@pytest.fixture
def started(address: str) -> Callable[[str], str]:
    """Start an execution of a workflow, and return its id."""

    def start(workflow: str) -> str:
        with SyncClient(address) as client:
            return client.start_execution(workflow, {}).execution_id

    return start
