"""Workers: processes that do tasks."""

import asyncio
import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from stepraft.client import messages
from stepraft.client.connections import Connections, parse_addresses
from stepraft.client.handlers import Handler
from stepraft.client.serving import Serving
from stepraft.client.tls import TlsFiles
from stepraft.v1 import tasks_pb2

CONCURRENCY_MAX: Final = 10_000

Function = TypeVar("Function", bound=Callable[..., Any])


class Worker:
    """Does tasks of the resources that it has handlers for.

        worker = Worker("127.0.0.1:7400")

        @worker.task("orders:charge")
        async def charge(order):
            return {"receipt": await bank.charge(order["card"], order["total"])}

        if __name__ == "__main__":
            worker.run()

    A handler takes `(input)` or `(input, context)`, see TaskContext. Async handlers share the event
    loop and must not block it; plain functions run in threads. What a handler returns completes
    its task. `raise TaskFailure("Card.Declined", "...")` fails it with an error that Retry and
    Catch can match; any other exception fails it with the name of its class.

    A task is delivered at least once, so a handler may be called again for work that is half done:
    `context.attempt` tells. While a handler runs, its lease is renewed. When its execution ends or
    is canceled, an async handler gets CancelledError and a plain one sees `context.canceled`.
    Results are sent until the cluster has acknowledged them, whatever happens to nodes and
    connections.

    `addresses` and `tls` are those of a Client. `worker_id` is for people and histories: by default
    host, process and a random part. At most `concurrency` tasks run at once. `lease_s` is how long
    the cluster waits for a sign of life before it delivers a task again; None leaves that to the
    cluster. A worker that leaves lets its handlers run for `drain_timeout_s` more.
    """

    def __init__(
        self,
        addresses: str | Sequence[str],
        *,
        namespace: str = "default",
        worker_id: str | None = None,
        concurrency: int = 16,
        lease_s: float | None = None,
        drain_timeout_s: float = 30.0,
        tls: TlsFiles | None = None,
    ) -> None:
        if not 1 <= concurrency <= CONCURRENCY_MAX:
            raise ValueError(f"concurrency must be 1 to {CONCURRENCY_MAX}, not {concurrency}")
        if lease_s is not None and lease_s <= 0:
            raise ValueError(f"lease_s must be more than 0, not {lease_s}")
        if drain_timeout_s < 0:
            raise ValueError(f"drain_timeout_s must not be negative, but is {drain_timeout_s}")
        self.worker_id = worker_id or _make_worker_id()
        self._addresses = parse_addresses(addresses)
        self._tls = tls
        self._namespace = namespace
        self._concurrency = concurrency
        self._lease_s = lease_s
        self._drain_timeout_s = drain_timeout_s
        self._handlers: dict[str, Handler] = {}
        self._stop: Callable[[], None] | None = None

    @property
    def resources(self) -> tuple[str, ...]:
        """The resources that have a handler."""
        return tuple(self._handlers)

    def task(self, resource: str) -> Callable[[Function], Function]:
        """Decorate the handler of a resource, named as in the workflow's definition.

        Errors: ValueError for a resource that has a handler, TypeError for a function that can take
        neither `(input)` nor `(input, context)`.
        """

        def register(function: Function) -> Function:
            if resource in self._handlers:
                raise ValueError(f"{resource!r} has a handler already")
            self._handlers[resource] = Handler(resource, function)
            return function

        return register

    def run(self) -> None:
        """Work until SIGTERM or SIGINT, then let running handlers end and return.

        Handlers that take longer than `drain_timeout_s` are stopped and their tasks handed back; a
        second signal does so at once. Errors: see `serve`.
        """
        asyncio.run(self._run())

    async def _run(self) -> None:
        with _signals(self.stop):
            await self.serve()

    async def serve(self) -> None:
        """Work until `stop`, in the running event loop.

        Nodes that cannot be reached are tried for ever. Errors: RequestError when the cluster
        refuses this worker for good (a resource name that breaks the rules, say), RuntimeError when
        there is no handler, or the worker serves already, ValueError when a file of `tls` cannot be
        used.
        """
        if not self._handlers:
            raise RuntimeError("the worker has no handler: decorate one with @worker.task(...)")
        if self._stop is not None:
            raise RuntimeError("the worker serves already")
        hello = tasks_pb2.Hello(
            namespace=self._namespace,
            resources=self.resources,
            worker_id=self.worker_id,
            lease=None if self._lease_s is None else messages.duration(self._lease_s),
        )
        serving = Serving(
            Connections(self._addresses, self._tls),
            hello,
            self._handlers,
            self._concurrency,
            self._drain_timeout_s,
        )
        loop = asyncio.get_running_loop()

        def stop() -> None:
            loop.call_soon_threadsafe(serving.stop)

        self._stop = stop
        try:
            await serving.run()
        finally:
            self._stop = None

    def stop(self) -> None:
        """End `serve` or `run` as SIGTERM does, from any thread; no effect when neither runs."""
        if self._stop is not None:
            self._stop()


def _make_worker_id() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(2)}"


@contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` on SIGTERM and SIGINT meanwhile; only the main thread can hear of signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    ends = (signal.SIGTERM, signal.SIGINT)
    for end in ends:
        loop.add_signal_handler(end, stop)
    try:
        yield
    finally:
        for end in ends:
            loop.remove_signal_handler(end)
