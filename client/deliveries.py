"""The tasks that a worker has: runs handlers, keeps leases, hears what the server says."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from stepraft.client import messages
from stepraft.client.backoff import Backoff
from stepraft.client.documents import loads
from stepraft.client.handlers import DATA_LIMIT_EXCEEDED, INVALID_OUTPUT, Failed, Handler
from stepraft.client.outbox import Outbox
from stepraft.client.task_context import TaskContext
from stepraft.client.threads import Threads
from stepraft.v1 import tasks_pb2

log = logging.getLogger("stepraft.worker")

HEARTBEAT_INTERVAL_MIN_S: Final = 0.05
_REFUSED_OUTPUTS: Final = {
    "PAYLOAD_TOO_LARGE": DATA_LIMIT_EXCEEDED,
    "INVALID_INPUT": INVALID_OUTPUT,
    "INVALID_ARGUMENT": INVALID_OUTPUT,
    "DUPLICATE_KEY": INVALID_OUTPUT,
    "NESTING_TOO_DEEP": INVALID_OUTPUT,
}
"""The reasons that speak of the output itself, and the error that its task then fails with."""


class _Delivery:
    """One delivery whose handler runs. `is_over`: nothing that it still gives is reported."""

    def __init__(self, task: tasks_pb2.Task, handler: Handler, context: TaskContext) -> None:
        self.task = task
        self.handler = handler
        self.context = context
        self.is_over = False
        self.heartbeat_id = 0
        self.heartbeat_interval_s = heartbeat_interval_s(task)
        self.running: asyncio.Task[None] | None = None
        self.timer: asyncio.TimerHandle | None = None

    def stop(self) -> None:
        """Let the handler end: an async one is canceled, a plain one sees it in its context."""
        self.is_over = True
        self.context.cancel()
        if self.timer is not None:
            self.timer.cancel()
        if self.handler.is_async and self.running is not None:
            self.running.cancel()


def heartbeat_interval_s(task: tasks_pb2.Task) -> float | None:
    """Return a third of the lease, or of the state's HeartbeatSeconds if that is less.

    The lease is the difference of two times of the leader's clock; None: there is nothing to keep.
    """
    limits_s = []
    if task.HasField("lease_deadline"):
        lease = messages.moment(task.lease_deadline) - messages.moment(task.started_at)
        limits_s.append(lease.total_seconds())
    if task.HasField("heartbeat"):
        limits_s.append(messages.seconds(task.heartbeat))
    return max(HEARTBEAT_INTERVAL_MIN_S, min(limits_s) / 3) if limits_s else None


class Deliveries:
    """Runs up to `concurrency` handlers at once and puts what comes of them into the outbox."""

    def __init__(self, handlers: Mapping[str, Handler], concurrency: int, outbox: Outbox) -> None:
        self._handlers = handlers
        self._concurrency = concurrency
        self._outbox = outbox
        self._threads = Threads()
        self._running: dict[bytes, _Delivery] = {}
        self._takes_tasks = True
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def free(self) -> int:
        """How many tasks more can run."""
        return max(0, self._concurrency - len(self._running))

    def hear(self, message: tasks_pb2.ServerMessage) -> None:
        """Do what a message of the server asks for."""
        for task in message.tasks:
            self._start(task)
        for task_id in message.canceled_task_ids:
            self._cancel(task_id)
        for ack in message.acks:
            self._acknowledge(ack)

    async def finish(self) -> None:
        """Take no more tasks, and wait until the handlers have ended."""
        self._takes_tasks = False
        await self._idle.wait()

    def hand_back(self) -> None:
        """Hand all tasks back that still run, and stop their handlers."""
        for token, delivery in list(self._running.items()):
            log.warning("%s did not end in time and is handed back", _named(delivery.task))
            self._outbox.hand_back(token)
            delivery.stop()

    def close(self) -> None:
        """Stop what still runs without a word to the server, and end the threads."""
        for delivery in list(self._running.values()):
            delivery.stop()
        self._threads.close()

    def _start(self, task: tasks_pb2.Task) -> None:
        handler = self._handlers.get(task.resource)
        if handler is None:
            log.error("%s was not asked for and is handed back", _named(task))
        if handler is None or not self._takes_tasks:
            self._outbox.hand_back(task.token)
            self._outbox.grant(1)
            return
        loop = asyncio.get_running_loop()

        def beat() -> None:
            loop.call_soon_threadsafe(self._beat, task.token)

        context = TaskContext(task, beat)
        delivery = _Delivery(task, handler, context)
        self._running[task.token] = delivery
        self._idle.clear()
        self._schedule_heartbeat(delivery)
        delivery.running = loop.create_task(self._run(delivery), name=_named(task))

    async def _run(self, delivery: _Delivery) -> None:
        task = delivery.task
        try:
            outcome = await delivery.handler.run(loads(task.input), delivery.context, self._threads)
            if not delivery.is_over:
                self._outbox.report(task.token, outcome)
        except asyncio.CancelledError:
            log.info("%s was stopped", _named(task))
        finally:
            if delivery.timer is not None:
                delivery.timer.cancel()
            del self._running[task.token]
            self._outbox.grant(1)
            if not self._running:
                self._idle.set()

    def _schedule_heartbeat(self, delivery: _Delivery) -> None:
        if delivery.heartbeat_interval_s is not None:
            delivery.timer = asyncio.get_running_loop().call_later(
                delivery.heartbeat_interval_s, self._beat_on, delivery
            )

    def _beat_on(self, delivery: _Delivery) -> None:
        self._beat(delivery.task.token)
        self._schedule_heartbeat(delivery)

    def _beat(self, token: bytes) -> None:
        """Send a heartbeat, unless the one before has not even left yet."""
        delivery = self._running.get(token)
        if delivery is None or delivery.is_over or self._outbox.is_unsent(delivery.heartbeat_id):
            return
        delivery.heartbeat_id = self._outbox.heartbeat(token)

    def _cancel(self, task_id: str) -> None:
        for delivery in list(self._running.values()):
            if delivery.task.task_id == task_id:
                log.info("%s is not wanted any more", _named(delivery.task))
                delivery.stop()

    def _acknowledge(self, ack: tasks_pb2.Ack) -> None:
        report = self._outbox.find(ack.request_id)
        if report is None:
            return
        kind = report.WhichOneof("outcome")
        if ack.HasField("retry_after") and kind != "heartbeat":
            delay_s = Backoff().next_s(messages.seconds(ack.retry_after))
            asyncio.get_running_loop().call_later(delay_s, self._outbox.resend, ack.request_id)
            return
        self._outbox.settle(ack.request_id)
        if kind == "heartbeat":
            self._heard_heartbeat(report.token, ack)
        elif kind == "complete" and ack.reason in _REFUSED_OUTPUTS:
            failure = Failed(_REFUSED_OUTPUTS[ack.reason], f"{ack.reason}: {ack.message}")
            self._outbox.report(report.token, failure)
        elif ack.reason:
            log.warning("a report (%s) was refused: %s: %s", kind, ack.reason, ack.message)

    def _heard_heartbeat(self, token: bytes, ack: tasks_pb2.Ack) -> None:
        delivery = self._running.get(token)
        is_lost = bool(ack.reason) and not ack.HasField("retry_after")
        if delivery is None or not (ack.canceled or is_lost):
            return
        why = f"its lease is gone: {ack.reason}" if is_lost else "it is not wanted any more"
        log.info("%s is stopped, %s", _named(delivery.task), why)
        delivery.stop()


def _named(task: tasks_pb2.Task) -> str:
    return f"{task.resource} {task.task_id}"
