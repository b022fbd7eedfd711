"""The answer to a command."""

from msgspec import Struct

from stepraft.interpreter.commands import Command
from stepraft.interpreter.events import Event
from stepraft.interpreter.records import JsonText


class StartedExecution(Struct, frozen=True):
    """Reply to StartExecution. `existing`: the same request had started it before. `started_at`:
    HLC.
    """

    execution_id: str
    started_at: int
    existing: bool


class PutVersion(Struct, frozen=True):
    """Reply to PutWorkflow. `existing`: the newest version already had this definition.
    `created_at`: HLC.
    """

    version: int
    created_at: int
    description: str
    existing: bool


class Delivery(Struct, frozen=True):
    """Reply to ActivateTask: what a worker is handed. Times are Unix milliseconds, 0 for none."""

    task_id: str
    delivery: int
    resource: str
    input: JsonText
    execution_id: str
    workflow: str
    state_name: str
    retry_count: int
    created_at_ms: int
    lease_deadline_ms: int
    timeout_deadline_ms: int
    heartbeat_s: int
    credentials: JsonText = b""


class Renewed(Struct, frozen=True):
    """Reply to HeartbeatTask: until when (Unix milliseconds) the delivery is the worker's."""

    lease_deadline_ms: int


Reply = StartedExecution | PutVersion | Delivery | Renewed | None


class Decision(Struct, frozen=True):
    """What one command causes: events to apply in order, then commands to run; and what its caller
    is told.
    """

    events: tuple[Event, ...] = ()
    commands: tuple[Command, ...] = ()
    reply: Reply = None


NOTHING = Decision()
"""The command came too late: what it was about is gone."""
