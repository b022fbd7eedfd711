"""Each method: what it asks, and what becomes of the answer."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from stepraft.client import (
    Client,
    ClusterStatus,
    Diagnostic,
    DocumentError,
    Execution,
    ExecutionStatus,
    HeartbeatResult,
    HistoryEvent,
    NodeCondition,
    NodeRole,
    NodeStanding,
    NodeStatus,
    Page,
    PutWorkflowResult,
    Severity,
    StartedExecution,
    Task,
    Workflow,
)
from stepraft.v1 import cluster_pb2, executions_pb2, tasks_pb2, workflows_pb2

NOON = Timestamp(seconds=1_800_000_000, nanos=250_000_000)
NOON_VALUE = datetime(2027, 1, 15, 8, 0, 0, 250_000, tzinfo=UTC)

WORKFLOW = workflows_pb2.Workflow(
    namespace="shop", name="orders", version=3, created_at=NOON, description="third"
)
WORKFLOW_VALUE = Workflow(
    namespace="shop", name="orders", version=3, created_at=NOON_VALUE, description="third"
)
RUNNING = executions_pb2.Execution(
    execution_id="e1",
    namespace="shop",
    workflow="orders",
    version=3,
    status=executions_pb2.EXECUTION_STATUS_RUNNING,
    input='{"a":1}',
    started_at=NOON,
)
RUNNING_VALUE = Execution(
    execution_id="e1",
    namespace="shop",
    workflow="orders",
    version=3,
    name="",
    status=ExecutionStatus.RUNNING,
    input={"a": 1},
    output=None,
    error=None,
    cause=None,
    started_at=NOON_VALUE,
    stopped_at=None,
)
FAILED = executions_pb2.Execution(
    execution_id="e2",
    namespace="shop",
    workflow="orders",
    version=3,
    name="A-17",
    status=executions_pb2.EXECUTION_STATUS_FAILED,
    error="Card.Declined",
    cause="",
    started_at=NOON,
    stopped_at=NOON,
)
FAILED_VALUE = Execution(
    execution_id="e2",
    namespace="shop",
    workflow="orders",
    version=3,
    name="A-17",
    status=ExecutionStatus.FAILED,
    input=None,
    output=None,
    error="Card.Declined",
    cause="",
    started_at=NOON_VALUE,
    stopped_at=NOON_VALUE,
)
EVENT = executions_pb2.HistoryEvent(
    sequence=7,
    at=NOON,
    hlc=1 << 40,
    type="IterationFailed",
    scope_id="e1/a",
    activity_id="e1/a",
    state_name="Each",
    error="Oops",
    index=0,
    total=4,
)
EVENT_VALUE = HistoryEvent(
    sequence=7,
    at=NOON_VALUE,
    hlc=1 << 40,
    type="IterationFailed",
    scope_id="e1/a",
    activity_id="e1/a",
    state_name="Each",
    state_type="",
    next_state="",
    input=None,
    output=None,
    variables=None,
    error="Oops",
    cause=None,
    task_id="",
    resource="",
    attempt=0,
    retry_count=0,
    worker="",
    index=0,
    total=4,
    status=None,
)
ENDED = executions_pb2.HistoryEvent(
    sequence=8,
    at=NOON,
    type="ExecutionCompleted",
    output="[1]",
    status=executions_pb2.EXECUTION_STATUS_SUCCEEDED,
)
TASK = tasks_pb2.Task(
    task_id="t1",
    token=b"secret",
    resource="orders:charge",
    input="[1]",
    execution_id="e1",
    workflow="orders",
    state_name="Charge",
    attempt=2,
    retry_count=1,
    started_at=NOON,
    lease_deadline=NOON,
    heartbeat=Duration(seconds=5),
    credentials='{"RoleArn": "charger"}',
)
TASK_VALUE = Task(
    task_id="t1",
    token=b"secret",
    resource="orders:charge",
    input=[1],
    execution_id="e1",
    workflow="orders",
    state_name="Charge",
    attempt=2,
    retry_count=1,
    started_at=NOON_VALUE,
    lease_deadline=NOON_VALUE,
    heartbeat_s=5.0,
    timeout_at=None,
    credentials={"RoleArn": "charger"},
)


@dataclass(frozen=True)
class Case:
    """One call: its RPC, the answer, the request that it must make and the value it must give."""

    call: Callable[[Client], Any]
    rpc: str
    answer: Any
    request: Any
    value: Any


CASES = {
    "put workflow from text": Case(
        lambda client: client.put_workflow("orders", '{"StartAt": "A"}', description="third"),
        "PutWorkflow",
        workflows_pb2.PutWorkflowResponse(workflow=WORKFLOW, created=True),
        workflows_pb2.PutWorkflowRequest(
            namespace="shop", name="orders", definition='{"StartAt": "A"}', description="third"
        ),
        PutWorkflowResult(WORKFLOW_VALUE, created=True),
    ),
    "put workflow from a dict": Case(
        lambda client: client.put_workflow("orders", {"StartAt": "A"}),
        "PutWorkflow",
        workflows_pb2.PutWorkflowResponse(workflow=WORKFLOW),
        workflows_pb2.PutWorkflowRequest(
            namespace="shop", name="orders", definition='{"StartAt":"A"}'
        ),
        PutWorkflowResult(WORKFLOW_VALUE, created=False),
    ),
    "get workflow": Case(
        lambda client: client.get_workflow("orders", version=3),
        "GetWorkflow",
        workflows_pb2.GetWorkflowResponse(workflow=WORKFLOW, definition="{}"),
        workflows_pb2.GetWorkflowRequest(namespace="shop", name="orders", version=3),
        Workflow(
            namespace="shop",
            name="orders",
            version=3,
            created_at=NOON_VALUE,
            description="third",
            definition="{}",
        ),
    ),
    "validate workflow": Case(
        lambda client: client.validate_workflow("{}"),
        "ValidateWorkflow",
        workflows_pb2.ValidateWorkflowResponse(
            diagnostics=[
                workflows_pb2.Diagnostic(
                    severity=workflows_pb2.Diagnostic.SEVERITY_WARNING,
                    code="UNREACHABLE",
                    message="no way leads to it",
                    location="/States/B",
                )
            ]
        ),
        workflows_pb2.ValidateWorkflowRequest(definition="{}"),
        (
            Diagnostic(
                severity=Severity.WARNING,
                code="UNREACHABLE",
                message="no way leads to it",
                location="/States/B",
            ),
        ),
    ),
    "start execution": Case(
        lambda client: client.start_execution("orders", [1], version=3, idempotency_key="k"),
        "StartExecution",
        executions_pb2.StartExecutionResponse(execution_id="e1", started_at=NOON, existing=True),
        executions_pb2.StartExecutionRequest(
            namespace="shop", workflow="orders", version=3, idempotency_key="k", input="[1]"
        ),
        StartedExecution(execution_id="e1", started_at=NOON_VALUE, existing=True),
    ),
    "start execution without an input": Case(
        lambda client: client.start_execution("orders", name="A-17"),
        "StartExecution",
        executions_pb2.StartExecutionResponse(execution_id="e1", started_at=NOON),
        executions_pb2.StartExecutionRequest(
            namespace="shop", workflow="orders", name="A-17", input="{}"
        ),
        StartedExecution(execution_id="e1", started_at=NOON_VALUE, existing=False),
    ),
    "start execution with null": Case(
        lambda client: client.start_execution("orders", None, name="A-17"),
        "StartExecution",
        executions_pb2.StartExecutionResponse(execution_id="e1", started_at=NOON),
        executions_pb2.StartExecutionRequest(
            namespace="shop", workflow="orders", name="A-17", input="null"
        ),
        StartedExecution(execution_id="e1", started_at=NOON_VALUE, existing=False),
    ),
    "get execution": Case(
        lambda client: client.get_execution("e1"),
        "GetExecution",
        executions_pb2.GetExecutionResponse(execution=RUNNING),
        executions_pb2.GetExecutionRequest(namespace="shop", execution_id="e1"),
        RUNNING_VALUE,
    ),
    "one page of executions": Case(
        lambda client: client.list_executions_page(
            workflow="orders",
            statuses=[ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT],
            page_size=2,
            page_token="p1",
        ),
        "ListExecutions",
        executions_pb2.ListExecutionsResponse(executions=[FAILED], next_page_token="p2"),
        executions_pb2.ListExecutionsRequest(
            namespace="shop",
            workflow="orders",
            statuses=[
                executions_pb2.EXECUTION_STATUS_FAILED,
                executions_pb2.EXECUTION_STATUS_TIMED_OUT,
            ],
            page_size=2,
            page_token="p1",
        ),
        Page((FAILED_VALUE,), "p2"),
    ),
    "cancel execution": Case(
        lambda client: client.cancel_execution("e1", error="Stop", cause="why not"),
        "CancelExecution",
        executions_pb2.CancelExecutionResponse(execution=RUNNING),
        executions_pb2.CancelExecutionRequest(
            namespace="shop", execution_id="e1", error="Stop", cause="why not"
        ),
        RUNNING_VALUE,
    ),
    "wait for an execution": Case(
        lambda client: client.wait_execution("e2"),
        "WaitExecution",
        executions_pb2.WaitExecutionResponse(execution=FAILED, ended=True),
        executions_pb2.WaitExecutionRequest(
            execution_id="e2", timeout=Duration(seconds=30), namespace="shop"
        ),
        FAILED_VALUE,
    ),
    "wait for an execution no longer": Case(
        lambda client: client.wait_execution("e1", timeout_s=0),
        "GetExecution",
        executions_pb2.GetExecutionResponse(execution=RUNNING),
        executions_pb2.GetExecutionRequest(namespace="shop", execution_id="e1"),
        RUNNING_VALUE,
    ),
    "poll tasks": Case(
        lambda client: client.poll_tasks(
            ["orders:charge"], worker_id="w", max_tasks=5, wait_s=1.5, lease_s=60
        ),
        "PollTasks",
        tasks_pb2.PollTasksResponse(tasks=[TASK]),
        tasks_pb2.PollTasksRequest(
            namespace="shop",
            resources=["orders:charge"],
            max_tasks=5,
            wait=Duration(seconds=1, nanos=500_000_000),
            worker_id="w",
            lease=Duration(seconds=60),
        ),
        (TASK_VALUE,),
    ),
    "complete task": Case(
        lambda client: client.complete_task(b"secret", {"done": True}),
        "CompleteTask",
        tasks_pb2.CompleteTaskResponse(),
        tasks_pb2.CompleteTaskRequest(token=b"secret", output='{"done":true}'),
        None,
    ),
    "fail task": Case(
        lambda client: client.fail_task(b"secret", "Card.Declined", "expired"),
        "FailTask",
        tasks_pb2.FailTaskResponse(),
        tasks_pb2.FailTaskRequest(token=b"secret", error="Card.Declined", cause="expired"),
        None,
    ),
    "heartbeat task": Case(
        lambda client: client.heartbeat_task(b"secret"),
        "HeartbeatTask",
        tasks_pb2.HeartbeatTaskResponse(canceled=True, lease_deadline=NOON),
        tasks_pb2.HeartbeatTaskRequest(token=b"secret"),
        HeartbeatResult(canceled=True, lease_deadline=NOON_VALUE),
    ),
    "hand back task": Case(
        lambda client: client.hand_back_task(b"secret"),
        "HandBackTask",
        tasks_pb2.HandBackTaskResponse(),
        tasks_pb2.HandBackTaskRequest(token=b"secret"),
        None,
    ),
    "cluster status": Case(
        lambda client: client.cluster_status(),
        "GetClusterStatus",
        cluster_pb2.GetClusterStatusResponse(
            cluster_id="c",
            node_id="n1",
            leader_id="n2",
            term=4,
            epoch=12,
            feature_level=1,
            nodes=[
                cluster_pb2.NodeStatus(node_id="n1", address="a:1"),
                cluster_pb2.NodeStatus(
                    node_id="n2",
                    address="b:1",
                    role=cluster_pb2.NODE_ROLE_LEADER,
                    reachable=True,
                    applied_index=9,
                    commit_index=10,
                    last_index=11,
                    checksum=5,
                    hlc=6,
                    software_version="0.1.0",
                    raft_address="b:2",
                    standing=cluster_pb2.NODE_STANDING_VOTER,
                    condition=cluster_pb2.NODE_CONDITION_FORMING,
                    match_index=11,
                    checksum_agreement=cluster_pb2.CHECKSUM_AGREEMENT_DIFFERENT,
                    snapshot_bytes=4096,
                    feature_level=2,
                    waits_for=["n3"],
                ),
            ],
        ),
        cluster_pb2.GetClusterStatusRequest(),
        ClusterStatus(
            cluster_id="c",
            node_id="n1",
            leader_id="n2",
            term=4,
            epoch=12,
            feature_level=1,
            nodes=(
                NodeStatus(
                    node_id="n1",
                    address="a:1",
                    role=NodeRole.UNKNOWN,
                    reachable=False,
                    applied_index=0,
                    commit_index=0,
                    last_index=0,
                    checksum=0,
                    hlc=0,
                    software_version="",
                    raft_address="",
                    standing=NodeStanding.UNKNOWN,
                    condition=NodeCondition.UNKNOWN,
                    match_index=0,
                    agrees=None,
                    snapshot_bytes=0,
                    feature_level=0,
                    waits_for=(),
                ),
                NodeStatus(
                    node_id="n2",
                    address="b:1",
                    role=NodeRole.LEADER,
                    reachable=True,
                    applied_index=9,
                    commit_index=10,
                    last_index=11,
                    checksum=5,
                    hlc=6,
                    software_version="0.1.0",
                    raft_address="b:2",
                    standing=NodeStanding.VOTER,
                    condition=NodeCondition.FORMING,
                    match_index=11,
                    agrees=False,
                    snapshot_bytes=4096,
                    feature_level=2,
                    waits_for=("n3",),
                ),
            ),
        ),
    ),
    "add node": Case(
        lambda client: client.add_node("n4", raft_address="d:2", grpc_address="d:1"),
        "AddNode",
        cluster_pb2.AddNodeResponse(),
        cluster_pb2.AddNodeRequest(node_id="n4", raft_address="d:2", grpc_address="d:1"),
        None,
    ),
    "remove node": Case(
        lambda client: client.remove_node("n4"),
        "RemoveNode",
        cluster_pb2.RemoveNodeResponse(),
        cluster_pb2.RemoveNodeRequest(node_id="n4"),
        None,
    ),
    "update node": Case(
        lambda client: client.update_node("n4", raft_address="e:2", grpc_address="e:1"),
        "UpdateNode",
        cluster_pb2.UpdateNodeResponse(),
        cluster_pb2.UpdateNodeRequest(node_id="n4", raft_address="e:2", grpc_address="e:1"),
        None,
    ),
    "transfer leadership": Case(
        lambda client: client.transfer_leadership("n2"),
        "TransferLeadership",
        cluster_pb2.TransferLeadershipResponse(),
        cluster_pb2.TransferLeadershipRequest(node_id="n2"),
        None,
    ),
}


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
async def test_a_method_asks_one_thing_and_gives_a_value(
    fake_node: Callable[..., Any], case: Case
) -> None:
    async with fake_node() as node, Client(node.address, namespace="shop") as client:
        node.script(case.rpc, case.answer)
        value = await case.call(client)

        assert node.requests == [case.request]
        assert value == case.value


@dataclass(frozen=True)
class Listing:
    """One listing over two pages: its RPC, the pages, and the values of both."""

    call: Callable[[Client], AsyncIterator[Any]]
    rpc: str
    pages: tuple[Any, Any]
    values: list[Any]


LISTINGS = {
    "workflows": Listing(
        lambda client: client.list_workflows(),
        "ListWorkflows",
        (
            workflows_pb2.ListWorkflowsResponse(workflows=[WORKFLOW], next_page_token="p2"),
            workflows_pb2.ListWorkflowsResponse(workflows=[WORKFLOW]),
        ),
        [WORKFLOW_VALUE, WORKFLOW_VALUE],
    ),
    "versions": Listing(
        lambda client: client.list_workflow_versions("orders"),
        "ListWorkflowVersions",
        (
            workflows_pb2.ListWorkflowVersionsResponse(versions=[WORKFLOW], next_page_token="p2"),
            workflows_pb2.ListWorkflowVersionsResponse(versions=[WORKFLOW]),
        ),
        [WORKFLOW_VALUE, WORKFLOW_VALUE],
    ),
    "executions": Listing(
        lambda client: client.list_executions(workflow="orders"),
        "ListExecutions",
        (
            executions_pb2.ListExecutionsResponse(executions=[RUNNING], next_page_token="p2"),
            executions_pb2.ListExecutionsResponse(executions=[FAILED]),
        ),
        [RUNNING_VALUE, FAILED_VALUE],
    ),
    "an empty page in between": Listing(
        lambda client: client.history("e1", newest_first=True),
        "GetHistory",
        (
            executions_pb2.GetHistoryResponse(next_page_token="p2"),
            executions_pb2.GetHistoryResponse(events=[EVENT]),
        ),
        [EVENT_VALUE],
    ),
}


@pytest.mark.parametrize(
    "listing", [pytest.param(listing, id=name) for name, listing in LISTINGS.items()]
)
async def test_a_listing_goes_over_all_pages(
    fake_node: Callable[..., Any], listing: Listing
) -> None:
    async with fake_node() as node, Client(node.address) as client:
        node.script(listing.rpc, *listing.pages)
        values = [value async for value in listing.call(client)]

        assert [request.page_token for request in node.requests] == ["", "p2"]
        assert values == listing.values


async def test_the_last_event_tells_how_an_execution_ended(fake_node: Callable[..., Any]) -> None:
    async with fake_node() as node, Client(node.address) as client:
        node.script("WatchExecution", [ENDED])
        events = [event async for event in client.watch("e1")]

    assert [(event.type, event.status, event.output) for event in events] == [
        ("ExecutionCompleted", ExecutionStatus.SUCCEEDED, [1])
    ]


async def test_waiting_asks_again_until_the_execution_has_ended(
    fake_node: Callable[..., Any],
) -> None:
    async with fake_node() as node, Client(node.address) as client:
        node.script(
            "WaitExecution",
            executions_pb2.WaitExecutionResponse(execution=RUNNING),
            executions_pb2.WaitExecutionResponse(execution=FAILED, ended=True),
        )

        assert await client.wait_execution("e2") == FAILED_VALUE


async def test_an_input_that_is_no_json_is_not_sent(fake_node: Callable[..., Any]) -> None:
    async with fake_node() as node, Client(node.address) as client:
        with pytest.raises(DocumentError, match=r"^input cannot be written as JSON"):
            await client.start_execution("orders", {"when": NOON_VALUE})

        assert node.requests == []


@pytest.mark.parametrize(
    ("status", "is_ended"),
    [
        (ExecutionStatus.RUNNING, False),
        (ExecutionStatus.CANCELING, False),
        (ExecutionStatus.SUCCEEDED, True),
        (ExecutionStatus.TIMED_OUT, True),
    ],
)
def test_a_status_knows_whether_it_is_an_end(status: ExecutionStatus, is_ended: bool) -> None:
    assert status.is_ended is is_ended
