"""Any node takes any call: it is passed on to the leader, or waits for one for a bounded time."""

import asyncio

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from stepraft.interpreter.errors import Rejection
from stepraft.server.grpc_api.calls import LeaderSearch
from stepraft.v1 import executions_pb2 as executions
from stepraft.v1 import tasks_pb2 as tasks
from stepraft.v1 import workflows_pb2 as workflows
from tests.server.grpc_api.served import Refusal, read_all, refusal_of, served, two_nodes
from tests.server.local_node import PASS, local_node, put, started, until

NO_LEADER = Refusal("UNAVAILABLE", "NO_LEADER", has_retry=True)
START = executions.StartExecutionRequest(workflow="echo", input="1")


async def test_a_call_to_a_follower_is_answered_by_the_leader() -> None:
    async with two_nodes() as (leader, follower):
        reply = await follower.executions.StartExecution(START)

        request = executions.GetExecutionRequest(execution_id=reply.execution_id)
        found = await leader.executions.GetExecution(request)
        assert found.execution.output == "1"


async def test_a_refusal_of_the_leader_comes_through_as_it_is() -> None:
    async with two_nodes() as (_, follower):
        request = executions.StartExecutionRequest(workflow="nothing")

        assert await refusal_of(follower.executions.StartExecution(request)) == Refusal(
            "NOT_FOUND", "WORKFLOW_NOT_FOUND", ("workflow",)
        )


async def test_a_server_stream_comes_through() -> None:
    async with two_nodes() as (leader, follower):
        identifier = await started(leader.local, "echo")
        request = executions.WatchExecutionRequest(execution_id=identifier)

        events = [event.type async for event in follower.executions.WatchExecution(request)]

        assert events == [
            "ExecutionStarted",
            "StateStarted",
            "StateCompleted",
            "ExecutionCompleted",
        ]


async def test_a_stream_of_both_directions_comes_through() -> None:
    async with two_nodes() as (leader, follower):
        await started(leader.local, "task")
        stream = follower.tasks.StreamTasks()
        hello = tasks.Hello(resources=["work"], worker_id="w")

        await stream.write(tasks.WorkerMessage(hello=hello))
        await stream.write(tasks.WorkerMessage(credits=1))
        [task] = (await stream.read()).tasks
        report = tasks.TaskReport(
            request_id=7, token=task.token, complete=tasks.TaskReport.Completion(output="1")
        )
        await stream.write(tasks.WorkerMessage(reports=[report]))
        answer = await stream.read()
        await stream.done_writing()

        assert list(answer.acks) == [tasks.Ack(request_id=7)]
        assert await stream.read() is grpc.aio.EOF
        assert await stream.code() is grpc.StatusCode.OK


async def test_a_call_that_was_passed_on_is_not_passed_on_again() -> None:
    addresses: dict[str, str] = {}
    async with served("n1", addresses) as first, served("n2", addresses) as second:
        await first.local.follow("n2")
        await second.local.follow("n1")

        assert await refusal_of(first.executions.StartExecution(START)) == NO_LEADER


async def test_a_call_that_was_passed_on_goes_back_when_the_node_leads_no_more() -> None:
    async with local_node() as node:
        await node.be_elected()
        search = LeaderSearch(node.node_id, node.partition, 5.0, may_leave=False)
        waiting = asyncio.ensure_future(search.next())
        await asyncio.sleep(0)

        await node.follow("n2")

        with pytest.raises(Rejection, match="the leader changed"):
            await waiting


async def test_without_a_leader_a_call_waits_a_bounded_time() -> None:
    async with served() as node:
        await node.local.follow(None)

        assert await refusal_of(node.executions.StartExecution(START)) == NO_LEADER


async def test_a_call_that_waits_goes_on_when_this_node_leads() -> None:
    async with served() as node:
        await put(node.local, echo=PASS)
        await node.local.follow(None)
        reply = asyncio.ensure_future(node.executions.StartExecution(START))
        await asyncio.sleep(0.05)

        await node.local.lead()

        assert (await reply).execution_id.startswith("/default/default/e")


async def test_a_call_that_waits_goes_on_when_another_node_leads() -> None:
    async with two_nodes() as (_, follower):
        await follower.local.follow(None)
        reply = asyncio.ensure_future(follower.executions.StartExecution(START))
        await asyncio.sleep(0.05)

        await follower.local.follow("n1")

        assert (await reply).execution_id.startswith("/default/default/e")


async def test_a_call_to_a_leader_that_is_gone_waits_for_the_next() -> None:
    async with two_nodes() as (leader, follower):
        await leader.server.stop(0.0)
        reply = asyncio.ensure_future(
            follower.workflows.PutWorkflow(workflows.PutWorkflowRequest(name="x", definition="{}"))
        )
        await asyncio.sleep(0.1)

        await follower.local.lead()

        assert (await refusal_of(reply)).reason == "INVALID_DEFINITION"


async def test_a_write_whose_connection_broke_has_an_unknown_outcome() -> None:
    async with two_nodes() as (leader, follower):
        request = tasks.PollTasksRequest(
            resources=["work"], worker_id="w", wait=Duration(seconds=30)
        )
        polling = asyncio.ensure_future(follower.tasks.PollTasks(request))
        await until(lambda: bool(leader.local.partition.leading().dispatcher.sessions()))

        await leader.server.stop(0.0)

        assert await refusal_of(polling) == Refusal(
            "UNAVAILABLE", "OUTCOME_UNKNOWN", has_retry=True
        )


async def test_a_read_from_a_leader_that_fell_silent_goes_on_at_the_next() -> None:
    async with two_nodes() as (leader, follower):
        identifier = await started(leader.local, "task")
        request = executions.WaitExecutionRequest(execution_id=identifier)
        waiting = asyncio.ensure_future(follower.executions.WaitExecution(request))
        await until(lambda: leader.local.partition.watchers._waiting != {})

        await follower.local.lead()
        await follower.server.follow_leader()

        assert (await refusal_of(waiting)).reason == "EXECUTION_NOT_FOUND"


async def test_a_write_to_a_leader_that_fell_silent_has_an_unknown_outcome() -> None:
    async with two_nodes() as (leader, follower):
        request = tasks.PollTasksRequest(
            resources=["work"], worker_id="w", wait=Duration(seconds=30)
        )
        polling = asyncio.ensure_future(follower.tasks.PollTasks(request))
        await until(lambda: bool(leader.local.partition.leading().dispatcher.sessions()))

        await follower.local.follow(None)
        await follower.server.follow_leader()

        assert await refusal_of(polling) == Refusal(
            "UNAVAILABLE", "OUTCOME_UNKNOWN", has_retry=True
        )


@pytest.mark.parametrize("asked", ["leader", "follower"])
async def test_a_stream_ends_when_the_leader_changes(asked: str) -> None:
    async with two_nodes() as (leader, follower):
        identifier = await started(leader.local, "task")
        node = leader if asked == "leader" else follower
        request = executions.WatchExecutionRequest(execution_id=identifier)
        watching = node.executions.WatchExecution(request)
        await watching.read()

        if asked == "leader":
            await leader.local.follow("n2")
        else:
            await follower.local.follow(None)
            await follower.server.follow_leader()

        assert await refusal_of(read_all(watching)) == NO_LEADER


async def test_a_call_keeps_its_deadline_on_the_way() -> None:
    async with two_nodes() as (leader, follower):
        identifier = await started(leader.local, "task")
        request = executions.WaitExecutionRequest(execution_id=identifier)

        refusal = await refusal_of(follower.executions.WaitExecution(request, timeout=0.2))

        assert refusal.code == "DEADLINE_EXCEEDED"
        await until(lambda: leader.local.partition.watchers._waiting == {})
