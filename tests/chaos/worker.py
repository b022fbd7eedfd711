"""A worker process of one of three kinds; each writes down its side effects before it reports them.

    python -m tests.chaos.worker --kind good --name w1 --folder F --node n1=... --node ...

- good: the SDK's Worker, which keeps its leases.
- slow: takes longer than its lease, and reports all the same; now and then reports twice.
- dying: does the work, and dies of SIGKILL before it reports.

Until SIGTERM.
"""

import argparse
import asyncio
import os
import secrets
import signal
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any, Final

from stepraft.client import Client, RequestError, Task, TaskContext, TaskFailure, Worker
from tests.chaos import records, workload
from tests.chaos.answers import answer_of, reason_of
from tests.chaos.client import parse_nodes
from tests.chaos.records import Answer, RecordFile, Work

LEASE_S: Final = 3.0
SHORT_LEASE_S: Final = 1.0
POLL_WAIT_S: Final = 2.0
LATE: Final = 0.5
TWICE: Final = 0.3
HANDED_BACK: Final = 0.1
DEADLY: Final = 0.4
TIMEOUT_S: Final = 10.0

_QUICK: Final = ("count", "flaky", "broken", "digest")
_ALL: Final = (*_QUICK, "long")


def result(resource: str, given: dict[str, Any], retry_count: int) -> Any:
    """Return what the work on a task comes to.

    Errors: TaskFailure, where the shape of the execution says so.
    """
    match resource.removeprefix(workload.RESOURCE_PREFIX):
        case "digest":
            return workload.text_digest(given["value"])
        case "broken":
            raise TaskFailure(workload.BROKEN, "on purpose")
        case "flaky" if retry_count < given["failures"]:
            raise TaskFailure(workload.FLAKY, "on purpose")
        case _:
            return workload.count(given["value"])


def _resources(names: Sequence[str]) -> list[str]:
    return [workload.RESOURCE_PREFIX + name for name in names]


# good


def make_good(name: str, addresses: list[str], file: RecordFile) -> Worker:
    """Return a worker that does everything right."""
    worker = Worker(
        addresses, worker_id=name, concurrency=16, lease_s=LEASE_S, drain_timeout_s=LEASE_S
    )

    async def work(given: dict[str, Any], context: TaskContext) -> dict[str, Any]:
        if context.resource == workload.RESOURCE_PREFIX + "long":
            await asyncio.sleep(workload.LONG_WORK_S)
        value = result(context.resource, given, context.retry_count)
        return {"value": value, "proof": _prove(context, name, b"", file)}

    for resource in _resources(_ALL):
        worker.task(resource)(work)
    return worker


def _prove(task: Task | TaskContext, worker: str, token: bytes, file: RecordFile) -> str:
    """Have the side effect, and return its proof."""
    proof = secrets.token_hex(8)
    file.write(
        Work(
            execution_id=task.execution_id,
            task_id=task.task_id,
            attempt=task.attempt,
            worker=worker,
            proof=proof,
            token_hash=sha256(token).hexdigest()[:16],
            at_s=time.monotonic(),
        )
    )
    return proof


# slow and dying


class Poller:
    """Takes a task at a time by the plain calls, and does not keep its lease."""

    def __init__(self, name: str, kind: str, client: Client, file: RecordFile) -> None:
        self._name = name
        self._is_deadly = kind == "dying"
        self._client = client
        self._file = file
        self._random = Random()

    async def run(self) -> None:
        """Work until canceled."""
        while True:
            try:
                tasks = await self._client.poll_tasks(
                    _resources(_QUICK),
                    worker_id=self._name,
                    wait_s=POLL_WAIT_S,
                    lease_s=SHORT_LEASE_S,
                )
            except RequestError:
                await asyncio.sleep(0.2)
                continue
            for task in tasks:
                await self._do(task)

    async def _do(self, task: Task) -> None:
        if self._random.random() < HANDED_BACK:
            await self._quietly(self._client.hand_back_task(task.token))
            return
        try:
            value = result(task.resource, task.input, task.retry_count)
        except TaskFailure as failure:
            await self._quietly(self._client.fail_task(task.token, failure.error, failure.cause))
            return
        proof = _prove(task, self._name, task.token, self._file)
        if self._is_deadly and self._random.random() < DEADLY:
            os.kill(os.getpid(), signal.SIGKILL)
        if not self._is_deadly and self._random.random() < LATE:
            await asyncio.sleep(SHORT_LEASE_S * self._random.uniform(0.8, 3.0))
        await self._complete(task, value, proof)
        if self._random.random() < TWICE:
            await self._complete(task, value, _prove(task, self._name, task.token, self._file))

    async def _complete(self, task: Task, value: object, proof: str) -> None:
        invoked_s = time.monotonic()
        answer, reason = Answer.UNKNOWN, "STOPPED"
        try:
            await self._client.complete_task(task.token, {"value": value, "proof": proof})
            answer, reason = Answer.OK, ""
        except RequestError as error:
            answer, reason = answer_of(error), reason_of(error)
        finally:
            self._file.write(
                records.Report(
                    client=self._name,
                    node="",
                    invoked_s=invoked_s,
                    returned_s=time.monotonic(),
                    answer=answer,
                    reason=reason,
                    task_id=task.task_id,
                    attempt=task.attempt,
                    proof=proof,
                )
            )

    async def _quietly(self, call: Any) -> None:
        """Await a report whose fate makes no difference: the lease runs out anyway."""
        try:
            await call
        except RequestError:
            return


async def _poll(name: str, kind: str, addresses: list[str], file: RecordFile) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    async with Client(addresses, timeout_s=TIMEOUT_S) as client:
        polling = asyncio.create_task(Poller(name, kind, client, file).run())
        ended = asyncio.create_task(stopped.wait())
        await asyncio.wait({polling, ended}, return_when=asyncio.FIRST_COMPLETED)
        if polling.done():
            polling.result()
        polling.cancel()
        await asyncio.gather(polling, return_exceptions=True)


def main() -> None:
    """Run one worker process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=("good", "slow", "dying"), required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--node", action="append", required=True)
    arguments = parser.parse_args()
    addresses = list(parse_nodes(arguments.node).values())
    with RecordFile(arguments.folder / f"{arguments.name}{records.SUFFIX}") as file:
        if arguments.kind == "good":
            make_good(arguments.name, addresses, file).run()
        else:
            asyncio.run(_poll(arguments.name, arguments.kind, addresses, file))


if __name__ == "__main__":
    main()
