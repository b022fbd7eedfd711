"""Plain values to protobuf messages, and back."""

from typing import Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from stepraft.interpreter.errors import Reason, Rejection
from stepraft.interpreter.hlc import physical_ms, to_hex
from stepraft.interpreter.language.diagnostics import Diagnostic, Severity
from stepraft.interpreter.lifecycle import ExecutionStatus
from stepraft.server.raft.contract import Condition, RoleKind
from stepraft.server.raft.membership import Standing
from stepraft.server.service.administration import BackupHead
from stepraft.server.service.cluster import ClusterStatus, NodeStatus
from stepraft.server.service.executions import ExecutionView, namespace_of
from stepraft.server.service.workers import HandedOut, Hello
from stepraft.server.service.workflows import WorkflowInfo
from stepraft.v1 import cluster_pb2, executions_pb2, tasks_pb2, workflows_pb2

STATUSES: Final = {
    status: executions_pb2.ExecutionStatus.Value(f"EXECUTION_STATUS_{status.name}")
    for status in ExecutionStatus
}
_STATUSES_BY_NUMBER: Final[dict[int, ExecutionStatus]] = {
    number: status for status, number in STATUSES.items()
}

_SEVERITIES: Final = {
    Severity.ERROR: workflows_pb2.Diagnostic.SEVERITY_ERROR,
    Severity.WARNING: workflows_pb2.Diagnostic.SEVERITY_WARNING,
}

_ROLES: Final = {
    None: cluster_pb2.NODE_ROLE_UNSPECIFIED,
    RoleKind.FOLLOWER: cluster_pb2.NODE_ROLE_FOLLOWER,
    RoleKind.CANDIDATE: cluster_pb2.NODE_ROLE_CANDIDATE,
    RoleKind.LEADER: cluster_pb2.NODE_ROLE_LEADER,
}
_ROLES_BY_NUMBER: Final[dict[int, RoleKind | None]] = {
    number: role for role, number in _ROLES.items()
}


_STANDINGS: Final = {None: cluster_pb2.NODE_STANDING_UNSPECIFIED} | {
    standing: cluster_pb2.NodeStanding.Value(f"NODE_STANDING_{standing.name}")
    for standing in Standing
}
_STANDINGS_BY_NUMBER: Final[dict[int, Standing | None]] = {
    number: standing for standing, number in _STANDINGS.items()
}
_CONDITIONS: Final = {None: cluster_pb2.NODE_CONDITION_UNSPECIFIED} | {
    condition: cluster_pb2.NodeCondition.Value(f"NODE_CONDITION_{condition.name}")
    for condition in Condition
}
_CONDITIONS_BY_NUMBER: Final[dict[int, Condition | None]] = {
    number: condition for condition, number in _CONDITIONS.items()
}
_AGREEMENTS: Final = {
    None: cluster_pb2.CHECKSUM_AGREEMENT_UNSPECIFIED,
    True: cluster_pb2.CHECKSUM_AGREEMENT_SAME,
    False: cluster_pb2.CHECKSUM_AGREEMENT_DIFFERENT,
}


def timestamp(unix_ms: int) -> Timestamp | None:
    """Return a moment; None for 0, which stands for none."""
    if unix_ms == 0:
        return None
    seconds, ms = divmod(unix_ms, 1000)
    return Timestamp(seconds=seconds, nanos=ms * 1_000_000)


def moment(stamp: int) -> Timestamp | None:
    """Return the moment of an HLC stamp; None for 0, which stands for none."""
    return timestamp(physical_ms(stamp))


def milliseconds(duration: Duration, field: str) -> int:
    """Return a duration that a client gave; one that is absent is 0.

    Errors: Rejection INVALID_ARGUMENT when it is negative.
    """
    # Rounded up, so that no time that was asked for becomes none.
    ms = duration.seconds * 1000 + -(-duration.nanos // 1_000_000)
    if ms < 0:
        raise Rejection(Reason.INVALID_ARGUMENT, f"{field} is negative", field=field)
    return ms


def status_of(number: int) -> ExecutionStatus:
    """Return the status that a client named.

    Errors: Rejection INVALID_ARGUMENT.
    """
    status = _STATUSES_BY_NUMBER.get(number)
    if status is None:
        text = f"statuses holds {number}, which stands for no status"
        raise Rejection(Reason.INVALID_ARGUMENT, text, field="statuses")
    return status


def workflow(info: WorkflowInfo) -> workflows_pb2.Workflow:
    """Return one version of a workflow."""
    return workflows_pb2.Workflow(
        namespace=info.namespace,
        name=info.name,
        version=info.version,
        created_at=moment(info.created_at),
        description=info.description,
    )


def diagnostic(found: Diagnostic) -> workflows_pb2.Diagnostic:
    """Return one problem of a definition."""
    return workflows_pb2.Diagnostic(
        severity=_SEVERITIES[found.severity],
        code=found.code,
        message=found.message,
        location="" if found.location == "/" else found.location,
    )


def execution(view: ExecutionView) -> executions_pb2.Execution:
    """Return an execution, with the documents that the view holds."""
    context = view.context
    # Without a name of its own an execution goes by its stamp.
    is_named = context.name != to_hex(context.started_at)
    return executions_pb2.Execution(
        execution_id=context.execution_id,
        namespace=namespace_of(view),
        workflow=context.workflow,
        version=context.version,
        name=context.name if is_named else "",
        status=STATUSES[context.status],
        input=(view.input or b"").decode(),
        output=(view.output or b"").decode(),
        error=context.error,
        cause=context.cause,
        started_at=moment(context.started_at),
        stopped_at=moment(context.stopped_at),
    )


def hello(
    message: tasks_pb2.Hello | tasks_pb2.PollTasksRequest,
) -> Hello:
    """Return who a worker is."""
    return Hello(
        message.namespace,
        tuple(message.resources),
        message.worker_id,
        milliseconds(message.lease, "lease"),
    )


def task(handed_out: HandedOut) -> tasks_pb2.Task:
    """Return a task as a worker gets it."""
    delivery = handed_out.delivery
    return tasks_pb2.Task(
        task_id=delivery.task_id,
        token=handed_out.token,
        resource=delivery.resource,
        input=delivery.input.decode(),
        execution_id=delivery.execution_id,
        workflow=delivery.workflow,
        state_name=delivery.state_name,
        attempt=delivery.delivery,
        retry_count=delivery.retry_count,
        lease_deadline=timestamp(delivery.lease_deadline_ms),
        heartbeat=Duration(seconds=delivery.heartbeat_s) if delivery.heartbeat_s else None,
        started_at=timestamp(handed_out.started_at_ms),
        timeout_at=timestamp(delivery.timeout_deadline_ms),
        credentials=delivery.credentials.decode(),
    )


def cluster_status(status: ClusterStatus) -> cluster_pb2.GetClusterStatusResponse:
    """Return the cluster as one node sees it."""
    return cluster_pb2.GetClusterStatusResponse(
        cluster_id=status.cluster_id,
        node_id=status.node_id,
        leader_id=status.leader_id or "",
        term=status.term,
        epoch=status.epoch,
        feature_level=status.feature_level,
        nodes=[_node(node) for node in status.nodes],
    )


def _node(node: NodeStatus) -> cluster_pb2.NodeStatus:
    return cluster_pb2.NodeStatus(
        node_id=node.node_id,
        address=node.address,
        role=_ROLES[node.role],
        reachable=node.is_reachable,
        applied_index=node.applied_index,
        commit_index=node.commit_index,
        last_index=node.last_index,
        checksum=node.checksum,
        hlc=node.stamp,
        software_version=node.software_version,
        raft_address=node.raft_address,
        standing=_STANDINGS[node.standing],
        condition=_CONDITIONS[node.condition],
        match_index=node.match_index,
        checksum_agreement=_AGREEMENTS[node.agrees],
        snapshot_bytes=node.snapshot_bytes,
        feature_level=node.feature_level,
        waits_for=node.waits_for,
    )


def node_status(message: cluster_pb2.NodeStatus) -> NodeStatus:
    """Return what another node says about itself."""
    return NodeStatus(
        node_id=message.node_id,
        address=message.address,
        is_reachable=message.reachable,
        role=_ROLES_BY_NUMBER.get(message.role),
        applied_index=message.applied_index,
        commit_index=message.commit_index,
        last_index=message.last_index,
        checksum=message.checksum,
        stamp=message.hlc,
        software_version=message.software_version,
        raft_address=message.raft_address,
        standing=_STANDINGS_BY_NUMBER.get(message.standing),
        condition=_CONDITIONS_BY_NUMBER.get(message.condition),
        match_index=message.match_index,
        snapshot_bytes=message.snapshot_bytes,
        feature_level=message.feature_level,
        waits_for=tuple(message.waits_for),
    )


def backup_chunk(item: BackupHead | bytes) -> cluster_pb2.BackupChunk:
    """Return a piece of a backup."""
    if isinstance(item, bytes):
        return cluster_pb2.BackupChunk(data=item)
    head = cluster_pb2.BackupHead(
        cluster_id=item.cluster_id,
        node_id=item.node_id,
        applied_index=item.index,
        at=moment(item.stamp),
    )
    return cluster_pb2.BackupChunk(head=head)
