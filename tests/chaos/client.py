"""A client process: starts, repeats, reads and cancels executions, and writes down every call.

    python -m tests.chaos.client --name c1 --seed 1 --folder F --node n1=127.0.0.1:7400 ...

It has a client of the SDK for each node, so that each call is to one node. Until SIGTERM.
"""

import argparse
import asyncio
import json
import signal
import time
import zlib
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, Final

from stepraft.client import Client, HistoryEvent, RequestError
from tests.chaos import records, workload
from tests.chaos.answers import answer_of, reason_of
from tests.chaos.records import Answer, RecordFile
from tests.chaos.workload import SHAPES

USERS: Final = 6
TIMEOUT_S: Final = 3.0
PROBE_EVERY_S: Final = 0.15
PROBE_TIMEOUT_S: Final = 1.0
REPEATED: Final = 0.10
"""How many starts are sent again when they are answered."""
AT_TWO_NODES: Final = 0.05
"""How many starts are sent to two nodes at once."""
RESENT: Final = 0.8
"""How many starts of unknown outcome are sent again, to another node."""
CHANGED: Final = 0.03
"""How many keys are used again for another input, which has to be refused."""
CANCELED: Final = 0.05
"""How many executions are canceled that would end by themselves."""

_PICKED: Final = [name for name, shape in SHAPES.items() for _ in range(shape.weight)]


class User:
    """Does one thing after another."""

    def __init__(self, name: str, seed: int, nodes: dict[str, Client], file: RecordFile) -> None:
        self._name = name
        self._random = Random(f"{seed} {name}")
        self._nodes = nodes
        self._file = file
        self._numbers = count(1)

    async def probe(self) -> None:
        """Start the smallest execution again and again: tells when writes are accepted."""
        while True:
            await self._start(self._request("pass"), self._pick_node())
            await asyncio.sleep(PROBE_EVERY_S)

    async def use(self) -> None:
        """Live the life of a user."""
        while True:
            request = self._request(self._random.choice(_PICKED))
            started = await self._start_surely(request)
            if started.answer is Answer.OK:
                await self._follow(request, started)
            await asyncio.sleep(self._random.uniform(0.1, 0.6))

    # Starts

    def _request(self, shape: str) -> records.Start:
        """Return a start that is not sent yet."""
        return records.Start(
            client=self._name,
            node="",
            invoked_s=0.0,
            returned_s=0.0,
            answer=Answer.UNKNOWN,
            key=f"{self._name}-{next(self._numbers)}",
            shape=shape,
            variant=0,
            base_ms=time.time_ns() // 1_000_000,
        )

    async def _start_surely(self, request: records.Start) -> records.Start:
        """Start once, or at two nodes at once, or again elsewhere if the first one kept silent."""
        first, second, _ = self._shuffled_nodes()
        if self._random.random() < AT_TWO_NODES:
            answers = await asyncio.gather(
                *(self._start(request, each) for each in (first, second))
            )
            return min(answers, key=lambda answer: answer.answer is not Answer.OK)
        started = await self._start(request, first)
        if started.answer is Answer.UNKNOWN and self._random.random() < RESENT:
            started = await self._start(request, second)
        return started

    async def _start(self, request: records.Start, node: str) -> records.Start:
        document = workload.request_input(
            request.shape, request.key, request.variant, request.base_ms
        )

        async def call() -> dict[str, Any]:
            started = await self._nodes[node].start_execution(
                request.shape, document, idempotency_key=request.key
            )
            return {"execution_id": started.execution_id, "existing": started.existing}

        fields = {
            "key": request.key,
            "shape": request.shape,
            "variant": request.variant,
            "base_ms": request.base_ms,
        }
        started: records.Start = await self._recorded(records.Start, node, fields, call)
        return started

    # What follows a start

    async def _follow(self, request: records.Start, started: records.Start) -> None:
        execution_id = started.execution_id
        if self._random.random() < REPEATED:
            await self._start(request, self._pick_node())
        if self._random.random() < CHANGED:
            await self._start(_changed(request), self._pick_node())
        for node in self._shuffled_nodes():
            await self._read(execution_id, node)
        if request.shape == "held" or self._random.random() < CANCELED:
            await self._cancel(execution_id)
        await asyncio.sleep(self._random.uniform(0.0, 1.5))
        await self._read(execution_id, self._pick_node())
        await self._read_history(execution_id, self._pick_node())

    async def _read(self, execution_id: str, node: str) -> None:
        async def call() -> dict[str, Any]:
            return {"status": (await self._nodes[node].get_execution(execution_id)).status.value}

        await self._recorded(records.Read, node, {"execution_id": execution_id}, call)

    async def _read_history(self, execution_id: str, node: str) -> None:
        async def call() -> dict[str, Any]:
            history = self._nodes[node].history(execution_id)
            return {"events": [fingerprint(event) async for event in history]}

        await self._recorded(records.HistoryRead, node, {"execution_id": execution_id}, call)

    async def _cancel(self, execution_id: str) -> None:
        """Cancel until it is answered, one way or the other."""
        while True:
            node = self._pick_node()

            async def call(node: str = node) -> dict[str, Any]:
                await self._nodes[node].cancel_execution(execution_id)
                return {}

            fields = {"execution_id": execution_id}
            canceled = await self._recorded(records.Cancel, node, fields, call)
            if canceled.answer in (Answer.OK, Answer.REFUSED, Answer.BROKEN):
                return

    async def _recorded(
        self,
        kind: type[Any],
        node: str,
        fields: dict[str, Any],
        call: Callable[[], Awaitable[dict[str, Any]]],
    ) -> Any:
        """Make a call, write down what it came to, and return that."""
        invoked_s = time.monotonic()
        # What stands if this process is told to end before the answer comes.
        result: dict[str, Any] = {}
        answer, reason = Answer.UNKNOWN, "STOPPED"
        try:
            result = await call()
            answer, reason = Answer.OK, ""
        except RequestError as error:
            answer, reason = answer_of(error), reason_of(error)
        finally:
            record = kind(
                client=self._name,
                node=node,
                invoked_s=invoked_s,
                returned_s=time.monotonic(),
                answer=answer,
                reason=reason,
                **fields,
                **result,
            )
            self._file.write(record)
        return record

    def _pick_node(self) -> str:
        return self._random.choice(list(self._nodes))

    def _shuffled_nodes(self) -> list[str]:
        return self._random.sample(list(self._nodes), len(self._nodes))


def _changed(request: records.Start) -> records.Start:
    """Return a request that uses the same key for another input."""
    fields = {name: getattr(request, name) for name in request.__struct_fields__}
    return records.Start(**{**fields, "variant": request.variant + 1})


def fingerprint(event: HistoryEvent) -> int:
    """Return a number that tells an event from any other."""
    described = [event.sequence, event.hlc, event.type, event.activity_id, event.task_id]
    documents = [event.input, event.output, event.error, event.attempt, event.worker]
    return zlib.crc32(json.dumps([*described, *documents]).encode())


async def _run(name: str, seed: int, folder: Path, addresses: dict[str, str]) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    nodes = {node: Client([address], timeout_s=TIMEOUT_S) for node, address in addresses.items()}
    probed = {
        node: Client([address], timeout_s=PROBE_TIMEOUT_S) for node, address in addresses.items()
    }
    with RecordFile(folder / f"{name}{records.SUFFIX}") as file:
        users = [User(f"{name}.{number}", seed, nodes, file).use() for number in range(USERS)]
        probes = [
            User(f"{name}.{node}", seed, {node: client}, file).probe()
            for node, client in probed.items()
        ]
        running = [asyncio.create_task(life) for life in (*users, *probes)]
        ended = asyncio.create_task(stopped.wait())
        await asyncio.wait([*running, ended], return_when=asyncio.FIRST_COMPLETED)
        for life in running:
            if life.done():
                life.result()
            life.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    for client in (*nodes.values(), *probed.values()):
        await client.close()


def parse_nodes(texts: list[str]) -> dict[str, str]:
    """Return the addresses by node, from `n1=host:port`."""
    return dict(text.split("=", 1) for text in texts)


def main() -> None:
    """Run one client process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--node", action="append", required=True)
    arguments = parser.parse_args()
    nodes = parse_nodes(arguments.node)
    asyncio.run(_run(arguments.name, arguments.seed, arguments.folder, nodes))


if __name__ == "__main__":
    main()
