"""The engine of one node in one process: workflows run as on a server, in virtual time."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from random import Random
from typing import Final

from msgspec import Struct

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
from stepraft.interpreter.contexts import ExecutionContext
from stepraft.interpreter.decision import Delivery, PutVersion, Renewed, Reply, StartedExecution
from stepraft.interpreter.documents import Json
from stepraft.interpreter.errors import Reason, Rejection
from stepraft.interpreter.language.parse import parse_definition
from stepraft.interpreter.lifecycle import ENDED
from stepraft.interpreter.limits import Limits
from stepraft.server.engine.dispatcher import Session, queue_names
from stepraft.server.engine.partition import Partition
from stepraft.server.engine.processor import Budget
from stepraft.server.faults import Faults
from stepraft.storage import queries
from stepraft.storage.kv import ReplaceableStore
from stepraft.storage.machine import Machine
from stepraft.storage.memory import MemoryStore
from stepraft.storage.rows import HistoryRow
from stepraft.testing.local_log import LocalLog
from stepraft.testing.virtual_time import VirtualClock, VirtualLoop

TENANT: Final = "default"
NAMESPACE: Final = "default"
_PAGE_SIZE: Final = 1000
_INPUT_FIELD: Final = "input"


class TaskFailure(Exception):
    """What a worker raises to fail its task: `error` is what Retry and Catch match."""

    def __init__(self, error: str, cause: str | None = None) -> None:
        super().__init__(error if cause is None else f"{error}: {cause}")
        self.error = error
        self.cause = cause


Worker = Callable[[Json], Json]
"""Gives a task's output for its input, or raises TaskFailure."""


class Task(Struct, frozen=True):
    """One delivery of a task. `attempt` counts its deliveries, `retry_count` the retries of its
    state; `credentials` are the state's, None if it has none.
    """

    task_id: str
    attempt: int
    resource: str
    input: Json
    execution_id: str
    state_name: str
    retry_count: int
    lease_deadline_ms: int
    credentials: Json = None


class Outcome(Struct, frozen=True):
    """Where an execution stands: `status` is "RUNNING", "SUCCEEDED", "FAILED", … `output` is None
    unless it succeeded; `error` and `cause` are what it ended by.
    """

    status: str
    output: Json = None
    error: str | None = None
    cause: str | None = None


class InProcessEngine:
    """Workflows of one namespace, run in memory. Each call returns when nothing is left to do
    without time passing.

    `loop` and `store` are its event loop and its rows; tests may look at them. `seed` stands for
    all chance: equal calls on engines of one seed give equal rows.
    """

    def __init__(
        self,
        *,
        store: ReplaceableStore | None = None,
        limits: Limits | None = None,
        budget: Budget | None = None,
        seed: int = 0,
    ) -> None:
        self.loop = VirtualLoop()
        self.clock = VirtualClock(self.loop)
        self.store = store if store is not None else MemoryStore()
        self._limits = limits or Limits()
        self._budget = budget or Budget()
        self._chance = Random(seed)  # noqa: S311 - what is to be repeatable must be no secret
        self.partition = self._lead()

    def _lead(self) -> Partition:
        partition = self.loop.run_until_complete(self._make_partition())
        self.loop.settle()
        return partition

    async def _make_partition(self) -> Partition:
        machine = Machine(self.store)
        partition = Partition(
            number=0,
            node_id="local",
            store=self.store,
            machine=machine,
            clock=self.clock,
            limits=self._limits,
            budget=self._budget,
            faults=Faults(),
            on_epoch_end=lambda: None,
            entropy=self._chance.randbytes,
        )
        partition.start(partial(LocalLog, machine))
        return partition

    def restart(self) -> None:
        """Lose all that is in memory and go on from the store, as when another node takes the
        lead.
        """
        self.loop.run_until_complete(self.partition.stop())
        self.partition = self._lead()

    # Time

    def run_until_idle(self) -> None:
        """Do all that needs no time to pass."""
        self.loop.settle()

    def advance(self, seconds: float) -> None:
        """Let time pass; each timer strikes when it is due."""
        self.loop.advance(seconds)

    def skip_wait(self) -> bool:
        """Let time pass until the next timer strikes; return False when there is none."""
        due_s = self.loop.next_due_s()
        if due_s is None:
            return False
        self.loop.advance(due_s - self.loop.time())
        return True

    # Commands

    def submit(self, command: Command) -> Reply:
        """Process any command, and return its reply.

        Errors: Rejection.
        """
        task = self.loop.create_task(self.partition.submit(command))
        self.loop.settle()
        return task.result()

    def put_workflow(self, name: str, definition: Json, description: str = "") -> int:
        """Make `definition`, a JSON value or its text, the newest version of a workflow; return the
        version.

        Errors: InvalidDefinition.
        """
        text = definition if isinstance(definition, str) else json.dumps(definition)
        parse_definition(text)
        command = PutWorkflow(
            tenant=TENANT,
            namespace=NAMESPACE,
            name=name,
            definition=text,
            description=description,
        )
        reply = self.submit(command)
        assert isinstance(reply, PutVersion), "PutWorkflow answers with a version"
        return reply.version

    def start(
        self,
        workflow: str,
        input: Json = None,  # noqa: A002 - the word of the language
        *,
        version: int = 0,
        name: str = "",
        idempotency_key: str = "",
    ) -> str:
        """Start a workflow; return the execution's id.

        Errors: Rejection.
        """
        text = documents.dumps(input)
        documents.parse_input(text, field=_INPUT_FIELD, size_max=self._limits.payload_bytes)
        command = StartExecution(
            tenant=TENANT,
            namespace=NAMESPACE,
            workflow=workflow,
            version=version,
            name=name,
            idempotency_key=idempotency_key,
            input=text,
        )
        reply = self.submit(command)
        assert isinstance(reply, StartedExecution), "StartExecution answers with an execution"
        return reply.execution_id

    def cancel(self, execution_id: str, error: str | None = None, cause: str | None = None) -> None:
        """Cancel an execution.

        Errors: Rejection.
        """
        self.submit(CancelExecution(execution_id=execution_id, error=error, cause=cause))

    # Workers

    def take(self, *resources: str, worker: str = "worker", lease_s: float = 60.0) -> Task | None:
        """Return the oldest task that waits for a worker of these resources, None when none
        does.
        """
        taken: list[Delivery] = []
        session = Session(
            queues=queue_names(TENANT, NAMESPACE, resources),
            worker=worker,
            lease_ms=round(lease_s * 1000),
            credit=1,
            deliver=taken.append,
            revoke=lambda task_id: None,
        )
        dispatcher = self.partition.leading().dispatcher
        self.loop.call_soon(dispatcher.open, session)
        self.loop.settle()
        self.loop.call_soon(dispatcher.close, session)
        self.loop.settle()
        return _task(taken[0]) if taken else None

    def complete(self, task: Task, output: Json = None) -> None:
        """Give a task its result.

        Errors: Rejection.
        """
        self.submit(
            CompleteTask(
                task_id=task.task_id, delivery=task.attempt, output=documents.dumps(output)
            )
        )

    def fail(self, task: Task, error: str, cause: str | None = None) -> None:
        """Fail a task.

        Errors: Rejection.
        """
        self.submit(FailTask(task_id=task.task_id, delivery=task.attempt, error=error, cause=cause))

    def heartbeat(self, task: Task, lease_s: float = 60.0) -> int:
        """Renew a task's lease; return until when, in Unix milliseconds.

        Errors: Rejection.
        """
        reply = self.submit(
            HeartbeatTask(
                task_id=task.task_id, delivery=task.attempt, lease_ms=round(lease_s * 1000)
            )
        )
        assert isinstance(reply, Renewed), "HeartbeatTask answers with a renewal"
        return reply.lease_deadline_ms

    def hand_back(self, task: Task) -> None:
        """Give a task back undone.

        Errors: Rejection.
        """
        self.submit(HandBackTask(task_id=task.task_id, delivery=task.attempt))

    # At once

    def run(
        self,
        workflow: str,
        input: Json = None,  # noqa: A002 - the word of the language
        workers: Mapping[str, Worker] | None = None,
    ) -> Outcome:
        """Run a workflow to its end with these workers, by resource; time passes as if it took
        none.

        Errors: Rejection; AssertionError when it waits for a resource that has no worker.
        """
        execution_id = self.start(workflow, input)
        while self.execution(execution_id).status not in ENDED:
            task = self.take(*(workers or {}))
            if task is not None:
                self.perform(task, (workers or {})[task.resource])
            else:
                assert self.skip_wait(), f"{execution_id} waits for a worker that is not there"
        return self.outcome(execution_id)

    def perform(self, task: Task, worker: Worker) -> None:
        """Let a worker do a task.

        Errors: Rejection.
        """
        try:
            output = worker(task.input)
        except TaskFailure as failure:
            self.fail(task, failure.error, failure.cause)
        else:
            self.complete(task, output)

    # Reading

    def execution(self, execution_id: str) -> ExecutionContext:
        """Return an execution.

        Errors: Rejection.
        """
        execution = queries.execution(self.store, execution_id)
        if execution is None:
            raise Rejection(Reason.EXECUTION_NOT_FOUND, f"there is no execution {execution_id}")
        return execution

    def executions(self, workflow: str | None = None) -> list[ExecutionContext]:
        """Return all executions, or those of one workflow, the newest first."""
        found: list[ExecutionContext] = []
        cursor: bytes | None = None
        while True:
            page, cursor = queries.list_executions(
                self.store, TENANT, NAMESPACE, workflow, (), _PAGE_SIZE, cursor
            )
            found.extend(page)
            if cursor is None:
                return found

    def outcome(self, execution_id: str) -> Outcome:
        """Return where an execution stands.

        Errors: Rejection.
        """
        execution = self.execution(execution_id)
        output = queries.execution_output(self.store, execution_id)
        return Outcome(
            status=execution.status.value,
            output=None if output is None else documents.loads(output),
            error=execution.error,
            cause=execution.cause,
        )

    def history(self, execution_id: str) -> list[HistoryRow]:
        """Return all events of an execution, in order."""
        rows: list[HistoryRow] = []
        while page := queries.history(self.store, execution_id, len(rows), _PAGE_SIZE):
            rows.extend(row for _, row in page)
        return rows


def _task(delivery: Delivery) -> Task:
    return Task(
        task_id=delivery.task_id,
        attempt=delivery.delivery,
        resource=delivery.resource,
        input=documents.loads(delivery.input),
        execution_id=delivery.execution_id,
        state_name=delivery.state_name,
        retry_count=delivery.retry_count,
        lease_deadline_ms=delivery.lease_deadline_ms,
        credentials=documents.loads(delivery.credentials) if delivery.credentials else None,
    )
