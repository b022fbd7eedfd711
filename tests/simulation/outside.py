"""The outside world: clients that repeat themselves, workers that are slow, forgetful or dead."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from random import Random
from typing import Any, Protocol

from msgspec import Struct, field

from stepraft.interpreter import documents
from stepraft.interpreter.commands import (
    CancelExecution,
    Command,
    CompleteTask,
    FailTask,
    HandBackTask,
    HeartbeatTask,
    PutWorkflow,
    StartExecution,
)
from stepraft.interpreter.decision import Delivery, Reply, StartedExecution
from stepraft.interpreter.documents import Json
from stepraft.interpreter.errors import Reason, Rejection
from stepraft.interpreter.events import Event, TaskCompleted, TaskFailed
from stepraft.server.engine.dispatcher import Session
from stepraft.storage import queries
from stepraft.storage.kv import Readable
from stepraft.testing import VirtualLoop
from tests.simulation.oracle import Oracle, require
from tests.simulation.reference import Answer
from tests.simulation.workflows import RESOURCES, SILENT

TENANT, NAMESPACE = "t", "n"
TRY_AGAIN = frozenset({Reason.NO_LEADER, Reason.OUTCOME_UNKNOWN})
TOO_LATE = frozenset({Reason.TASK_NOT_FOUND, Reason.TASK_TOKEN_STALE})


class Server(Protocol):
    """A node, as those outside see it. What it answers after its end nobody hears."""

    async def submit(self, command: Command) -> Reply:
        """Ask for a command.

        Errors: Rejection, also when the node dies or is dead.
        """

    async def barrier(self) -> Readable:
        """Return what can be read, up to date.

        Errors: Rejection, also when the node dies or is dead.
        """

    def open(
        self, resources: list[str], worker: str, lease_ms: int, deliver: Callable[[Delivery], None]
    ) -> Session:
        """Let a worker wait for one task.

        Errors: Rejection.
        """

    def close(self, session: Session) -> None:
        """A worker waits no longer."""


class Started(Struct):
    """An execution that a client was told of."""

    workflow: str
    input: Json
    is_canceled: bool = False


class Outside(Struct):
    """Everybody who asks something of the cluster. `is_calm`: nobody misbehaves any more.

    `duplicates`: how likely a request reaches the cluster twice, from 0 to 1. `arrival_s`: within
    which time the clients come. `acknowledged`: how many commands were answered.
    """

    loop: VirtualLoop
    chance: Random
    seed: int
    oracle: Oracle
    pick: Callable[[], Server]
    duplicates: float = 0.0
    arrival_s: float = 5.0
    acknowledged: int = 0
    is_calm: bool = False
    is_over: bool = False
    open_puts: int = 0
    open_clients: int = 0
    resources: dict[str, str] = field(default_factory=dict)
    started: dict[str, Started] = field(default_factory=dict)

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Let somebody act; what breaks there breaks the run."""
        self.loop.create_task(coroutine).add_done_callback(lambda task: task.result())

    def plan(self, state_name: str, data: Json, retry_count: int) -> Answer | None:
        """What workers make of a task, always the same."""
        if self.resources.get(state_name) == SILENT:
            return None
        text = documents.canonical(data).decode()
        chance = Random(f"{self.seed} {state_name} {text} {retry_count}")
        if chance.random() < 0.85:
            return Answer(output={"o": chance.randint(0, 99)})
        return Answer(error=chance.choice(["E1", "E2"]), cause=f"of {state_name}")

    async def ask(self, command: Command) -> Reply:
        """Ask again until the answer is known.

        Errors: Rejection that is no matter of leaders.
        """
        while True:
            try:
                reply = await self._send(command)
            except Rejection as rejection:
                if rejection.reason not in TRY_AGAIN:
                    raise
            else:
                self.acknowledged += 1
                return reply
            await asyncio.sleep(self.chance.uniform(0.02, 0.4))

    async def _send(self, command: Command) -> Reply:
        """Ask a node. Errors: Rejection."""
        if self.duplicates and self.chance.random() < self.duplicates:
            self.spawn(self._send_later(command))
        return await self.pick().submit(command)

    async def _send_later(self, command: Command) -> None:
        """The network delivers a request once more."""
        await asyncio.sleep(self.chance.choice([0.0, 0.1, 2.0]))
        with suppress(Rejection):
            await self.pick().submit(command)

    # Clients

    async def put(self, name: str, definition: str) -> None:
        """Put a workflow."""
        self.open_puts += 1
        await self.ask(
            PutWorkflow(
                tenant=TENANT, namespace=NAMESPACE, name=name, definition=definition, description=""
            )
        )
        self.open_puts -= 1

    async def client(self, workflow: str, data: Json, key: str) -> None:
        """Start an execution by a key, repeat it, perhaps cancel it."""
        self.open_clients += 1
        await asyncio.sleep(self.chance.uniform(0, self.arrival_s))
        execution = await self._start(workflow, data, key)
        self.started[execution] = Started(workflow, data)
        if self.chance.random() < 0.3:
            await asyncio.sleep(self.chance.uniform(0, 10))
            require(
                await self._start(workflow, data, key) == execution, "a key gives another execution"
            )
            await self._start_otherwise(workflow, key)
        if self.chance.random() < 0.2:
            await asyncio.sleep(self.chance.uniform(0, 20))
            await self._cancel(execution)
        self.open_clients -= 1

    async def _start(self, workflow: str, data: Json, key: str) -> str:
        reply = await self.ask(_start_command(workflow, data, key))
        assert isinstance(reply, StartedExecution), "a start answers so"
        self.oracle.acknowledged_start(reply.execution_id, key)
        return reply.execution_id

    async def _start_otherwise(self, workflow: str, key: str) -> None:
        try:
            await self.ask(_start_command(workflow, "another input", key))
        except Rejection as rejection:
            require(rejection.reason is Reason.IDEMPOTENCY_CONFLICT, f"refused as {rejection}")
        else:
            require(False, "one key starts two requests")

    async def _cancel(self, execution: str) -> None:
        self.started[execution].is_canceled = True
        try:
            await self.ask(CancelExecution(execution_id=execution, error="Stop", cause="asked"))
        except Rejection as rejection:
            require(rejection.reason is Reason.EXECUTION_ENDED, f"refused as {rejection}")

    async def reader(self) -> None:
        """Read what was acknowledged: it is there, whoever leads."""
        while not self.is_over:
            await asyncio.sleep(self.chance.uniform(0.1, 1))
            known = list(self.started)
            if not known:
                continue
            try:
                rows = await self.pick().barrier()
            except Rejection:
                continue
            execution = self.chance.choice(known)
            require(
                queries.execution(rows, execution) is not None,
                f"{execution} was acknowledged and cannot be read",
            )

    # Workers

    async def worker(self, name: str) -> None:
        """Poll for tasks, and work on several of them at once."""
        while not self.is_over:
            delivery = await self._poll(name)
            if delivery is not None:
                self.spawn(self._work(delivery))

    async def _poll(self, name: str) -> Delivery | None:
        replica = self.pick()
        box: asyncio.Future[Delivery] = self.loop.create_future()

        def deliver(delivery: Delivery) -> None:
            self.oracle.handed_out(delivery.task_id, delivery.delivery)
            box.set_result(delivery)

        lease_ms = 60_000 if self.is_calm else self.chance.randint(1000, 8000)
        resources = self.chance.choice([RESOURCES, RESOURCES[:1], RESOURCES[1:]])
        try:
            session = replica.open(resources, name, lease_ms, deliver)
        except Rejection:
            await asyncio.sleep(self.chance.uniform(0.05, 0.5))
            return None
        await asyncio.wait([box], timeout=self.chance.uniform(0.2, 3))
        replica.close(session)
        return box.result() if box.done() else None

    async def _work(self, delivery: Delivery) -> None:
        answer = self.plan(
            delivery.state_name, documents.loads(delivery.input), delivery.retry_count
        )
        assert answer is not None, "nobody polls for the silent resource"
        mood = 1.0 if self.is_calm else self.chance.random()
        if mood < 0.08:
            return
        if mood < 0.13:
            await self._hand_back(delivery)
            return
        await self._do(delivery, 10.0 if mood < 0.25 else 0.5)
        if mood < 0.35 and delivery.delivery > 1:
            await self._report(delivery, delivery.delivery - 1, answer)
        await self._report(delivery, delivery.delivery, answer)
        if mood < 0.5:
            await self._report_again(delivery, answer)

    async def _do(self, delivery: Delivery, longest_s: float) -> None:
        """Take some time over a task, with heartbeats."""
        end_s = self.loop.time() + self.chance.uniform(0, longest_s)
        while self.loop.time() < end_s:
            await asyncio.sleep(min(0.5, end_s - self.loop.time()))
            if delivery.heartbeat_s:
                beat = HeartbeatTask(
                    task_id=delivery.task_id, delivery=delivery.delivery, lease_ms=5000
                )
                try:
                    await self.ask(beat)
                except Rejection:
                    return

    async def _hand_back(self, delivery: Delivery) -> None:
        try:
            await self.ask(HandBackTask(task_id=delivery.task_id, delivery=delivery.delivery))
        except Rejection as rejection:
            require(rejection.reason in TOO_LATE, f"refused as {rejection}")

    async def _report(self, delivery: Delivery, number: int, answer: Answer) -> None:
        try:
            await self.ask(_report_command(delivery, number, answer))
        except Rejection as rejection:
            require(rejection.reason in TOO_LATE, f"refused as {rejection}")
            return
        kind: type[Event] = TaskCompleted if answer.error is None else TaskFailed
        self.oracle.acknowledged_report(delivery.task_id, number, kind)

    async def _report_again(self, delivery: Delivery, answer: Answer) -> None:
        try:
            await self.ask(_report_command(delivery, delivery.delivery, answer))
        except Rejection as rejection:
            require(rejection.reason in TOO_LATE, f"refused as {rejection}")
        else:
            require(False, "a second report counts")


def _start_command(workflow: str, data: Json, key: str) -> StartExecution:
    return StartExecution(
        tenant=TENANT,
        namespace=NAMESPACE,
        workflow=workflow,
        version=0,
        name="",
        idempotency_key=key,
        input=documents.dumps(data),
    )


def _report_command(delivery: Delivery, number: int, answer: Answer) -> Command:
    if answer.error is None:
        output = documents.dumps(answer.output)
        return CompleteTask(task_id=delivery.task_id, delivery=number, output=output)
    return FailTask(
        task_id=delivery.task_id, delivery=number, error=answer.error, cause=answer.cause
    )
