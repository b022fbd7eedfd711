"""TaskService: one method for each RPC."""

# ruff: noqa: N802 - the methods have the names of their RPCs

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager

from stepraft.interpreter.errors import Reason, Rejection
from stepraft.server.grpc_api import convert
from stepraft.server.grpc_api.errors import Context, retry_after
from stepraft.server.service.callers import ANYBODY
from stepraft.server.service.task_reports import (
    HAND_BACK,
    HEARTBEAT,
    Completion,
    Failure,
    Outcome,
    Report,
)
from stepraft.server.service.tasks import Tasks
from stepraft.server.service.worker_stream import Ack, Outgoing, WorkerStream
from stepraft.v1 import tasks_pb2 as pb
from stepraft.v1.tasks_pb2_grpc import TaskServiceServicer


class TaskServicer(TaskServiceServicer):
    """Hands out tasks and takes their results."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks

    async def PollTasks(
        self, request: pb.PollTasksRequest, context: Context
    ) -> pb.PollTasksResponse:
        wait_s = convert.milliseconds(request.wait, "wait") / 1000
        polled = await self._tasks.poll(ANYBODY, convert.hello(request), request.max_tasks, wait_s)
        return pb.PollTasksResponse(tasks=map(convert.task, polled))

    async def StreamTasks(
        self, request_iterator: AsyncIterator[pb.WorkerMessage], context: Context
    ) -> AsyncIterator[pb.ServerMessage]:
        first = await anext(request_iterator)
        if not first.HasField("hello"):
            text = "the first message must have hello"
            raise Rejection(Reason.INVALID_ARGUMENT, text, field="hello")
        async with (
            self._tasks.stream(ANYBODY, convert.hello(first.hello)) as stream,
            _read_by(_take(request_iterator, stream)),
        ):
            while (outgoing := await stream.next()) is not None:
                yield _server_message(outgoing)

    async def CompleteTask(
        self, request: pb.CompleteTaskRequest, context: Context
    ) -> pb.CompleteTaskResponse:
        await self._tasks.report(ANYBODY, Report(request.token, Completion(request.output)))
        return pb.CompleteTaskResponse()

    async def FailTask(self, request: pb.FailTaskRequest, context: Context) -> pb.FailTaskResponse:
        outcome = Failure(request.error, request.cause)
        await self._tasks.report(ANYBODY, Report(request.token, outcome))
        return pb.FailTaskResponse()

    async def HeartbeatTask(
        self, request: pb.HeartbeatTaskRequest, context: Context
    ) -> pb.HeartbeatTaskResponse:
        answer = await self._tasks.heartbeat(ANYBODY, request.token)
        return pb.HeartbeatTaskResponse(
            canceled=answer.is_canceled,
            lease_deadline=convert.timestamp(answer.lease_deadline_ms),
        )

    async def HandBackTask(
        self, request: pb.HandBackTaskRequest, context: Context
    ) -> pb.HandBackTaskResponse:
        await self._tasks.report(ANYBODY, Report(request.token, HAND_BACK))
        return pb.HandBackTaskResponse()


@asynccontextmanager
async def _read_by(reading: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Let a coroutine read in the background."""
    task = asyncio.ensure_future(reading)
    try:
        yield
    finally:
        task.cancel()


async def _take(messages: AsyncIterator[pb.WorkerMessage], stream: WorkerStream) -> None:
    """Take what a worker says until it says no more; what goes wrong ends the stream."""
    try:
        async for message in messages:
            _take_one(message, stream)
    except Exception as error:  # noqa: BLE001 - the stream raises it to whoever serves it
        stream.end(error)
    else:
        stream.end()


def _take_one(message: pb.WorkerMessage, stream: WorkerStream) -> None:
    if message.HasField("hello"):
        text = "hello stands in the first message only"
        raise Rejection(Reason.INVALID_ARGUMENT, text, field="hello")
    for report in message.reports:
        stream.report(Report(report.token, _outcome(report), report.request_id))
    if message.credits:
        stream.grant(message.credits)
    if message.draining:
        stream.take_no_more()


def _outcome(report: pb.TaskReport) -> Outcome:
    match report.WhichOneof("outcome"):
        case "complete":
            return Completion(report.complete.output)
        case "fail":
            return Failure(report.fail.error, report.fail.cause)
        case "heartbeat":
            return HEARTBEAT
        case "hand_back":
            return HAND_BACK
        case None:
            text = f"report {report.request_id} has no outcome that this API knows"
            raise Rejection(Reason.INVALID_ARGUMENT, text, field="reports.outcome")


def _server_message(outgoing: Outgoing) -> pb.ServerMessage:
    return pb.ServerMessage(
        tasks=map(convert.task, outgoing.tasks),
        acks=map(_ack, outgoing.acks),
        canceled_task_ids=outgoing.canceled,
        draining=outgoing.is_draining,
    )


def _ack(ack: Ack) -> pb.Ack:
    rejection = ack.rejection
    if rejection is None:
        return pb.Ack(
            request_id=ack.request_id,
            lease_deadline=convert.timestamp(ack.lease_deadline_ms),
            canceled=ack.is_canceled,
        )
    return pb.Ack(
        request_id=ack.request_id,
        reason=rejection.reason,
        message=rejection.text,
        retry_after=retry_after(rejection.reason),
    )
