"""Brings ready tasks to waiting workers.

A session is a worker that waits: a poll, or a stream with credits. A task is handed out by a
command of its own, in the entry that offers it when a worker already waits, and is delivered once
that is durable. What cannot be delivered any more is handed back at once.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from stepraft.interpreter.commands import ActivateTask, HandBackTask
from stepraft.interpreter.contexts import TaskContext
from stepraft.interpreter.decision import Delivery
from stepraft.interpreter.errors import Reason, Rejection
from stepraft.interpreter.ids import tenant_and_namespace
from stepraft.server.engine.processor import Processor, ReplyFuture
from stepraft.server.engine.working_state import QueueName

_log = logging.getLogger(__name__)
_READY_MAX: Final = 10_000
_EPOCH_ENDED: Final = frozenset({Reason.NO_LEADER, Reason.OUTCOME_UNKNOWN})


class Session:
    """A worker that waits for tasks of some resources.

    `deliver`, `revoke` and `settled` must not block or raise; `settled` is called when the last of
    the hand-outs that were `on_their_way` has come or failed.
    """

    __slots__ = (
        "credits",
        "deliver",
        "is_open",
        "lease_ms",
        "on_their_way",
        "queues",
        "revoke",
        "settled",
        "worker",
    )

    def __init__(
        self,
        queues: tuple[QueueName, ...],
        worker: str,
        lease_ms: int,
        credit: int,
        deliver: Callable[[Delivery], None],
        revoke: Callable[[str], None],
        settled: Callable[[], None] = lambda: None,
    ) -> None:
        self.queues = queues
        self.worker = worker
        self.lease_ms = lease_ms
        self.credits = credit
        self.deliver = deliver
        self.revoke = revoke
        self.settled = settled
        self.on_their_way = 0
        self.is_open = True


class _Queue:
    """The ready tasks of one resource, the oldest first, and who waits for them.

    `is_partial`: there are ready tasks that are not in `ready`, because it was full.
    """

    __slots__ = ("is_partial", "name", "ready", "sessions")

    def __init__(self, name: QueueName) -> None:
        self.name = name
        self.ready: deque[str] = deque()
        self.sessions: deque[Session] = deque()
        self.is_partial = True


class Dispatcher:
    """The queues of one epoch. A queue is kept while someone waits at it or it holds tasks."""

    def __init__(self, processor: Processor) -> None:
        self._processor = processor
        self._queues: dict[QueueName, _Queue] = {}
        self._by_worker: dict[str, list[Session]] = {}

    # Workers

    def open(self, session: Session) -> None:
        """Let a worker wait. Tasks that are ready are handed out at once."""
        self._by_worker.setdefault(session.worker, []).append(session)
        for name in session.queues:
            self._queue(name).sessions.append(session)
        self._serve(session)

    def add_credits(self, session: Session, count: int) -> None:
        """Let a worker have `count` more tasks."""
        session.credits += count
        self._serve(session)

    def close(self, session: Session) -> None:
        """A worker waits no longer; what is on its way to it is handed back."""
        if not session.is_open:
            return
        session.is_open = False
        for name in session.queues:
            queue = self._queues[name]
            queue.sessions.remove(session)
            self._drop_if_empty(name, queue)
        sessions = self._by_worker[session.worker]
        sessions.remove(session)
        if not sessions:
            del self._by_worker[session.worker]

    def sessions(self) -> list[Session]:
        """Return all open sessions."""
        return [session for sessions in self._by_worker.values() for session in sessions]

    # Tasks

    def offer(self, task: TaskContext) -> None:
        """A task is ready."""
        tenant, namespace = tenant_and_namespace(task.task_id)
        name = (tenant, namespace, task.resource)
        queue = self._queues.get(name)
        if queue is None or queue.is_partial:
            return
        if len(queue.ready) >= _READY_MAX:
            queue.is_partial = True
            return
        queue.ready.append(task.task_id)
        self._match(queue)

    def revoked(self, task: TaskContext) -> None:
        """A task was taken away from its worker."""
        for session in self._by_worker.get(task.worker, ()):
            session.revoke(task.task_id)

    def _queue(self, name: QueueName) -> _Queue:
        queue = self._queues.get(name)
        if queue is None:
            queue = self._queues[name] = _Queue(name)
        return queue

    def _drop_if_empty(self, name: QueueName, queue: _Queue) -> None:
        if not queue.sessions and not queue.ready:
            del self._queues[name]

    def _serve(self, session: Session) -> None:
        for name in session.queues:
            if session.credits <= 0:
                return
            self._match(self._queues[name])

    def _match(self, queue: _Queue) -> None:
        while (session := _next_session(queue.sessions)) is not None:
            if not queue.ready and queue.is_partial:
                self._refill(queue)
            if not queue.ready:
                return
            queue.sessions.rotate(-1)
            self._hand_out(queue.ready.popleft(), session)

    def _refill(self, queue: _Queue) -> None:
        queue.ready.extend(self._processor.state.ready_task_ids(queue.name, _READY_MAX))
        queue.is_partial = len(queue.ready) == _READY_MAX

    def _hand_out(self, task_id: str, session: Session) -> None:
        session.credits -= 1
        session.on_their_way += 1
        command = ActivateTask(task_id=task_id, worker=session.worker, lease_ms=session.lease_ms)
        future = self._processor.hand_out(command)
        future.add_done_callback(partial(self._handed_out, session))

    def _handed_out(self, session: Session, future: ReplyFuture) -> None:
        session.on_their_way -= 1
        self._arrived(session, future)
        if session.on_their_way == 0:
            session.settled()

    def _arrived(self, session: Session, future: ReplyFuture) -> None:
        error = future.exception()
        if error is not None:
            assert isinstance(error, Rejection), f"handing a task out failed with {error!r}"
            if session.is_open and error.reason not in _EPOCH_ENDED:
                self.add_credits(session, 1)
            return
        delivery = future.result()
        assert isinstance(delivery, Delivery), "ActivateTask answers with a delivery"
        if session.is_open:
            session.deliver(delivery)
        else:
            self.hand_back(delivery.task_id, delivery.delivery)

    def hand_back(self, task_id: str, delivery: int) -> None:
        """Offer a delivery again that its worker will not take."""
        future = self._processor.submit(HandBackTask(task_id=task_id, delivery=delivery))
        future.add_done_callback(_retrieve)


def _next_session(sessions: deque[Session]) -> Session | None:
    """Bring the next worker in turn that may have a task to the front, and return it."""
    for _ in range(len(sessions)):
        if sessions[0].credits > 0:
            return sessions[0]
        sessions.rotate(-1)
    return None


def _retrieve(future: ReplyFuture) -> None:
    error = future.exception()
    if error is not None:
        _log.info("a task could not be handed back: %s", error)


def queue_names(tenant: str, namespace: str, resources: Iterable[str]) -> tuple[QueueName, ...]:
    """Return the queues of some resources, each once."""
    return tuple((tenant, namespace, resource) for resource in dict.fromkeys(resources))
