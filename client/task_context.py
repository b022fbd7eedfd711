"""What a handler may know of its task, besides the input."""

import threading
from collections.abc import Callable

from stepraft.client.documents import Json, loads
from stepraft.v1 import tasks_pb2


class TaskContext:
    """One delivery of a task, as its handler sees it.

    `attempt` counts the deliveries of this task from 1: when it is more, another worker may have
    done some or all of the work. `task_id` is the same for all of them, so it makes a good
    idempotency key for what the handler calls. `retry_count` counts how often the Retry of the
    state struck before; each retry is a task of its own. `credentials` are those of the state, None
    if it has none.
    """

    def __init__(self, task: tasks_pb2.Task, send_heartbeat: Callable[[], None]) -> None:
        self.task_id = task.task_id
        self.resource = task.resource
        self.execution_id = task.execution_id
        self.workflow = task.workflow
        self.state_name = task.state_name
        self.attempt = task.attempt
        self.retry_count = task.retry_count
        self.credentials: Json = loads(task.credentials) if task.credentials else None
        self._send_heartbeat = send_heartbeat
        self._canceled = threading.Event()

    @property
    def canceled(self) -> bool:
        """Whether nobody waits for the result any more: its execution or state ended, or its lease.

        An async handler need not ask: CancelledError is raised in it.
        """
        return self._canceled.is_set()

    def wait_canceled(self, timeout_s: float | None = None) -> bool:
        """Wait up to `timeout_s` for the cancelation, and return whether it came.

        For plain functions: instead of a sleep, it ends early when there is nothing left to do.
        """
        return self._canceled.wait(timeout_s)

    def heartbeat(self) -> None:
        """Renew the lease now. The worker does so by itself in time; this is for exact needs."""
        self._send_heartbeat()

    def cancel(self) -> None:
        """Tell the handler that nobody waits for the result; called by the worker."""
        self._canceled.set()
