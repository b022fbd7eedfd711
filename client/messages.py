"""Protobuf messages to the values of `types`."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from stepraft.client.documents import loads
from stepraft.client.types import (
    BackupHead,
    ClusterStatus,
    Diagnostic,
    Execution,
    ExecutionStatus,
    HistoryEvent,
    NodeCondition,
    NodeRole,
    NodeStanding,
    NodeStatus,
    Severity,
    Task,
    Workflow,
)
from stepraft.v1 import cluster_pb2, executions_pb2, tasks_pb2, workflows_pb2


def _names(enum: EnumDescriptor, prefix: str) -> dict[int, str]:
    return {value.number: value.name.removeprefix(prefix) for value in enum.values}


_STATUS_PREFIX = "EXECUTION_STATUS_"
_SEVERITY_PREFIX = "SEVERITY_"
_ROLES = _names(cluster_pb2.NodeRole.DESCRIPTOR, "NODE_ROLE_")
_STANDINGS = _names(cluster_pb2.NodeStanding.DESCRIPTOR, "NODE_STANDING_")
_CONDITIONS = _names(cluster_pb2.NodeCondition.DESCRIPTOR, "NODE_CONDITION_")
_AGREEMENTS = {
    cluster_pb2.CHECKSUM_AGREEMENT_SAME: True,
    cluster_pb2.CHECKSUM_AGREEMENT_DIFFERENT: False,
}

Choice = TypeVar("Choice", bound=StrEnum)


def moment(stamp: Timestamp) -> datetime:
    """Return a time as an aware datetime in UTC."""
    return stamp.ToDatetime(tzinfo=UTC)


def duration(seconds: float) -> Duration:
    """Return so many seconds as a message."""
    nanos = round(seconds * 1_000_000_000)
    return Duration(seconds=nanos // 1_000_000_000, nanos=nanos % 1_000_000_000)


def seconds(length: Duration) -> float:
    """Return a duration in seconds."""
    return length.seconds + length.nanos / 1_000_000_000


def workflow(message: workflows_pb2.Workflow, definition: str | None = None) -> Workflow:
    """Return a version of a workflow, with its definition where that came along."""
    return Workflow(
        namespace=message.namespace,
        name=message.name,
        version=message.version,
        created_at=moment(message.created_at),
        description=message.description,
        definition=definition,
    )


def diagnostic(message: workflows_pb2.Diagnostic) -> Diagnostic:
    """Return one problem of a definition."""
    severity = workflows_pb2.Diagnostic.Severity.Name(message.severity)
    return Diagnostic(
        severity=Severity(severity.removeprefix(_SEVERITY_PREFIX)),
        code=message.code,
        message=message.message,
        location=message.location,
    )


def status(value: "executions_pb2.ExecutionStatus.ValueType") -> ExecutionStatus:
    """Return where an execution stands."""
    name = executions_pb2.ExecutionStatus.Name(value)
    return ExecutionStatus(name.removeprefix(_STATUS_PREFIX))


def status_value(wanted: ExecutionStatus) -> "executions_pb2.ExecutionStatus.ValueType":
    """Return the number that stands for a status on the wire."""
    return executions_pb2.ExecutionStatus.Value(f"{_STATUS_PREFIX}{wanted}")


def execution(message: executions_pb2.Execution) -> Execution:
    """Return an execution."""
    return Execution(
        execution_id=message.execution_id,
        namespace=message.namespace,
        workflow=message.workflow,
        version=message.version,
        name=message.name,
        status=status(message.status),
        input=loads(message.input),
        output=loads(message.output),
        error=message.error if message.HasField("error") else None,
        cause=message.cause if message.HasField("cause") else None,
        started_at=moment(message.started_at),
        stopped_at=moment(message.stopped_at) if message.HasField("stopped_at") else None,
    )


def history_event(message: executions_pb2.HistoryEvent) -> HistoryEvent:
    """Return one event of a history."""
    return HistoryEvent(
        sequence=message.sequence,
        at=moment(message.at),
        hlc=message.hlc,
        type=message.type,
        scope_id=message.scope_id,
        activity_id=message.activity_id,
        state_name=message.state_name,
        state_type=message.state_type,
        next_state=message.next_state,
        input=loads(message.input),
        output=loads(message.output),
        variables=loads(message.variables),
        error=message.error if message.HasField("error") else None,
        cause=message.cause if message.HasField("cause") else None,
        task_id=message.task_id,
        resource=message.resource,
        attempt=message.attempt,
        retry_count=message.retry_count,
        worker=message.worker,
        index=message.index if message.HasField("index") else None,
        total=message.total,
        status=status(message.status) if message.status else None,
        location=message.location,
        timeout_s=message.timeout_s,
        heartbeat_s=message.heartbeat_s,
        credentials=loads(message.credentials),
    )


def task(message: tasks_pb2.Task) -> Task:
    """Return one delivery of a task."""
    return Task(
        task_id=message.task_id,
        token=message.token,
        resource=message.resource,
        input=loads(message.input),
        execution_id=message.execution_id,
        workflow=message.workflow,
        state_name=message.state_name,
        attempt=message.attempt,
        retry_count=message.retry_count,
        started_at=moment(message.started_at),
        lease_deadline=moment(message.lease_deadline),
        heartbeat_s=seconds(message.heartbeat) if message.HasField("heartbeat") else None,
        timeout_at=moment(message.timeout_at) if message.HasField("timeout_at") else None,
        credentials=loads(message.credentials) if message.credentials else None,
    )


def cluster_status(message: cluster_pb2.GetClusterStatusResponse) -> ClusterStatus:
    """Return the cluster as the answering node sees it."""
    return ClusterStatus(
        cluster_id=message.cluster_id,
        node_id=message.node_id,
        leader_id=message.leader_id,
        term=message.term,
        epoch=message.epoch,
        feature_level=message.feature_level,
        nodes=tuple(map(_node_status, message.nodes)),
    )


def _node_status(message: cluster_pb2.NodeStatus) -> NodeStatus:
    return NodeStatus(
        node_id=message.node_id,
        address=message.address,
        role=_known(NodeRole, _ROLES, message.role),
        reachable=message.reachable,
        applied_index=message.applied_index,
        commit_index=message.commit_index,
        last_index=message.last_index,
        checksum=message.checksum,
        hlc=message.hlc,
        software_version=message.software_version,
        raft_address=message.raft_address,
        standing=_known(NodeStanding, _STANDINGS, message.standing),
        condition=_known(NodeCondition, _CONDITIONS, message.condition),
        match_index=message.match_index,
        agrees=_AGREEMENTS.get(message.checksum_agreement),
        snapshot_bytes=message.snapshot_bytes,
        feature_level=message.feature_level,
        waits_for=tuple(message.waits_for),
    )


def _known(kind: type[Choice], names: dict[int, str], number: int) -> Choice:
    """Return a choice; UNKNOWN stands for none, and for one that this client does not know."""
    name = names.get(number, "")
    return kind(name) if name in kind.__members__ else kind("UNKNOWN")


def backup_head(message: cluster_pb2.BackupHead) -> BackupHead:
    """Return which moment a backup holds."""
    return BackupHead(
        cluster_id=message.cluster_id,
        node_id=message.node_id,
        applied_index=message.applied_index,
        at=moment(message.at) if message.HasField("at") else None,
    )
