"""Commands: everything that can be asked of a partition. A command that no event follows yet is
pending.

Commands from outside answer their caller; those that follow from others (`StartState`,
`CompleteState`, …) are carried on in the same group of the log, or wait in it as pending.
"""

from stepraft.interpreter.lifecycle import ExecutionStatus
from stepraft.interpreter.records import JsonText, TaggedRecord


class PutWorkflow(TaggedRecord, frozen=True, kw_only=True):
    """Make `definition` (already validated) the newest version of a workflow, unless it is so
    already.
    """

    tenant: str
    namespace: str
    name: str
    definition: str
    description: str


class StartExecution(TaggedRecord, frozen=True, kw_only=True):
    """Run a workflow. `version` 0 means the newest; `name` and `idempotency_key` may be empty."""

    tenant: str
    namespace: str
    workflow: str
    version: int
    name: str
    idempotency_key: str
    input: JsonText


class StartState(TaggedRecord, frozen=True, kw_only=True):
    """Enter `state_name` in one scope of an execution; `input` is what the last state put out."""

    scope: str
    state_name: str
    input: JsonText


class CompleteState(TaggedRecord, frozen=True, kw_only=True):
    """End a visit with the work's `result`, or, if `is_failed`, with `reason` as the error and
    `message` as its cause.

    `is_reclaimed`: the error came from a child of a Parallel or Map state, and the other children
    are gone. `also_matched_by`: see `errors.matches`.
    """

    activity_id: str
    result: JsonText = b""
    is_failed: bool = False
    reason: str | None = None
    message: str | None = None
    is_reclaimed: bool = False
    also_matched_by: tuple[str, ...] = ()


class StartBranch(TaggedRecord, frozen=True, kw_only=True):
    """Start branch `index` of a Parallel state."""

    activity_id: str
    index: int
    input: JsonText


class CompleteBranch(TaggedRecord, frozen=True, kw_only=True):
    """End a branch with its output or, if `is_failed`, an error (a Fail state may give none)."""

    branch_id: str
    output: JsonText = b""
    is_failed: bool = False
    reason: str | None = None
    message: str | None = None


class StartIterations(TaggedRecord, frozen=True, kw_only=True):
    """Start the next iterations of a Map state, as many as its concurrency and the chunk size
    allow.
    """

    activity_id: str


class CompleteIteration(TaggedRecord, frozen=True, kw_only=True):
    """End an iteration with its output, or, if `is_failed`, with an error (a Fail state may give
    none).
    """

    iteration_id: str
    output: JsonText = b""
    is_failed: bool = False
    reason: str | None = None
    message: str | None = None


class ReclaimScope(TaggedRecord, frozen=True, kw_only=True):
    """Cancel what runs beneath `owner`, in chunks; then end the owner with the error.

    The owner is the activity of a Parallel or Map state, or, where `status` is given, an execution
    that ends so.
    """

    owner: str
    reason: str | None
    message: str | None
    status: ExecutionStatus | None = None


class CreateTask(TaggedRecord, frozen=True, kw_only=True):
    """Do the work of an open visit again, after a retry's backoff: for a Task state, create another
    task.
    """

    activity_id: str


class ActivateTask(TaggedRecord, frozen=True, kw_only=True):
    """Hand a task out to a worker, for `lease_ms` milliseconds unless renewed."""

    task_id: str
    worker: str
    lease_ms: int


class CompleteTask(TaggedRecord, frozen=True, kw_only=True):
    """A worker's result for one delivery of a task."""

    task_id: str
    delivery: int
    output: JsonText


class FailTask(TaggedRecord, frozen=True, kw_only=True):
    """A worker's failure for one delivery of a task."""

    task_id: str
    delivery: int
    error: str
    cause: str | None


class HeartbeatTask(TaggedRecord, frozen=True, kw_only=True):
    """A worker's sign of life for one delivery of a task: renews its lease for `lease_ms`, and its
    heartbeat.
    """

    task_id: str
    delivery: int
    lease_ms: int


class HandBackTask(TaggedRecord, frozen=True, kw_only=True):
    """A worker gives one delivery back undone: the task is offered again at once."""

    task_id: str
    delivery: int


class FireTimer(TaggedRecord, frozen=True, kw_only=True):
    """A timer is due."""

    timer_id: str


class CompleteExecution(TaggedRecord, frozen=True, kw_only=True):
    """End an execution: nothing runs beneath it any more.

    `is_reclaimed`: the end was decided before, and what ran beneath has been canceled; else its
    last state ended.
    """

    execution_id: str
    status: ExecutionStatus
    output: JsonText = b""
    error: str | None = None
    cause: str | None = None
    is_reclaimed: bool = False


class CancelExecution(TaggedRecord, frozen=True, kw_only=True):
    """Cancel an execution, with what its caller gives as error and cause."""

    execution_id: str
    error: str | None
    cause: str | None


class CreateClusterSecret(TaggedRecord, frozen=True, kw_only=True):
    """Keep `secret`, 32 random bytes, as the key that task tokens are signed with, if there is none
    yet.
    """

    secret: bytes


class RaiseFeatureLevel(TaggedRecord, frozen=True, kw_only=True):
    """Let the cluster write what `level` brought, unless it has that level: every member supports
    it.
    """

    level: int


Command = (
    PutWorkflow
    | StartExecution
    | StartState
    | CompleteState
    | StartBranch
    | CompleteBranch
    | StartIterations
    | CompleteIteration
    | ReclaimScope
    | CreateTask
    | ActivateTask
    | CompleteTask
    | FailTask
    | HeartbeatTask
    | HandBackTask
    | FireTimer
    | CompleteExecution
    | CancelExecution
    | CreateClusterSecret
    | RaiseFeatureLevel
)
