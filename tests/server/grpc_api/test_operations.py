"""What operators ask for over the wire: any node takes it, the leader does it; stale reads stay."""

import io

import pytest

from stepraft.server.raft.membership import ChangeKind, ChangeResult, RemoveMember
from stepraft.storage.backup import Backup
from stepraft.v1 import cluster_pb2 as cluster
from stepraft.v1 import executions_pb2 as executions
from stepraft.v1 import workflows_pb2 as workflows
from tests.server.grpc_api.served import Refusal, read_all, refusal_of, served, two_nodes
from tests.server.local_node import PASS, put, started

REMOVE = cluster.RemoveNodeRequest(node_id="n9")


async def test_a_follower_passes_a_change_of_the_members_on() -> None:
    async with two_nodes() as (leader, follower):
        await follower.cluster.RemoveNode(REMOVE)

        assert leader.local.log.asked == [RemoveMember("n9")]
        assert follower.local.log.asked == []


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        pytest.param(
            ChangeResult(ChangeKind.REFUSED, "a rule"),
            Refusal("FAILED_PRECONDITION", "MEMBERSHIP_REFUSED"),
            id="refused",
        ),
        pytest.param(
            ChangeResult(ChangeKind.UNKNOWN, "no word"),
            Refusal("UNAVAILABLE", "OUTCOME_UNKNOWN", has_retry=True),
            id="unknown",
        ),
    ],
)
async def test_the_leaders_answer_comes_through(answer: ChangeResult, refusal: Refusal) -> None:
    async with two_nodes() as (leader, follower):
        leader.local.log.answer = answer

        assert await refusal_of(follower.cluster.RemoveNode(REMOVE)) == refusal


async def test_a_wrong_field_of_a_change_is_named() -> None:
    async with served() as node:
        request = cluster.AddNodeRequest(node_id="n9", raft_address="x", grpc_address="x:1")

        assert await refusal_of(node.cluster.AddNode(request)) == Refusal(
            "INVALID_ARGUMENT", "INVALID_ARGUMENT", ("raft_address",)
        )


async def test_a_backup_comes_from_the_leader_through_any_node() -> None:
    async with two_nodes() as (leader, follower):
        await started(leader.local, "echo")

        first, *rest = [each async for each in follower.cluster.Backup(cluster.BackupRequest())]

        machine = leader.local.partition.machine
        assert (first.head.node_id, first.head.applied_index) == ("n1", machine.applied_index)
        file = io.BytesIO(b"".join(each.data for each in rest))
        assert Backup(file).head.checksum == machine.checksum


async def test_a_leader_that_nobody_knows_the_address_of_is_waited_for() -> None:
    async with two_nodes() as (_, follower):
        await follower.local.follow("n9")

        assert await refusal_of(follower.cluster.RemoveNode(REMOVE)) == Refusal(
            "UNAVAILABLE", "NO_LEADER", has_retry=True
        )


async def test_a_stale_read_is_not_passed_on() -> None:
    async with two_nodes() as (leader, follower):
        identifier = await started(leader.local, "echo")
        request = executions.GetExecutionRequest(execution_id=identifier)
        stale = executions.GetExecutionRequest(execution_id=identifier, stale=True)

        assert (await follower.executions.GetExecution(request)).execution.workflow == "echo"
        assert await refusal_of(follower.executions.GetExecution(stale)) == Refusal(
            "NOT_FOUND", "EXECUTION_NOT_FOUND", ("execution_id",)
        )


async def test_a_node_without_state_refuses_a_stale_read_at_once() -> None:
    async with served(is_new=True) as node:
        request = executions.ListExecutionsRequest(stale=True)

        assert await refusal_of(node.executions.ListExecutions(request)) == Refusal(
            "UNAVAILABLE", "NO_STATE", has_retry=True
        )


@pytest.mark.parametrize(
    ("service", "rpc"),
    [
        ("workflows", "GetWorkflow"),
        ("workflows", "ListWorkflows"),
        ("workflows", "ListWorkflowVersions"),
        ("executions", "GetExecution"),
        ("executions", "ListExecutions"),
        ("executions", "GetHistory"),
        ("executions", "WaitExecution"),
    ],
)
async def test_every_read_may_be_stale(service: str, rpc: str) -> None:
    async with served() as node:
        await put(node.local, echo=PASS)
        identifier = await started(node.local, "echo")
        await node.local.follow(None)
        kind = getattr(workflows if service == "workflows" else executions, f"{rpc}Request")
        request = kind(stale=True)
        for field, value in (("name", "echo"), ("execution_id", identifier)):
            if field in kind.DESCRIPTOR.fields_by_name:
                setattr(request, field, value)

        await getattr(getattr(node, service), rpc)(request)


async def test_a_stale_watch_ends_without_a_leader() -> None:
    async with served() as node:
        await put(node.local, echo=PASS)
        identifier = await started(node.local, "echo")
        await node.local.follow(None)
        request = executions.WatchExecutionRequest(execution_id=identifier, stale=True)

        await read_all(node.executions.WatchExecution(request))
