"""Tasks: handed out to workers that ask, and ended by their tokens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from msgspec import Struct

from stepraft.interpreter.decision import Delivery, Renewed, Reply
from stepraft.interpreter.errors import Reason, Rejection
from stepraft.server.engine.dispatcher import queue_names
from stepraft.server.service import checks, partitions, workers
from stepraft.server.service.callers import Caller
from stepraft.server.service.partitions import Partitions
from stepraft.server.service.polls import Poll
from stepraft.server.service.signing import ClusterSecret
from stepraft.server.service.task_reports import HEARTBEAT, Report, ReportReader
from stepraft.server.service.worker_stream import WorkerStream
from stepraft.server.service.workers import Admitted, HandedOut, Hello
from stepraft.server.settings import LimitsSection, TasksSection

POLLED_MAX: Final = 1000


class HeartbeatAnswer(Struct, frozen=True):
    """How a delivery stands: no longer wanted, or the worker's until the deadline (Unix
    milliseconds).
    """

    is_canceled: bool
    lease_deadline_ms: int = 0


class Tasks:
    """What workers may do with tasks. `answer_bytes`: about how much one answer may hold."""

    def __init__(
        self,
        shards: Partitions,
        secret: ClusterSecret,
        limits: LimitsSection,
        settings: TasksSection,
        answer_bytes: int,
    ) -> None:
        self._partitions = shards
        self._secret = secret
        self._limits = limits
        self._settings = settings
        self._answer_bytes = answer_bytes
        self._polls: set[Poll] = set()
        self._streams: set[WorkerStream] = set()
        self._is_draining = False

    # Handing out

    async def poll(
        self, caller: Caller, hello: Hello, tasks_max: int, wait_s: float
    ) -> list[HandedOut]:
        """Return tasks as soon as there is one, or none after `wait_s` seconds.

        Errors: INVALID_NAME, INVALID_ARGUMENT; NO_LEADER when the leader changes meanwhile.
        """
        count = checks.between(tasks_max, 0, POLLED_MAX, "max_tasks") or 1
        worker = await self._admit(caller, hello)
        wait_max_s = 0.0 if self._is_draining else self._settings.poll_wait_max_ms / 1000
        poll = Poll(worker, count, min(wait_s, wait_max_s))
        self._polls.add(poll)
        try:
            deliveries = await poll.run()
        finally:
            self._polls.discard(poll)
        return self._as_fits(worker, deliveries)

    @asynccontextmanager
    async def stream(self, caller: Caller, hello: Hello) -> AsyncIterator[WorkerStream]:
        """Serve one worker for as long as it is connected.

        Errors: INVALID_NAME, INVALID_ARGUMENT.
        """
        worker = await self._admit(caller, hello)
        reader = ReportReader(caller, worker.signer, self._limits)
        stream = WorkerStream(worker, reader, self._partitions, self._answer_bytes)
        self._streams.add(stream)
        try:
            stream.open()
            if self._is_draining:
                stream.drain()
            yield stream
        finally:
            self._streams.discard(stream)
            stream.close()

    def end_epoch(self) -> None:
        """Break off what waits for tasks in a reign that is over."""
        for poll in self._polls:
            poll.wake()
        for stream in self._streams:
            stream.wake()

    def drain(self) -> None:
        """Let nobody wait any more."""
        self._is_draining = True
        for poll in self._polls:
            poll.give_up()
        for stream in self._streams:
            stream.drain()

    async def _admit(self, caller: Caller, hello: Hello) -> Admitted:
        namespace = checks.namespace(hello.namespace)
        workers.check_hello(hello)
        lease_ms = workers.lease_ms(hello.lease_ms, self._settings)
        home = self._partitions.of_namespace(caller.tenant, namespace)
        signer = await self._secret.signer()
        epoch = partitions.leading(home)
        queues = queue_names(caller.tenant, namespace, hello.resources)
        return Admitted(home, epoch, signer, queues, hello.worker, lease_ms)

    def _as_fits(self, worker: Admitted, deliveries: list[Delivery]) -> list[HandedOut]:
        """Return what one answer holds; the rest is offered again."""
        count = workers.fitting(deliveries, self._answer_bytes)
        for delivery in deliveries[count:]:
            worker.epoch.dispatcher.hand_back(delivery.task_id, delivery.delivery)
        return [workers.handed_out(delivery, worker) for delivery in deliveries[:count]]

    # Ending

    async def report(self, caller: Caller, report: Report) -> None:
        """Take a completion, a failure or a task that is handed back.

        Errors: TASK_TOKEN_INVALID, TASK_TOKEN_STALE, TASK_NOT_FOUND, INVALID_ARGUMENT and those of
        documents.
        """
        await self._submit(caller, report)

    async def heartbeat(self, caller: Caller, token: bytes) -> HeartbeatAnswer:
        """Renew a delivery, or tell that its task is over.

        Errors: TASK_TOKEN_INVALID, TASK_TOKEN_STALE.
        """
        try:
            reply = await self._submit(caller, Report(token, HEARTBEAT))
        except Rejection as rejection:
            if rejection.reason is not Reason.TASK_NOT_FOUND:
                raise
            return HeartbeatAnswer(is_canceled=True)
        assert isinstance(reply, Renewed), "HeartbeatTask answers with a deadline"
        return HeartbeatAnswer(is_canceled=False, lease_deadline_ms=reply.lease_deadline_ms)

    async def _submit(self, caller: Caller, report: Report) -> Reply:
        reader = ReportReader(caller, await self._secret.signer(), self._limits)
        command = reader.command(report)
        return await partitions.submit(self._partitions.of_task(command.task_id), command)
