"""Contexts: what is true now. Events build them, appliers write them, processors read them.

A context is written whole or not at all, and what grows large (inputs, outputs, items) stands in
rows of its own, so that a change writes no more than it changes.
"""

from enum import StrEnum

from stepraft.interpreter.lifecycle import ExecutionStatus
from stepraft.interpreter.records import JsonText, Record


class ExecutionContext(Record, frozen=True, kw_only=True):
    """One execution. Its input and output are rows of their own.

    `started_at`, `stopped_at`: HLC stamps, 0 while not stopped. `timer_id`: the timer of the
    machine's TimeoutSeconds, if it has one. `error` and `cause` are None unless it ended by them.
    """

    execution_id: str
    workflow: str
    version: int
    name: str
    status: ExecutionStatus
    started_at: int
    stopped_at: int = 0
    error: str | None = None
    cause: str | None = None
    timer_id: str | None = None


class ExecutionKey(Record, frozen=True, kw_only=True):
    """Which execution an idempotency key, or a name within a workflow, belongs to.

    `fingerprint`: SHA-256 over what the start asked for, so that the same key with another request
    is seen.
    """

    execution_id: str
    fingerprint: bytes


class ActivityContext(Record, frozen=True, kw_only=True):
    """One visit of one state: what was true when it began. `entered_sequence` is its place in the
    history.
    """

    activity_id: str
    state_name: str
    input: JsonText
    entered_at: int
    entered_sequence: int


class ActivityWork(Record, frozen=True, kw_only=True):
    """What an open activity waits for: a task, or a timer (a Wait, a retry's backoff).

    `retries` counts, per retrier of the state, how often it was used in this visit.
    """

    retries: tuple[int, ...] = ()
    task_id: str | None = None
    timer_id: str | None = None


class FanOutKind(StrEnum):
    """Which state fans out, and so what its children are called."""

    PARALLEL = "Parallel"
    MAP = "Map"


class FanOutContext(Record, frozen=True, kw_only=True):
    """How far a Parallel or Map state is. Small and of constant size: written at each child's start
    and end.

    `concurrency_max`: how many iterations may run at once; 0 means no limit. `failed`: how many
    failed and were tolerated; `failures_max`: how many are, None where the first one fails the
    state with its own error. `is_failing`: a child
    has failed, and the others are being reclaimed; nothing that they still report counts.
    """

    kind: FanOutKind
    total: int
    started: int = 0
    succeeded: int = 0
    concurrency_max: int = 0
    is_failing: bool = False
    failed: int = 0
    failures_max: int | None = None

    @property
    def running(self) -> int:
        """How many children run now."""
        return self.started - self.ended

    @property
    def ended(self) -> int:
        """How many children have ended and need no other to be cleared away."""
        return self.succeeded + self.failed


class ChildContext(Record, frozen=True, kw_only=True):
    """A branch or an iteration: its input while it runs, its output when it has succeeded.

    `item` is the Map's item where ItemSelector made another input of it; else empty.
    """

    is_completed: bool
    document: JsonText
    item: JsonText = b""


class TaskStatus(StrEnum):
    """Whether a task waits for a worker or one has it."""

    READY = "READY"
    ACTIVE = "ACTIVE"


class TaskContext(Record, frozen=True, kw_only=True):
    """A task. Its input is a row of its own.

    Deadlines are Unix milliseconds, 0 for none. `delivery` counts the hand-outs; `worker`,
    `lease_deadline_ms` and `heartbeat_deadline_ms` are those of the present one. `timer_id`: the
    timer that strikes no later than the first deadline. `credentials`: the state's Credentials,
    empty if it has none.
    """

    task_id: str
    activity_id: str
    resource: str
    state_name: str
    created_at: int
    status: TaskStatus = TaskStatus.READY
    retry_count: int = 0
    delivery: int = 0
    worker: str = ""
    heartbeat_s: int = 0
    timeout_deadline_ms: int = 0
    heartbeat_deadline_ms: int = 0
    lease_deadline_ms: int = 0
    timer_id: str | None = None
    credentials: JsonText = b""


class TimerKind(StrEnum):
    """What a timer ends."""

    WAIT = "Wait"
    RETRY = "Retry"
    TASK = "Task"
    EXECUTION = "Execution"


class TimerContext(Record, frozen=True, kw_only=True):
    """A due time with its purpose. `target`: the activity, task or execution that waits for it."""

    timer_id: str
    kind: TimerKind
    target: str


class WorkflowContext(Record, frozen=True, kw_only=True):
    """The head of a workflow: its newest version and when (HLC) it came."""

    tenant: str
    namespace: str
    name: str
    version: int
    updated_at: int


class WorkflowVersion(Record, frozen=True, kw_only=True):
    """One version of a workflow: its definition as it was put."""

    version: int
    definition: str
    description: str
    created_at: int


class FeatureLevel(Record, frozen=True, kw_only=True):
    """The feature level of the cluster; without this row it is `features.FIRST`."""

    level: int


def timer_id(due_ms: int, stamp: int) -> str:
    """Return the id of a timer: its due time, then its stamp, so that ids sort by due time."""
    return f"{due_ms:012x}{stamp:016x}"


def due_ms(timer: str) -> int:
    """Return the Unix milliseconds at which the timer of that id is due."""
    return int(timer[:12], 16)
