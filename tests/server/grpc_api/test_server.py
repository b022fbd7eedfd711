"""The port: health, reflection, the cluster's status, the worker's stream, and a port in use."""

import asyncio
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from stepraft.server import forward
from stepraft.server.grpc_api import server
from stepraft.server.grpc_api.services import SERVICES
from stepraft.server.raft.contract import StartError
from stepraft.server.settings import GrpcSection
from stepraft.v1 import cluster_pb2
from stepraft.v1 import executions_pb2 as executions
from stepraft.v1 import tasks_pb2 as tasks
from stepraft.v1 import workflows_pb2 as workflows
from tests.server.grpc_api.served import Refusal, Served, refusal_in, served
from tests.server.local_node import PASS, TASK, put, started, until

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


async def health_of(node: Served, service: str) -> int:
    stub = health_pb2_grpc.HealthStub(node.channel)
    answer = await stub.Check(health_pb2.HealthCheckRequest(service=service))
    status: int = answer.status
    return status


@pytest.mark.parametrize(
    ("leader", "status"),
    [
        pytest.param("dev", SERVING, id="it leads"),
        pytest.param("n2", SERVING, id="another leads"),
        pytest.param(None, NOT_SERVING, id="nobody leads"),
    ],
)
async def test_a_node_is_healthy_while_there_is_a_leader(leader: str | None, status: int) -> None:
    async with served() as node:
        if leader != "dev":
            await node.local.follow(leader)
        await node.server.follow_leader()

        services = ["", *(service.name for service in SERVICES)]
        assert [await health_of(node, service) for service in services] == [status] * 5
        assert await health_of(node, "liveness") == SERVING


async def test_a_node_without_state_is_not_healthy_though_there_is_a_leader() -> None:
    async with served(is_new=True) as node:
        await node.local.follow("n2")
        await node.server.follow_leader()

        assert [await health_of(node, service) for service in ("", "liveness")] == [
            NOT_SERVING,
            SERVING,
        ]


async def test_a_node_that_was_elected_counts_as_leader_once_its_epoch_has_begun() -> None:
    async with served() as node:
        await node.local.be_elected()
        await node.server.follow_leader()

        status = await node.cluster.GetClusterStatus(cluster_pb2.GetClusterStatusRequest())
        assert (status.leader_id, await health_of(node, "")) == ("", NOT_SERVING)


async def test_reflection_names_every_service() -> None:
    async with served() as node:
        stub = reflection_pb2_grpc.ServerReflectionStub(node.channel)

        request = reflection_pb2.ServerReflectionRequest(list_services="")
        [answer] = [each async for each in stub.ServerReflectionInfo(iter([request]))]

        assert [each.name for each in answer.list_services_response.service] == sorted(
            [
                *(service.name for service in SERVICES),
                "grpc.health.v1.Health",
                "grpc.reflection.v1alpha.ServerReflection",
            ]
        )


def test_every_option_is_one_that_grpc_knows() -> None:
    """A name that gRPC does not know has no effect, and nobody is told."""
    spec = find_spec("grpc._cython.cygrpc")
    assert spec is not None
    assert spec.origin is not None
    library = Path(spec.origin).read_bytes()
    names = {name for name, _ in (*server.options(GrpcSection()), *forward.OPTIONS)}

    assert {name for name in names if name.encode() + b"\0" not in library} == set()


async def test_a_port_in_use_is_named() -> None:
    async with served() as node:
        with pytest.raises(StartError, match=f"grpc.listen: cannot listen on {node.address}"):
            async with served(grpc={"listen": node.address}):
                pass


async def test_the_status_of_the_cluster_is_answered_without_a_leader_too() -> None:
    async with served(addresses={"n2": "127.0.0.1:1"}) as node:
        await put(node.local, echo=PASS)
        await node.local.follow(None)

        status = await node.cluster.GetClusterStatus(cluster_pb2.GetClusterStatusRequest())

        assert (status.cluster_id, status.node_id, status.leader_id) == ("dev", "dev", "")
        assert [(each.node_id, each.address, each.reachable) for each in status.nodes] == [
            ("dev", node.address, True),
            ("n2", "127.0.0.1:1", False),
        ]
        assert status.nodes[0].applied_index == node.local.partition.machine.applied_index > 0


async def test_a_workflow_over_the_wire() -> None:
    async with served() as node:
        definition = json.dumps(PASS)
        put_request = workflows.PutWorkflowRequest(
            name="echo", definition=definition, description="says it again"
        )

        response = await node.workflows.PutWorkflow(put_request)
        found = await node.workflows.GetWorkflow(workflows.GetWorkflowRequest(name="echo"))

        assert (response.created, response.workflow) == (True, found.workflow)
        assert found.definition == definition
        workflow = found.workflow
        assert (workflow.namespace, workflow.name, workflow.version, workflow.description) == (
            "default",
            "echo",
            1,
            "says it again",
        )
        listed = await node.workflows.ListWorkflows(workflows.ListWorkflowsRequest())
        versions = await node.workflows.ListWorkflowVersions(
            workflows.ListWorkflowVersionsRequest(name="echo")
        )
        assert [*listed.workflows, *versions.versions] == [workflow, workflow]


async def test_a_definition_is_checked_over_the_wire() -> None:
    async with served() as node:
        request = workflows.ValidateWorkflowRequest(definition="[]")

        [found] = (await node.workflows.ValidateWorkflow(request)).diagnostics

        assert (found.severity, found.code, found.location) == (
            workflows.Diagnostic.SEVERITY_ERROR,
            "INVALID_JSON_DESCRIPTION",
            "",
        )


async def test_an_execution_over_the_wire() -> None:
    async with served() as node:
        await put(node.local, echo=PASS)
        start = executions.StartExecutionRequest(workflow="echo", name="one", input="[1]")

        reply = await node.executions.StartExecution(start)
        request = executions.WaitExecutionRequest(execution_id=reply.execution_id)
        waited = await node.executions.WaitExecution(request)
        listed = await node.executions.ListExecutions(
            executions.ListExecutionsRequest(
                workflow="echo", statuses=[executions.EXECUTION_STATUS_SUCCEEDED]
            )
        )

        execution = waited.execution
        assert waited.ended
        assert execution == executions.Execution(
            execution_id=reply.execution_id,
            namespace="default",
            workflow="echo",
            version=1,
            name="one",
            status=executions.EXECUTION_STATUS_SUCCEEDED,
            input="[1]",
            output="[1]",
            started_at=reply.started_at,
            stopped_at=execution.stopped_at,
        )
        execution.ClearField("input")
        execution.ClearField("output")
        assert list(listed.executions) == [execution]


async def test_an_execution_without_a_name_shows_none() -> None:
    async with served() as node:
        await put(node.local, echo=PASS)
        identifier = await started(node.local, "echo")

        request = executions.GetExecutionRequest(execution_id=identifier)
        found = await node.executions.GetExecution(request)

        assert found.execution.name == ""


async def test_a_worker_gets_tasks_and_answers_on_one_stream() -> None:
    async with served() as node:
        await put(node.local, task=TASK)
        identifiers = [await started(node.local, "task", input=f"{n}") for n in range(3)]
        stream = node.tasks.StreamTasks()
        hello = tasks.Hello(resources=["work"], worker_id="w", lease=Duration(seconds=60))

        await stream.write(tasks.WorkerMessage(hello=hello))
        await stream.write(tasks.WorkerMessage(credits=3))
        received = list((await stream.read()).tasks)
        outcomes: tuple[dict[str, Any], ...] = (
            {"complete": tasks.TaskReport.Completion(output="1")},
            {"fail": tasks.TaskReport.Failure(error="Broken")},
            {"heartbeat": tasks.TaskReport.Heartbeat()},
        )
        reports = [
            tasks.TaskReport(request_id=number, token=task.token, **outcome)
            for number, (task, outcome) in enumerate(zip(received, outcomes, strict=True), 1)
        ]
        await stream.write(tasks.WorkerMessage(reports=reports))
        answer = await stream.read()

        assert [task.input for task in received] == ["0", "1", "2"]
        assert [task.execution_id for task in received] == identifiers
        assert [(ack.request_id, ack.reason) for ack in answer.acks] == [(1, ""), (2, ""), (3, "")]
        assert answer.acks[2].lease_deadline.seconds > 0
        stream.cancel()
        await until(lambda: not node.local.partition.leading().dispatcher.sessions())


@pytest.mark.parametrize(
    ("messages", "field"),
    [
        pytest.param([tasks.WorkerMessage(credits=1)], "hello", id="no hello"),
        pytest.param(
            [tasks.WorkerMessage(hello=tasks.Hello(resources=["a"], worker_id="w"))] * 2,
            "hello",
            id="hello twice",
        ),
        pytest.param(
            [tasks.WorkerMessage(hello=tasks.Hello(worker_id="w"))], "resources", id="no resources"
        ),
        pytest.param(
            [
                tasks.WorkerMessage(hello=tasks.Hello(resources=["a"], worker_id="w")),
                tasks.WorkerMessage(credits=10_001),
            ],
            "credits",
            id="too many credits",
        ),
        pytest.param(
            [
                tasks.WorkerMessage(hello=tasks.Hello(resources=["a"], worker_id="w")),
                tasks.WorkerMessage(reports=[tasks.TaskReport(request_id=1)]),
            ],
            "reports.outcome",
            id="a report of nothing",
        ),
    ],
)
async def test_a_stream_that_breaks_a_rule_ends_with_it(
    messages: list[tasks.WorkerMessage], field: str
) -> None:
    async with served() as node:
        stream = node.tasks.StreamTasks(iter(messages))

        with pytest.raises(grpc.aio.AioRpcError) as ended:
            async for _ in stream:
                pass

        assert refusal_in(ended.value) == Refusal("INVALID_ARGUMENT", "INVALID_ARGUMENT", (field,))
        assert node.local.partition.leading().dispatcher.sessions() == []


async def test_a_worker_is_told_to_go_elsewhere_when_the_node_stops() -> None:
    async with served() as node:
        stream = node.tasks.StreamTasks()
        hello = tasks.Hello(resources=["work"], worker_id="w")
        await stream.write(tasks.WorkerMessage(hello=hello))
        await until(lambda: bool(node.local.partition.leading().dispatcher.sessions()))

        node.local.application.drain()
        stopping = asyncio.ensure_future(node.server.stop(5.0))

        assert await stream.read() == tasks.ServerMessage(draining=True)
        assert await stream.read() is grpc.aio.EOF
        await stopping
