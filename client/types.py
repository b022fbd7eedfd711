"""What the client answers with: frozen values, aware datetimes, documents as Python values."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

from stepraft.client.documents import Json

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some of many. `next_page_token` asks for the page that follows; empty when there is none."""

    items: tuple[Item, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """One version of a workflow. `definition` is its ASL text; None in lists."""

    namespace: str
    name: str
    version: int
    created_at: datetime
    description: str
    definition: str | None = None


@dataclass(frozen=True, slots=True)
class PutWorkflowResult:
    """The newest version; `created` is False when it had the same definition already."""

    workflow: Workflow
    created: bool


class Severity(StrEnum):
    """How bad a diagnostic is: a definition with an ERROR is refused."""

    ERROR = "ERROR"
    WARNING = "WARNING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """A problem at one place of a definition; `location` is a JSON pointer, empty for the whole."""

    severity: Severity
    code: str
    message: str
    location: str


class ExecutionStatus(StrEnum):
    """Where an execution stands."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    COMPLETING = "COMPLETING"
    CANCELING = "CANCELING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    TIMED_OUT = "TIMED_OUT"
    DELETING = "DELETING"

    @property
    def is_ended(self) -> bool:
        """Whether the result is there and will not change."""
        return self in _ENDED


_ENDED = frozenset(
    {
        ExecutionStatus.SUCCEEDED,
        ExecutionStatus.FAILED,
        ExecutionStatus.CANCELED,
        ExecutionStatus.TIMED_OUT,
        ExecutionStatus.DELETING,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedExecution:
    """An execution that was started; `existing`: by an equal request before this one."""

    execution_id: str
    started_at: datetime
    existing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One run of a workflow.

    `input` and `output` are None in lists, and `output` unless it succeeded. `error` and `cause`
    are None unless it ended by them; `stopped_at` is None while it has not ended.
    """

    execution_id: str
    namespace: str
    workflow: str
    version: int
    name: str
    status: ExecutionStatus
    input: Json
    output: Json
    error: str | None
    cause: str | None
    started_at: datetime
    stopped_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEvent:
    """One thing that happened in an execution.

    `type` is a name such as StateStarted; others may join those of this version. What does not
    apply to the type is empty, 0 or None. `hlc` orders the events of all executions. `attempt`
    counts the deliveries of a task from 1, `retry_count` the retries of its state from 0.
    `location` is the field whose expression failed. `timeout_s`, `heartbeat_s` and `credentials`
    are those of a task that was created.
    """

    sequence: int
    at: datetime
    hlc: int
    type: str
    scope_id: str
    activity_id: str
    state_name: str
    state_type: str
    next_state: str
    input: Json
    output: Json
    variables: Json
    error: str | None
    cause: str | None
    task_id: str
    resource: str
    attempt: int
    retry_count: int
    worker: str
    index: int | None
    total: int
    status: ExecutionStatus | None
    location: str = ""
    timeout_s: int = 0
    heartbeat_s: int = 0
    credentials: Json = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One delivery of a task.

    `token` proves that the caller has it. `attempt` counts the deliveries from 1, `retry_count`
    the retries of the state from 0. Times are the leader's; `heartbeat_s` and `timeout_at` are None
    where the state has no such limit. `credentials` are the state's, None if it has none.
    """

    task_id: str
    token: bytes
    resource: str
    input: Json
    execution_id: str
    workflow: str
    state_name: str
    attempt: int
    retry_count: int
    started_at: datetime
    lease_deadline: datetime
    heartbeat_s: float | None
    timeout_at: datetime | None
    credentials: Json


@dataclass(frozen=True, slots=True)
class HeartbeatResult:
    """How a delivery stands. `canceled`: the task is not wanted any more, stop without a report."""

    canceled: bool
    lease_deadline: datetime


class NodeRole(StrEnum):
    """What a node does in the consensus."""

    UNKNOWN = "UNKNOWN"
    FOLLOWER = "FOLLOWER"
    CANDIDATE = "CANDIDATE"
    LEADER = "LEADER"


class NodeStanding(StrEnum):
    """Whether a member has a vote: a LEARNER has none yet."""

    UNKNOWN = "UNKNOWN"
    VOTER = "VOTER"
    LEARNER = "LEARNER"


class NodeCondition(StrEnum):
    """How fit a node is.

    FORMING: it waits for the other members of a new cluster. ABSTAINING: it is new or lost its
    folder, and has no vote until it has caught up. LEARNER: it is new, and catches up. RECEIVING:
    it takes a snapshot in. DIVERGED: its state was wrong, and is being replaced. NO_ROOM: its disk
    is full.
    """

    UNKNOWN = "UNKNOWN"
    NORMAL = "NORMAL"
    FORMING = "FORMING"
    ABSTAINING = "ABSTAINING"
    LEARNER = "LEARNER"
    RECEIVING = "RECEIVING"
    DIVERGED = "DIVERGED"
    NO_ROOM = "NO_ROOM"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """One node, as another sees it; a number that is not known is 0.

    `match_index`: how much of the leader's log is on its disk. `agrees`: whether its checksum is
    the answering node's at the same index; None where that is not known. `waits_for`: the members
    that a node that is FORMING has yet to hear. `feature_level`: the highest that its software
    knows. `snapshot_bytes`: how much of a snapshot the leader has sent it, 0 while none is on its
    way.
    """

    node_id: str
    address: str
    role: NodeRole
    reachable: bool
    applied_index: int
    commit_index: int
    last_index: int
    checksum: int
    hlc: int
    software_version: str
    raft_address: str
    standing: NodeStanding
    condition: NodeCondition
    match_index: int
    agrees: bool | None
    snapshot_bytes: int
    feature_level: int
    waits_for: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterStatus:
    """The cluster as the node `node_id` sees it; `leader_id` is empty if it knows of no leader.

    `feature_level`: the one that the cluster uses.
    """

    cluster_id: str
    node_id: str
    leader_id: str
    term: int
    epoch: int
    feature_level: int
    nodes: tuple[NodeStatus, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupHead:
    """Which moment a backup holds: that of log index `applied_index`, `at` by the leader's clock.

    `node_id` made it. `at` is None when nothing had happened yet.
    """

    cluster_id: str
    node_id: str
    applied_index: int
    at: datetime | None
