"""Bad input over real gRPC: each row is one mistake, and the status, reason and field it gets."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from stepraft.v1 import executions_pb2 as executions
from stepraft.v1 import tasks_pb2 as tasks
from stepraft.v1 import workflows_pb2 as workflows
from tests.server.grpc_api.served import Refusal, Served, refusal_of, served
from tests.server.local_node import PASS, TASK, put, started

PAYLOAD_MAX = 262_144
INVALID = "INVALID_ARGUMENT"
NO_SUCH = "/default/default/e0000000/0000000000000001"

Call = Callable[[Served], Awaitable[Any]]


def start(**fields: Any) -> Call:
    request = executions.StartExecutionRequest(**({"workflow": "echo"} | fields))
    return lambda node: node.executions.StartExecution(request)


def put_workflow(**fields: Any) -> Call:
    request = workflows.PutWorkflowRequest(
        **({"name": "new", "definition": json.dumps(PASS)} | fields)
    )
    return lambda node: node.workflows.PutWorkflow(request)


def list_executions(**fields: Any) -> Call:
    request = executions.ListExecutionsRequest(**fields)
    return lambda node: node.executions.ListExecutions(request)


def history(**fields: Any) -> Call:
    request = executions.GetHistoryRequest(**fields)
    return lambda node: node.executions.GetHistory(request)


def poll(**fields: Any) -> Call:
    request = tasks.PollTasksRequest(**({"resources": ["work"], "worker_id": "w"} | fields))
    return lambda node: node.tasks.PollTasks(request)


def complete(token: bytes, output: str = "1") -> Call:
    request = tasks.CompleteTaskRequest(token=token, output=output)
    return lambda node: node.tasks.CompleteTask(request)


@pytest.mark.parametrize(
    ("call", "refusal"),
    [
        pytest.param(
            start(input="{"), Refusal(INVALID, "INVALID_INPUT", ("input",)), id="invalid JSON"
        ),
        pytest.param(
            start(input='{"a":NaN}'), Refusal(INVALID, "INVALID_INPUT", ("input",)), id="NaN"
        ),
        pytest.param(
            start(input="1e999"), Refusal(INVALID, "INVALID_INPUT", ("input",)), id="infinite"
        ),
        pytest.param(
            start(input=r'"\ud800"'),
            Refusal(INVALID, "INVALID_INPUT", ("input",)),
            id="lone surrogate",
        ),
        pytest.param(
            start(input='{"a":1,"a":2}'),
            Refusal(INVALID, "DUPLICATE_KEY", ("input",)),
            id="duplicate key",
        ),
        pytest.param(
            start(input="[" * 200 + "]" * 200),
            Refusal(INVALID, "NESTING_TOO_DEEP", ("input",)),
            id="200 levels",
        ),
        pytest.param(
            start(input="[" * 100_000),
            Refusal(INVALID, "NESTING_TOO_DEEP", ("input",)),
            id="100,000 levels",
        ),
        pytest.param(
            start(input='"' + "x" * (PAYLOAD_MAX - 1) + '"'),
            Refusal(INVALID, "PAYLOAD_TOO_LARGE", ("input",)),
            id="a byte over the limit",
        ),
        pytest.param(
            start(input="[" + "1e15," * 50_000 + "1]"),
            Refusal(INVALID, "PAYLOAD_TOO_LARGE", ("input",)),
            id="over the limit with its numbers written out",
        ),
        pytest.param(
            start(workflow="nothing"),
            Refusal("NOT_FOUND", "WORKFLOW_NOT_FOUND", ("workflow",)),
            id="unknown workflow",
        ),
        pytest.param(
            start(version=2),
            Refusal("NOT_FOUND", "WORKFLOW_NOT_FOUND", ("version",)),
            id="unknown version",
        ),
        pytest.param(
            start(namespace="other"),
            Refusal("NOT_FOUND", "WORKFLOW_NOT_FOUND", ("workflow",)),
            id="another namespace",
        ),
        pytest.param(
            start(name="a/b"), Refusal(INVALID, "INVALID_NAME", ("name",)), id="execution's name"
        ),
        pytest.param(
            start(workflow=""),
            Refusal(INVALID, "INVALID_NAME", ("workflow",)),
            id="no workflow",
        ),
        pytest.param(
            start(idempotency_key="x" * 129),
            Refusal(INVALID, "INVALID_ARGUMENT", ("idempotency_key",)),
            id="long key",
        ),
        pytest.param(
            start(idempotency_key="used", input="2"),
            Refusal("ALREADY_EXISTS", "IDEMPOTENCY_CONFLICT", ("idempotency_key",)),
            id="key of another request",
        ),
        pytest.param(
            start(name="taken"),
            Refusal("ALREADY_EXISTS", "EXECUTION_ALREADY_EXISTS", ("name",)),
            id="name of an ended execution",
        ),
        pytest.param(
            put_workflow(definition="{"),
            Refusal(INVALID, "INVALID_DEFINITION", ("definition",)),
            id="definition, no JSON",
        ),
        pytest.param(
            put_workflow(definition="[" * 200 + "]" * 200),
            Refusal(INVALID, "INVALID_DEFINITION", ("definition",)),
            id="definition, 200 levels",
        ),
        pytest.param(
            put_workflow(definition=json.dumps(PASS | {"Startat": "A"})),
            Refusal(INVALID, "INVALID_DEFINITION", ("definition/Startat",)),
            id="definition, unknown field",
        ),
        pytest.param(
            put_workflow(definition=json.dumps(PASS | {"StartAt": "B"})),
            Refusal(INVALID, "INVALID_DEFINITION", ("definition/StartAt",)),
            id="definition, unknown target",
        ),
        pytest.param(
            put_workflow(definition='"' + "x" * 1_048_575 + '"'),
            Refusal(INVALID, "PAYLOAD_TOO_LARGE", ("definition",)),
            id="definition, a byte over the limit",
        ),
        pytest.param(
            put_workflow(description="x" * 2049),
            Refusal(INVALID, "INVALID_ARGUMENT", ("description",)),
            id="long description",
        ),
        pytest.param(
            list_executions(page_size=1001),
            Refusal(INVALID, "INVALID_ARGUMENT", ("page_size",)),
            id="page too long",
        ),
        pytest.param(
            list_executions(page_token="forged"),
            Refusal(INVALID, "INVALID_PAGE_TOKEN", ("page_token",)),
            id="forged page token",
        ),
        pytest.param(
            list_executions(statuses=[99]),
            Refusal(INVALID, "INVALID_ARGUMENT", ("statuses",)),
            id="unknown status",
        ),
        pytest.param(
            history(execution_id="order-17"),
            Refusal(INVALID, "INVALID_ARGUMENT", ("execution_id",)),
            id="no execution id",
        ),
        pytest.param(
            history(execution_id=NO_SUCH),
            Refusal("NOT_FOUND", "EXECUTION_NOT_FOUND", ("execution_id",)),
            id="unknown execution",
        ),
        pytest.param(
            history(execution_id=NO_SUCH.replace("/default/default", "/default/other")),
            Refusal("NOT_FOUND", "EXECUTION_NOT_FOUND", ("execution_id",)),
            id="execution of another namespace",
        ),
        pytest.param(
            history(execution_id=NO_SUCH.replace("/default/default", "/other/default")),
            Refusal("NOT_FOUND", "EXECUTION_NOT_FOUND", ("execution_id",)),
            id="execution of another tenant",
        ),
        pytest.param(
            poll(resources=[]),
            Refusal(INVALID, "INVALID_ARGUMENT", ("resources",)),
            id="no resources",
        ),
        pytest.param(
            poll(worker_id=""),
            Refusal(INVALID, "INVALID_ARGUMENT", ("worker_id",)),
            id="no worker id",
        ),
        pytest.param(
            poll(max_tasks=1001),
            Refusal(INVALID, "INVALID_ARGUMENT", ("max_tasks",)),
            id="too many tasks",
        ),
        pytest.param(
            poll(wait={"seconds": -1}),
            Refusal(INVALID, "INVALID_ARGUMENT", ("wait",)),
            id="negative wait",
        ),
        pytest.param(
            complete(b"\x01" + bytes(60)),
            Refusal(INVALID, "TASK_TOKEN_INVALID", ("token",)),
            id="forged token",
        ),
        pytest.param(
            complete(b""), Refusal(INVALID, "TASK_TOKEN_INVALID", ("token",)), id="no token"
        ),
    ],
)
async def test_a_mistake_gets_its_status_and_the_node_goes_on(call: Call, refusal: Refusal) -> None:
    async with served() as node:
        await put(node.local, echo=PASS)
        await started(node.local, "echo", idempotency_key="used", input="1")
        await started(node.local, "echo", name="taken")

        assert await refusal_of(call(node)) == refusal

        await start(input="{}")(node)


async def test_a_payload_of_exactly_the_limit_is_taken() -> None:
    async with served() as node:
        await put(node.local, echo=PASS)
        document = '"' + "x" * (PAYLOAD_MAX - 2) + '"'

        reply = await start(input=document)(node)
        found = await node.executions.GetExecution(
            executions.GetExecutionRequest(execution_id=reply.execution_id)
        )

        assert (found.execution.input, found.execution.output) == (document, document)


async def test_a_message_over_the_limit_is_refused_and_the_node_goes_on() -> None:
    async with served() as node:
        await put(node.local, echo=PASS)

        refusal = await refusal_of(start(input="x" * (5 << 20))(node))

        assert refusal.code == "RESOURCE_EXHAUSTED"
        await start(input="{}")(node)


async def test_a_request_that_is_no_message_is_refused_and_the_node_goes_on() -> None:
    async with served() as node:
        call: Any = node.channel.unary_unary("/stepraft.v1.ExecutionService/GetExecution")

        assert await refusal_of(call(b"\xff\xff\xff")) == Refusal(INVALID, "INVALID_ARGUMENT")

        await put(node.local, echo=PASS)
        await start(input="{}")(node)


async def test_a_method_that_is_not_there_is_not_implemented() -> None:
    async with served() as node:
        call: Any = node.channel.unary_unary("/stepraft.v1.ExecutionService/Explode")

        assert (await refusal_of(call(b""))).code == "UNIMPLEMENTED"


async def test_the_token_of_a_delivery_that_was_handed_back_is_stale() -> None:
    async with served() as node:
        await put(node.local, task=TASK)
        await started(node.local, "task")
        first = (await poll()(node)).tasks[0]
        await node.tasks.HandBackTask(tasks.HandBackTaskRequest(token=first.token))
        await poll()(node)

        assert await refusal_of(complete(first.token)(node)) == Refusal(
            "FAILED_PRECONDITION", "TASK_TOKEN_STALE", ("token",)
        )


@pytest.mark.parametrize("end", ["completed", "canceled"])
async def test_a_completion_after_the_end_is_refused(end: str) -> None:
    async with served() as node:
        await put(node.local, task=TASK)
        identifier = await started(node.local, "task")
        token = (await poll()(node)).tasks[0].token
        if end == "completed":
            await complete(token)(node)
        else:
            request = executions.CancelExecutionRequest(execution_id=identifier)
            await node.executions.CancelExecution(request)

        assert await refusal_of(complete(token)(node)) == Refusal("NOT_FOUND", "TASK_NOT_FOUND")


async def test_an_output_that_is_no_document_is_refused_and_the_delivery_goes_on() -> None:
    async with served() as node:
        await put(node.local, task=TASK)
        await started(node.local, "task")
        token = (await poll()(node)).tasks[0].token

        assert await refusal_of(complete(token, "{")(node)) == Refusal(
            INVALID, "INVALID_INPUT", ("output",)
        )
        await complete(token, "{}")(node)


async def test_an_error_of_the_server_shows_its_number_and_nothing_of_its_inside(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with served() as node:

        async def fail(*arguments: object) -> None:
            raise ZeroDivisionError("secret")

        monkeypatch.setattr(node.local.application.executions, "get", fail)
        request = executions.GetExecutionRequest(execution_id=NO_SUCH)

        assert await refusal_of(node.executions.GetExecution(request)) == Refusal(
            "INTERNAL", "INTERNAL"
        )
        [record] = caplog.records
        assert "incident" in record.getMessage()
