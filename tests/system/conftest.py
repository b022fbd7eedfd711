"""What the system tests share: three real processes, and a load whose every answer is checked."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from stepraft.testing.cluster import LocalCluster
from stepraft.v1 import executions_pb2 as executions
from stepraft.v1 import executions_pb2_grpc, tasks_pb2_grpc, workflows_pb2_grpc
from stepraft.v1 import tasks_pb2 as tasks
from stepraft.v1 import workflows_pb2 as workflows

LOAD_TIMEOUT_S = 60.0
CALL_TIMEOUT_S = 10.0
PAUSE_S = 0.05
STARTS_AT_ONCE = 4

DEFINITION: dict[str, object] = {
    "StartAt": "Both",
    "States": {
        "Both": {
            "Type": "Parallel",
            "Branches": [
                {
                    "StartAt": "Left",
                    "States": {"Left": {"Type": "Task", "Resource": "work", "End": True}},
                },
                {
                    "StartAt": "Right",
                    "States": {"Right": {"Type": "Task", "Resource": "work", "End": True}},
                },
            ],
            "Next": "After",
        },
        "After": {"Type": "Task", "Resource": "work", "End": True},
    },
}
TASKS_OF_ONE = 3

_ANOTHER_COUNTS = (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION)

Answer = TypeVar("Answer")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[LocalCluster]:
    """Three nodes, not started; what runs at the end is stopped, and a failure shows their logs."""
    made = LocalCluster(tmp_path / "cluster")
    try:
        yield made
    finally:
        made.stop()
        print(made.log_tails())


@dataclass(frozen=True)
class Ended:
    """An execution that was started with its number as input, and what happened in it."""

    number: int
    execution: executions.Execution
    events: list[executions.HistoryEvent]


class Load:
    """Starts executions and works on their tasks, asking again until each call is answered.

    It keeps no node in mind: a call that fails goes to the next one. `noticed` is set when
    `notice_after` starts were answered.
    """

    def __init__(
        self, cluster: LocalCluster, notice_after: int = 0, timeout_s: float = LOAD_TIMEOUT_S
    ) -> None:
        self._timeout_s = timeout_s
        self.noticed = asyncio.Event()
        self._to_notice = notice_after
        self._addresses = cluster.addresses
        self._channels: list[grpc.aio.Channel] = []
        self._is_over = False

    async def run(self, count: int) -> list[Ended]:
        """Start `count` executions, serve them, and return how they ended."""
        free = asyncio.Semaphore(STARTS_AT_ONCE)
        async with self._served():
            return await asyncio.gather(*(self._one(number, free) for number in range(count)))

    async def run_until(self, over: asyncio.Event) -> list[Ended]:
        """Start executions, a few at a time, until `over` is set; return how they ended."""
        numbers = itertools.count()
        async with self._served():
            rows = await asyncio.gather(*(self._row(numbers, over) for _ in range(STARTS_AT_ONCE)))
        return sorted(itertools.chain(*rows), key=lambda ended: ended.number)

    async def run_one(self, definition: dict[str, object], input_text: str) -> Ended:
        """Start one execution of a workflow that needs no worker, and return how it ended."""
        async with self._connected():
            await self._put("one", definition)
            execution_id = await self._start("one", 0, input_text)
            execution = await self._end_of(execution_id)
            return Ended(0, execution, await self._history_of(execution_id))

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[None]:
        self._channels = [grpc.aio.insecure_channel(address) for address in self._addresses]
        try:
            async with asyncio.timeout(self._timeout_s):
                yield
        finally:
            for channel in self._channels:
                await channel.close()

    @asynccontextmanager
    async def _served(self) -> AsyncIterator[None]:
        async with self._connected():
            await self._put("load", DEFINITION)
            workers = [asyncio.create_task(self._work(f"w{number}")) for number in range(2)]
            yield
            self._is_over = True
            await asyncio.gather(*workers)

    async def _row(self, numbers: Iterator[int], over: asyncio.Event) -> list[Ended]:
        free = asyncio.Semaphore()
        ended = []
        while not over.is_set():
            ended.append(await self._one(next(numbers), free))
        return ended

    async def _one(self, number: int, free: asyncio.Semaphore) -> Ended:
        async with free:
            execution_id = await self._start("load", number, json.dumps(number))
        self._to_notice -= 1
        if self._to_notice == 0:
            self.noticed.set()
        execution = await self._end_of(execution_id)
        return Ended(number, execution, await self._history_of(execution_id))

    async def _put(self, name: str, definition: dict[str, object]) -> None:
        request = workflows.PutWorkflowRequest(name=name, definition=json.dumps(definition))
        await self._answer(
            lambda channel: workflows_pb2_grpc.WorkflowServiceStub(channel).PutWorkflow(
                request, timeout=CALL_TIMEOUT_S
            )
        )

    async def _start(self, workflow: str, number: int, input_text: str) -> str:
        request = executions.StartExecutionRequest(
            workflow=workflow, idempotency_key=f"start {number}", input=input_text
        )
        reply = await self._answer(
            lambda channel: executions_pb2_grpc.ExecutionServiceStub(channel).StartExecution(
                request, timeout=CALL_TIMEOUT_S
            )
        )
        return reply.execution_id

    async def _history_of(self, execution_id: str) -> list[executions.HistoryEvent]:
        request = executions.GetHistoryRequest(execution_id=execution_id)
        reply = await self._answer(
            lambda channel: executions_pb2_grpc.ExecutionServiceStub(channel).GetHistory(
                request, timeout=CALL_TIMEOUT_S
            )
        )
        return list(reply.events)

    async def _end_of(self, execution_id: str) -> executions.Execution:
        request = executions.WaitExecutionRequest(
            execution_id=execution_id, timeout=Duration(seconds=2)
        )
        while True:
            reply = await self._answer(
                lambda channel: executions_pb2_grpc.ExecutionServiceStub(channel).WaitExecution(
                    request, timeout=CALL_TIMEOUT_S
                )
            )
            if reply.ended:
                return reply.execution

    async def _work(self, worker: str) -> None:
        request = tasks.PollTasksRequest(
            resources=["work"],
            worker_id=worker,
            max_tasks=10,
            wait=Duration(nanos=200_000_000),
            lease=Duration(seconds=2),
        )
        while not self._is_over:
            polled = await self._answer(
                lambda channel: tasks_pb2_grpc.TaskServiceStub(channel).PollTasks(
                    request, timeout=CALL_TIMEOUT_S
                )
            )
            await asyncio.gather(*map(self._complete, polled.tasks))

    async def _complete(self, task: tasks.Task) -> None:
        request = tasks.CompleteTaskRequest(token=task.token, output=task.input)
        try:
            await self._answer(
                lambda channel: tasks_pb2_grpc.TaskServiceStub(channel).CompleteTask(
                    request, timeout=CALL_TIMEOUT_S
                )
            )
        except grpc.aio.AioRpcError as error:
            # An answer that got lost, or a lease that ran out: another completion counts.
            if error.code() not in _ANOTHER_COUNTS:
                raise

    async def _answer(self, call: Callable[[grpc.aio.Channel], Awaitable[Answer]]) -> Answer:
        """Ask one node after the other until one answers; a refusal that is final is raised."""
        attempt = 0
        while True:
            channel = self._channels[attempt % len(self._channels)]
            attempt += 1
            try:
                return await call(channel)
            except grpc.aio.AioRpcError as error:
                if error.code() not in (
                    grpc.StatusCode.UNAVAILABLE,
                    grpc.StatusCode.DEADLINE_EXCEEDED,
                    grpc.StatusCode.CANCELLED,
                ):
                    raise
            await asyncio.sleep(PAUSE_S)


def run_while(load: Load, action: Callable[[], object]) -> list[Ended]:
    """Run a load for as long as `action` takes, and return how its executions ended."""

    async def both() -> list[Ended]:
        over = asyncio.Event()
        running = asyncio.create_task(load.run_until(over))
        try:
            await asyncio.to_thread(action)
        finally:
            over.set()
        return await running

    return asyncio.run(both())


def assert_done_once(ended: list[Ended], count: int) -> None:
    """Every acknowledged start ended well, with its own output, each of its tasks done once."""
    assert [each.number for each in ended] == list(range(count))
    for each in ended:
        assert each.execution.status == executions.EXECUTION_STATUS_SUCCEEDED, each.execution
        assert json.loads(each.execution.output) == [each.number, each.number]
        types = [event.type for event in each.events]
        assert [event.sequence for event in each.events] == list(range(1, len(types) + 1))
        assert (types.count("ExecutionStarted"), types.count("ExecutionCompleted")) == (1, 1)
        assert types[-1] == "ExecutionCompleted"
        done = [event.task_id for event in each.events if event.type == "TaskCompleted"]
        assert len(done) == len(set(done)) == TASKS_OF_ONE


def wait_until_equal(cluster: LocalCluster, timeout_s: float = 20.0) -> None:
    """Wait until all nodes have applied the same entries, and compare what they hold."""

    async def settled() -> dict[str, tuple[int, int]]:
        async with asyncio.timeout(timeout_s):
            while True:
                status = await asyncio.to_thread(cluster.status, cluster.wait_for_leader())
                held = {node.node_id: (node.applied_index, node.checksum) for node in status.nodes}
                if len({index for index, _ in held.values()}) == 1:
                    return held
                await asyncio.sleep(PAUSE_S)

    held = asyncio.run(settled())
    assert len(set(held.values())) == 1, held
