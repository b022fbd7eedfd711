"""A peer for the client: nodes that speak the real protocol and answer what the test scripted."""

import asyncio
import inspect
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import grpc
import pytest
from google.protobuf import message_factory
from google.protobuf.any_pb2 import Any as PackedDetail
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from stepraft.v1 import cluster_pb2, executions_pb2, tasks_pb2, workflows_pb2

SCENARIO_TIMEOUT_S = 20


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run tests that are coroutines, each in an event loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    scenario = pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names})
    asyncio.run(asyncio.wait_for(scenario, SCENARIO_TIMEOUT_S))
    return True


@dataclass(frozen=True)
class Refusal:
    """An answer that is an error."""

    code: grpc.StatusCode
    reason: str = ""
    text: str = "refused"
    violations: tuple[tuple[str, str], ...] = ()
    retry_after_s: float | None = None

    def status(self) -> status_pb2.Status:
        details: list[Message] = []
        if self.reason:
            details.append(error_details_pb2.ErrorInfo(reason=self.reason, domain="stepraft.dev"))
        if self.violations:
            broken = [
                error_details_pb2.BadRequest.FieldViolation(field=name, description=rule)
                for name, rule in self.violations
            ]
            details.append(error_details_pb2.BadRequest(field_violations=broken))
        if self.retry_after_s is not None:
            delay = Duration()
            delay.FromMilliseconds(round(self.retry_after_s * 1000))
            details.append(error_details_pb2.RetryInfo(retry_delay=delay))
        return status_pb2.Status(
            code=self.code.value[0], message=self.text, details=map(packed, details)
        )


def packed(detail: Message) -> PackedDetail:
    anything = PackedDetail()
    anything.Pack(detail)
    return anything


Answer = Message | Refusal


class WorkerSession:
    """One worker's stream, as the server sees it."""

    def __init__(self) -> None:
        self._heard: asyncio.Queue[tasks_pb2.WorkerMessage | None] = asyncio.Queue()
        self._to_say: asyncio.Queue[tasks_pb2.ServerMessage | Refusal | None] = asyncio.Queue()
        self._reports: deque[tasks_pb2.TaskReport] = deque()

    async def hear(self) -> tasks_pb2.WorkerMessage | None:
        """Return the worker's next message; None once it said its last."""
        return await self._heard.get()

    async def hear_report(self, kind: str) -> tasks_pb2.TaskReport:
        """Return the next report of a kind, passing over credits and other reports."""
        while True:
            while self._reports:
                report = self._reports.popleft()
                if report.WhichOneof("outcome") == kind:
                    return report
            message = await self.hear()
            assert message is not None, f"the worker left without a {kind}"
            self._reports.extend(message.reports)

    async def hear_credits(self) -> int:
        """Return the credits of the next message that has some; reports on the way are kept."""
        while True:
            message = await self.hear()
            assert message is not None, "the worker left without granting credits"
            self._reports.extend(message.reports)
            if message.credits:
                return message.credits

    def say(self, **fields: Any) -> None:
        self._to_say.put_nowait(tasks_pb2.ServerMessage(**fields))

    def acknowledge(self, report: tasks_pb2.TaskReport, **fields: Any) -> None:
        self.say(acks=[tasks_pb2.Ack(request_id=report.request_id, **fields)])

    async def farewell(self) -> None:
        """End the stream once the worker has said its last."""
        while await self.hear() is not None:
            pass
        self.end()

    def end(self, refusal: Refusal | None = None) -> None:
        """End the stream, well or with an error."""
        self._to_say.put_nowait(refusal)

    async def serve(
        self, requests: AsyncIterator[tasks_pb2.WorkerMessage], context: Any
    ) -> AsyncIterator[tasks_pb2.ServerMessage]:
        async def listen() -> None:
            async for request in requests:
                self._heard.put_nowait(request)
            self._heard.put_nowait(None)

        listening = asyncio.create_task(listen())
        try:
            while (message := await self._to_say.get()) is not None:
                if isinstance(message, Refusal):
                    await context.abort_with_status(rpc_status.to_status(message.status()))
                else:
                    yield message
        finally:
            listening.cancel()


@dataclass
class FakeNode:
    """A node on a free port of the loopback address. `requests` has what it was asked, in order."""

    port: int = 0
    credentials: grpc.ServerCredentials | None = None
    requests: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._answers: dict[str, deque[Answer | list[Answer]]] = {}
        self._sessions: asyncio.Queue[WorkerSession] = asyncio.Queue()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def script(self, method: str, *answers: Answer | list[Answer]) -> None:
        """Answer the next calls of a method so; a list is a stream."""
        self._answers.setdefault(method, deque()).extend(answers)

    async def worker(self) -> WorkerSession:
        """Return the next stream that a worker opens."""
        return await self._sessions.get()

    async def __aenter__(self) -> Self:
        self._server = grpc.aio.server()
        for file in (workflows_pb2, executions_pb2, tasks_pb2, cluster_pb2):
            for service in file.DESCRIPTOR.services_by_name.values():
                handlers = {method.name: self._handler(method) for method in service.methods}
                handler = grpc.method_handlers_generic_handler(service.full_name, handlers)
                self._server.add_generic_rpc_handlers((handler,))
        address = f"127.0.0.1:{self.port}"
        if self.credentials is None:
            self.port = self._server.add_insecure_port(address)
        else:
            self.port = self._server.add_secure_port(address, self.credentials)
        await self._server.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._server.stop(None)

    def _handler(self, method: Any) -> Any:
        async def unary(request: Message, context: Any) -> Message:
            self.requests.append(request)
            answer = self._next(method.name)
            if isinstance(answer, Refusal):
                await context.abort_with_status(rpc_status.to_status(answer.status()))
            assert isinstance(answer, Message)
            return answer

        async def stream(request: Message, context: Any) -> AsyncIterator[Message]:
            self.requests.append(request)
            answers = self._next(method.name)
            assert isinstance(answers, list)
            for answer in answers:
                if isinstance(answer, Refusal):
                    await context.abort_with_status(rpc_status.to_status(answer.status()))
                else:
                    yield answer

        async def worker_stream(requests: Any, context: Any) -> AsyncIterator[Message]:
            session = WorkerSession()
            self._sessions.put_nowait(session)
            async for message in session.serve(requests, context):
                yield message

        codec = {
            "request_deserializer": message_factory.GetMessageClass(method.input_type).FromString,
            "response_serializer": lambda message: message.SerializeToString(),
        }
        if method.client_streaming:
            return grpc.stream_stream_rpc_method_handler(worker_stream, **codec)
        if method.server_streaming:
            return grpc.unary_stream_rpc_method_handler(stream, **codec)
        return grpc.unary_unary_rpc_method_handler(unary, **codec)

    def _next(self, method: str) -> Answer | list[Answer]:
        answers = self._answers.get(method)
        if not answers:
            return Refusal(grpc.StatusCode.INTERNAL, text=f"nothing is scripted for {method}")
        return answers.popleft()


@pytest.fixture
def fake_node() -> Callable[..., FakeNode]:
    """Make a node, to be entered with `async with`."""
    return FakeNode


@pytest.fixture
def refusal() -> type[Refusal]:
    """Make an error to be scripted."""
    return Refusal
