"""A worker at work: stays connected to one node or another until it is asked to stop."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import grpc

from stepraft.client.backoff import Backoff
from stepraft.client.connections import Connections
from stepraft.client.conversation import STREAM_END_TIMEOUT_S, Conversation
from stepraft.client.deliveries import Deliveries
from stepraft.client.errors import (
    AccessError,
    InvalidRequestError,
    NotFoundError,
    from_rpc,
)
from stepraft.client.handlers import Handler
from stepraft.client.outbox import Outbox
from stepraft.v1 import tasks_pb2

log = logging.getLogger("stepraft.worker")

LAST_ACKS_TIMEOUT_S: Final = 5.0
"""How long a worker that leaves waits for the acknowledgement of its last reports."""

_FATAL: Final = (AccessError, InvalidRequestError, NotFoundError)
"""Answers to the greeting that no other node and no later time would change."""


class Serving:
    """One run of a worker, from its first connection to its last report."""

    def __init__(
        self,
        connections: Connections,
        hello: tasks_pb2.Hello,
        handlers: Mapping[str, Handler],
        concurrency: int,
        drain_timeout_s: float,
    ) -> None:
        self._connections = connections
        self._hello = hello
        self._drain_timeout_s = drain_timeout_s
        self._outbox = Outbox()
        self._deliveries = Deliveries(handlers, concurrency, self._outbox)
        self._stops = 0
        self._is_leaving = asyncio.Event()
        self._is_hasty = asyncio.Event()
        self._finished = asyncio.Event()

    def stop(self) -> None:
        """Take no more tasks and end when the running ones have; a second call waits no longer."""
        if self._is_leaving.is_set():
            self._is_hasty.set()
        self._is_leaving.set()

    async def run(self) -> None:
        """Work until `stop`. Errors: RequestError when the server refuses this worker for good."""
        connected = asyncio.create_task(self._stay_connected())
        leaving = asyncio.create_task(self._leave())
        try:
            await asyncio.wait({connected, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if leaving.done():
                await leaving
                await asyncio.wait({connected}, timeout=STREAM_END_TIMEOUT_S)
            if connected.done():
                await connected
        finally:
            self._deliveries.close()
            for part in (connected, leaving):
                part.cancel()
            await asyncio.gather(connected, leaving, return_exceptions=True)
            await self._connections.close()

    async def _leave(self) -> None:
        await self._is_leaving.wait()
        log.info("takes no more tasks")
        self._outbox.drain()
        done = asyncio.create_task(self._deliveries.finish())
        hasty = asyncio.create_task(self._is_hasty.wait())
        try:
            await asyncio.wait(
                {done, hasty},
                timeout=self._drain_timeout_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            done.cancel()
            hasty.cancel()
        self._deliveries.hand_back()
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_ACKS_TIMEOUT_S):
                await self._outbox.emptied()
        self._finished.set()
        self._outbox.wake()

    async def _stay_connected(self) -> None:
        """Hold one stream after another."""
        backoff = Backoff()
        loop = asyncio.get_running_loop()
        while not self._finished.is_set():
            node = await self._connections.ready(deadline=None)
            opened_at = loop.time()
            log.info("connected to %s", node.address)
            hint_s = 0.0
            try:
                await Conversation(node, self._outbox, self._deliveries).hold(
                    self._hello, self._finished.is_set
                )
            except grpc.aio.AioRpcError as failure:
                error = from_rpc(failure)
                if isinstance(error, _FATAL) or error.code == "UNIMPLEMENTED":
                    raise error from failure
                log.warning("lost the connection to %s: %s", node.address, error)
                hint_s = error.retry_after_s or 0.0
            if self._finished.is_set():
                return
            self._connections.leave(node)
            if loop.time() - opened_at > backoff.limit_s:
                backoff.reset()
            await asyncio.sleep(backoff.next_s(hint_s))
