"""One connected worker: gets tasks as long as it has credits, and reports on them.

Reports are queued without waiting for one another, and what has gathered by the time that the face
can send, tasks and answers alike, goes out at once.
"""

import asyncio
from collections import deque
from functools import partial
from typing import Final

from msgspec import Struct

from stepraft.interpreter.commands import HeartbeatTask
from stepraft.interpreter.decision import Delivery, Renewed
from stepraft.interpreter.errors import Reason, Rejection
from stepraft.server.engine.dispatcher import Session
from stepraft.server.engine.processor import ReplyFuture
from stepraft.server.service import checks
from stepraft.server.service.partitions import Partitions, queue
from stepraft.server.service.task_reports import Report, ReportReader, TaskCommand
from stepraft.server.service.workers import Admitted, HandedOut, fitting, handed_out

CREDITS_MAX: Final = 10_000


class Ack(Struct, frozen=True):
    """The answer to one report; `rejection` is None when it is safe.

    `is_canceled`, `lease_deadline_ms`: how the delivery stands, of heartbeats.
    """

    request_id: int
    rejection: Rejection | None = None
    is_canceled: bool = False
    lease_deadline_ms: int = 0


class Outgoing(Struct, frozen=True):
    """What has gathered for a worker. `is_draining`: nothing more comes, and it is to connect
    elsewhere.
    """

    tasks: list[HandedOut]
    acks: list[Ack]
    canceled: list[str]
    is_draining: bool = False


class WorkerStream:
    """The server's end of a worker's stream, in the reign of `worker`. Open and close it."""

    def __init__(
        self, worker: Admitted, reader: ReportReader, shards: Partitions, answer_bytes: int
    ) -> None:
        self._worker = worker
        self._reader = reader
        self._partitions = shards
        self._answer_bytes = answer_bytes
        self._deliveries: deque[Delivery] = deque()
        self._acks: list[Ack] = []
        self._canceled: list[str] = []
        self._delivered: set[str] = set()
        self._unanswered = 0
        self._is_ending = False
        self._error: Exception | None = None
        self._is_draining = False
        self._changed = asyncio.Event()
        self._session = Session(
            queues=worker.queues,
            worker=worker.worker,
            lease_ms=worker.lease_ms,
            credit=0,
            deliver=self._deliver,
            revoke=self._revoke,
        )

    # The worker speaks

    def open(self) -> None:
        """Begin to wait for tasks."""
        self._worker.epoch.dispatcher.open(self._session)

    def grant(self, count: int) -> None:
        """Take `count` more tasks.

        Errors: INVALID_ARGUMENT.
        """
        checks.between(self._session.credits + count, 0, CREDITS_MAX, "credits")
        if not self._is_ending:
            self._worker.epoch.dispatcher.add_credits(self._session, count)

    def take_no_more(self) -> None:
        """The worker takes no more tasks; its reports still follow."""
        self._worker.epoch.dispatcher.close(self._session)

    def report(self, report: Report) -> None:
        """Queue what a worker reports; the answer comes among the acks."""
        try:
            command = self._reader.command(report)
            if not isinstance(command, HeartbeatTask):
                self._delivered.discard(command.task_id)
            future = queue(self._partitions.of_task(command.task_id), command)
        except Rejection as rejection:
            self._answer(Ack(report.request_id, rejection))
            return
        self._unanswered += 1
        future.add_done_callback(partial(self._answered, report.request_id, command))

    def end(self, error: Exception | None = None) -> None:
        """The worker says nothing more, or what it said is wrong: answer what it said, and end."""
        self._is_ending = True
        self._error = self._error or error
        self.take_no_more()
        self._changed.set()

    # The server speaks

    async def next(self) -> Outgoing | None:
        """Return what has gathered, as soon as there is something; None at the end of the stream.

        Errors: NO_LEADER when the reign is over; that which ended the stream.
        """
        while not self._has_gathered():
            self._worker.require_reign()
            if self._is_ending and self._unanswered == 0:
                return self._farewell()
            self._changed.clear()
            await self._changed.wait()
        return self._take()

    def drain(self) -> None:
        """Answer what is open, tell the worker to connect elsewhere, and end."""
        self._is_draining = True
        self.end()

    def wake(self) -> None:
        """Look whether the reign is over."""
        self._changed.set()

    def close(self) -> None:
        """Stop; what was not sent is handed back."""
        self._is_ending = True
        dispatcher = self._worker.epoch.dispatcher
        dispatcher.close(self._session)
        for delivery in self._deliveries:
            dispatcher.hand_back(delivery.task_id, delivery.delivery)
        self._deliveries.clear()

    def _has_gathered(self) -> bool:
        return bool(self._deliveries or self._acks or self._canceled)

    def _take(self) -> Outgoing:
        count = fitting(self._deliveries, self._answer_bytes)
        tasks = [handed_out(self._deliveries.popleft(), self._worker) for _ in range(count)]
        acks, self._acks = self._acks, []
        canceled, self._canceled = self._canceled, []
        return Outgoing(tasks, acks, canceled)

    def _farewell(self) -> Outgoing | None:
        if self._error is not None:
            raise self._error
        if not self._is_draining:
            return None
        self._is_draining = False
        return Outgoing([], [], [], is_draining=True)

    # The engine calls

    def _deliver(self, delivery: Delivery) -> None:
        self._delivered.add(delivery.task_id)
        self._deliveries.append(delivery)
        self._changed.set()

    def _revoke(self, task_id: str) -> None:
        if task_id in self._delivered:
            self._delivered.discard(task_id)
            self._canceled.append(task_id)
            self._changed.set()

    def _answered(self, request_id: int, command: TaskCommand, future: ReplyFuture) -> None:
        self._unanswered -= 1
        error = future.exception()
        if error is None:
            self._answer(_accepted(request_id, future))
        elif not isinstance(error, Rejection):
            raise error
        elif isinstance(command, HeartbeatTask) and error.reason is Reason.TASK_NOT_FOUND:
            self._answer(Ack(request_id, is_canceled=True))
        else:
            self._answer(Ack(request_id, error))

    def _answer(self, ack: Ack) -> None:
        self._acks.append(ack)
        self._changed.set()


def _accepted(request_id: int, future: ReplyFuture) -> Ack:
    reply = future.result()
    if isinstance(reply, Renewed):
        return Ack(request_id, lease_deadline_ms=reply.lease_deadline_ms)
    return Ack(request_id)
