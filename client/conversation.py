"""One stream between a worker and a node: speaks from the outbox, listens for deliveries."""

import asyncio
from collections.abc import Callable
from typing import Final

import grpc

from stepraft.client.connections import Connection
from stepraft.client.deliveries import Deliveries
from stepraft.client.outbox import Outbox
from stepraft.v1 import tasks_pb2

STREAM_END_TIMEOUT_S: Final = 2.0
"""How long a stream on which nothing more is said may take to end."""


class Conversation:
    """Holds one stream from the greeting to the end."""

    def __init__(self, node: Connection, outbox: Outbox, deliveries: Deliveries) -> None:
        self._call = node.tasks.StreamTasks()
        self._outbox = outbox
        self._deliveries = deliveries
        self._server_is_draining = False

    async def hold(self, hello: tasks_pb2.Hello, is_finished: Callable[[], bool]) -> None:
        """Speak and listen until the server ends the stream, or all is said and `is_finished`.

        Errors: AioRpcError when the stream breaks.
        """
        listening = asyncio.create_task(self._listen())
        speaking = asyncio.create_task(self._speak(hello, is_finished))
        try:
            await asyncio.wait({listening, speaking}, return_when=asyncio.FIRST_COMPLETED)
            if speaking.done():
                await speaking
            await listening
        finally:
            self._call.cancel()
            listening.cancel()
            speaking.cancel()
            await asyncio.gather(listening, speaking, return_exceptions=True)

    async def _speak(self, hello: tasks_pb2.Hello, is_finished: Callable[[], bool]) -> None:
        try:
            await self._call.write(tasks_pb2.WorkerMessage(hello=hello))
            self._outbox.restart(self._deliveries.free)
            while True:
                await self._outbox.changed()
                message = self._outbox.take()
                if message is not None:
                    # What becomes ready during this write goes into the next message together.
                    await self._call.write(message)
                elif self._server_is_draining or is_finished():
                    await self._call.done_writing()
                    return
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            # The stream is broken: the listener hears why.
            return

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(None) as limit:
                while isinstance(message := await self._call.read(), tasks_pb2.ServerMessage):
                    self._deliveries.hear(message)
                    if message.draining and not self._server_is_draining:
                        self._server_is_draining = True
                        limit.reschedule(loop.time() + STREAM_END_TIMEOUT_S)
                        self._outbox.wake()
        except TimeoutError:
            return
