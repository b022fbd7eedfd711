"""Calls that outlive the failure of a node: another is asked, if asking again does no harm."""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from enum import Enum, auto
from typing import Final, TypeAlias, TypeVar

import grpc

from stepraft.client.backoff import Backoff
from stepraft.client.connections import Connection, Connections
from stepraft.client.errors import (
    NOTHING_WAS_DONE,
    OUTCOME_UNKNOWN,
    InvalidRequestError,
    OutcomeUnknownError,
    RequestError,
    UnavailableError,
    from_rpc,
)

Request = TypeVar("Request")
Response = TypeVar("Response")

UnaryMethod: TypeAlias = Callable[
    [Connection], "grpc.aio.UnaryUnaryMultiCallable[Request, Response]"
]
StreamMethod: TypeAlias = Callable[
    [Connection], "grpc.aio.UnaryStreamMultiCallable[Request, Response]"
]


_LARGER_THAN_MAX: Final = re.compile(
    r"SERVER: Received message larger than max \((\d+) vs. (\d+)\)"
)
"""How gRPC itself refuses a request, with its size and the limit, before the node sees it."""


class Effect(Enum):
    """What a request does to the cluster, and so whether it may be sent again."""

    READ = auto()
    """It changes nothing."""
    SAME_WRITE = auto()
    """A key or a token makes each repetition the same write."""
    NEW_WRITE = auto()
    """Each one that arrives takes effect: sent again only if the one before certainly did not."""


class Calls:
    """Sends requests to whichever node answers.

    Between tries it waits with jitter, no shorter than the server's own hint, and no longer than
    the deadline, `timeout_s` after the call began.
    """

    def __init__(self, connections: Connections, timeout_s: float) -> None:
        self._connections = connections
        self._timeout_s = timeout_s

    async def unary(
        self,
        method: "UnaryMethod[Request, Response]",
        request: Request,
        effect: Effect,
        server_waits_s: float = 0.0,
    ) -> Response:
        """Return the answer to one request; `server_waits_s` is how long it may well take.

        Errors: RequestError and its kinds, OutcomeUnknownError when a write was sent and no answer
        came.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout_s + server_waits_s
        backoff = Backoff()
        is_lost = False
        answered: RequestError | None = None
        try:
            while True:
                connection = await self._connections.ready(deadline)
                try:
                    return await method(connection)(request, timeout=deadline - loop.time())
                except grpc.aio.AioRpcError as failure:
                    error = self._failed(connection, failure)
                answered = error if error.reason else answered
                is_lost |= effect is not Effect.READ and error.reason not in NOTHING_WAS_DONE
                await _pause(error, effect, backoff, deadline)
        except UnavailableError as error:
            final = _final(error, answered, is_lost=is_lost)
            if final is error:
                raise
            raise final from error

    async def stream(
        self, method: "StreamMethod[Request, Response]", resume: Callable[[], Request | None]
    ) -> AsyncGenerator[Response, None]:
        """Yield the messages of a stream; after a break, of the stream that `resume` asks for. It
        returns None when the stream cannot go on after what it gave.

        Errors: RequestError and its kinds, UnavailableError when no stream could be had for as long
        as a call may take.
        """
        loop = asyncio.get_running_loop()
        backoff = Backoff()
        deadline = loop.time() + self._timeout_s
        request = resume()
        assert request is not None, "a stream that has given nothing can begin"
        while True:
            connection = await self._connections.ready(deadline)
            opened_at = loop.time()
            call = method(connection)(request)
            try:
                async for message in call:
                    opened_at -= self._timeout_s
                    backoff.reset()
                    yield message
                return
            except grpc.aio.AioRpcError as failure:
                error = self._failed(connection, failure)
            finally:
                call.cancel()
            request = resume()
            if request is None:
                raise error
            # A stream that gave something, or was quiet for long, was well: patience begins anew.
            if loop.time() - opened_at >= self._timeout_s:
                deadline = loop.time() + self._timeout_s
            await _pause(error, Effect.READ, backoff, deadline)

    def _failed(self, connection: Connection, failure: grpc.aio.AioRpcError) -> RequestError:
        error = _too_large(failure) or from_rpc(failure)
        if isinstance(error, UnavailableError):
            self._connections.leave(connection)
        return error


def _final(
    error: UnavailableError, answered: RequestError | None, *, is_lost: bool
) -> RequestError:
    """Return what a call that ended with `error` raises.

    `answered` is the last error that a node gave a reason for: it tells more than that time ran
    out, or that no other node could be reached meanwhile. `is_lost` says that a write was sent
    whose fate is unknown; then no reason may promise that nothing was done.
    """
    told = error if error.reason or answered is None else answered
    if not is_lost or isinstance(told, OutcomeUnknownError):
        return told
    return OutcomeUnknownError(
        error.code, f"{told.text}; it may have been done", reason=OUTCOME_UNKNOWN
    )


def _too_large(failure: grpc.aio.AioRpcError) -> RequestError | None:
    """Return the error for a request that the node's gRPC refused to read; None for any other."""
    sizes = _LARGER_THAN_MAX.match(failure.details() or "")
    if sizes is None or failure.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
        return None
    return InvalidRequestError(
        failure.code().name,
        f"the request has {int(sizes[1]):,} bytes, and the node takes at most {int(sizes[2]):,}",
        reason="PAYLOAD_TOO_LARGE",
    )


async def _pause(error: RequestError, effect: Effect, backoff: Backoff, deadline: float) -> None:
    """Wait before the request is sent again; raise `error` if it may not be, or time is over."""
    delay_s = backoff.next_s(error.retry_after_s or 0.0)
    is_in_time = asyncio.get_running_loop().time() + delay_s < deadline
    if not is_in_time or not may_repeat(error, effect):
        raise error
    await asyncio.sleep(delay_s)


def may_repeat(error: RequestError, effect: Effect) -> bool:
    """Whether a request that was answered so may be sent again."""
    if error.reason in NOTHING_WAS_DONE:
        return True
    is_passing = isinstance(error, UnavailableError) or error.retry_after_s is not None
    return is_passing and effect is not Effect.NEW_WRITE
