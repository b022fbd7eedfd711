"""What a client asks about tasks: the plain calls beneath `Worker`, for workers of another kind."""

from collections.abc import Sequence

from stepraft.client import messages
from stepraft.client.calls import Effect
from stepraft.client.documents import Json, dumps
from stepraft.client.methods import Methods
from stepraft.client.types import HeartbeatResult, Task
from stepraft.v1 import tasks_pb2


class TaskMethods(Methods):
    """Takes tasks and reports what became of them.

    A report is tried again until it is answered, so a ConflictError with TASK_ALREADY_COMPLETED may
    speak of an earlier try of the same call: either way, the task needs nothing more.
    """

    async def poll_tasks(
        self,
        resources: Sequence[str],
        *,
        worker_id: str,
        max_tasks: int = 1,
        wait_s: float = 20.0,
        lease_s: float | None = None,
    ) -> tuple[Task, ...]:
        """Return up to `max_tasks` tasks as soon as there is one, or none after `wait_s`.

        Nobody else gets a task until its lease is over; None means the server's choice.
        """
        response = await self._calls.unary(
            lambda node: node.tasks.PollTasks,
            tasks_pb2.PollTasksRequest(
                namespace=self._namespace,
                resources=resources,
                max_tasks=max_tasks,
                wait=messages.duration(wait_s),
                worker_id=worker_id,
                lease=None if lease_s is None else messages.duration(lease_s),
            ),
            Effect.NEW_WRITE,
            server_waits_s=wait_s,
        )
        return tuple(map(messages.task, response.tasks))

    async def complete_task(self, token: bytes, output: Json) -> None:
        """End a task with a result.

        Errors: ConflictError when the delivery is over, NotFoundError when the task is.
        """
        await self._calls.unary(
            lambda node: node.tasks.CompleteTask,
            tasks_pb2.CompleteTaskRequest(token=token, output=dumps(output, "output")),
            Effect.SAME_WRITE,
        )

    async def fail_task(self, token: bytes, error: str, cause: str = "") -> None:
        """End a task with an error, which the Retry and Catch of its state may answer.

        Errors: ConflictError when the delivery is over, NotFoundError when the task is.
        """
        await self._calls.unary(
            lambda node: node.tasks.FailTask,
            tasks_pb2.FailTaskRequest(token=token, error=error, cause=cause),
            Effect.SAME_WRITE,
        )

    async def heartbeat_task(self, token: bytes) -> HeartbeatResult:
        """Renew a lease, and learn whether the task is still wanted.

        Errors: ConflictError when the delivery is over, NotFoundError when the task is.
        """
        response = await self._calls.unary(
            lambda node: node.tasks.HeartbeatTask,
            tasks_pb2.HeartbeatTaskRequest(token=token),
            Effect.SAME_WRITE,
        )
        return HeartbeatResult(response.canceled, messages.moment(response.lease_deadline))

    async def hand_back_task(self, token: bytes) -> None:
        """End a delivery without a result: the task is offered to others at once.

        Errors: ConflictError when the delivery is over, NotFoundError when the task is.
        """
        await self._calls.unary(
            lambda node: node.tasks.HandBackTask,
            tasks_pb2.HandBackTaskRequest(token=token),
            Effect.SAME_WRITE,
        )
