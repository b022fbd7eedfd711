"""Every read says whether it may be stale, in all of its requests."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from stepraft.client import Client
from stepraft.v1 import executions_pb2, workflows_pb2

NOW = Timestamp(seconds=1)
WORKFLOW = workflows_pb2.Workflow(created_at=NOW)
EXECUTION = executions_pb2.Execution(
    status=executions_pb2.EXECUTION_STATUS_RUNNING, input="{}", output="null", started_at=NOW
)
EVENT = executions_pb2.HistoryEvent(
    sequence=1, at=NOW, input="null", output="null", variables="null"
)

Read = Callable[[Client, bool], Awaitable[Any] | AsyncIterator[Any]]

READS: dict[str, tuple[Read, tuple[Any, ...]]] = {
    "GetWorkflow": (
        lambda client, stale: client.get_workflow("w", stale=stale),
        (workflows_pb2.GetWorkflowResponse(workflow=WORKFLOW),),
    ),
    "ListWorkflows": (
        lambda client, stale: client.list_workflows(stale=stale),
        (
            workflows_pb2.ListWorkflowsResponse(next_page_token="more"),
            workflows_pb2.ListWorkflowsResponse(),
        ),
    ),
    "ListWorkflowVersions": (
        lambda client, stale: client.list_workflow_versions("w", stale=stale),
        (
            workflows_pb2.ListWorkflowVersionsResponse(next_page_token="more"),
            workflows_pb2.ListWorkflowVersionsResponse(),
        ),
    ),
    "GetExecution": (
        lambda client, stale: client.get_execution("e", stale=stale),
        (executions_pb2.GetExecutionResponse(execution=EXECUTION),),
    ),
    "ListExecutions": (
        lambda client, stale: client.list_executions(stale=stale),
        (
            executions_pb2.ListExecutionsResponse(next_page_token="more"),
            executions_pb2.ListExecutionsResponse(),
        ),
    ),
    "GetHistory": (
        lambda client, stale: client.history("e", stale=stale),
        (
            executions_pb2.GetHistoryResponse(next_page_token="more"),
            executions_pb2.GetHistoryResponse(),
        ),
    ),
    "WatchExecution": (lambda client, stale: client.watch("e", stale=stale), ([EVENT],)),
    "WaitExecution": (
        lambda client, stale: client.wait_execution("e", stale=stale),
        (
            executions_pb2.WaitExecutionResponse(execution=EXECUTION),
            executions_pb2.WaitExecutionResponse(execution=EXECUTION, ended=True),
        ),
    ),
}
"""Each read by its RPC, and answers that make it ask as often as there are."""


@pytest.mark.parametrize("stale", [True, False], ids=["stale", "not stale"])
@pytest.mark.parametrize("rpc", READS)
async def test_every_request_of_a_read_says_whether_it_may_be_stale(
    fake_node: Callable[..., Any], rpc: str, stale: bool
) -> None:
    read, answers = READS[rpc]
    async with fake_node() as node, Client(node.address) as client:
        node.script(rpc, *answers)
        reading = read(client, stale)
        if isinstance(reading, AsyncIterator):
            async for _ in reading:
                pass
        else:
            await reading

        assert [request.stale for request in node.requests] == [stale] * len(answers)
