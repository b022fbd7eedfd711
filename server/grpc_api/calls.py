"""What every call passes through: it is answered here, or by the node that leads its partition.

A request is tried here first. If the service says `NotLeading`, nothing was done, and the raw
request goes to the leader, which is looked for as long as `leader_wait_s`. What goes wrong on the
way ends as one status, made in one place.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError

from stepraft.interpreter.errors import Reason, Rejection
from stepraft.server.engine.partition import Partition
from stepraft.server.forward import FORWARDED_BY, Broken, Forwarder, Unreachable
from stepraft.server.grpc_api import errors
from stepraft.server.grpc_api.errors import Context
from stepraft.server.service.partitions import NotLeading, leader_changed

_PAUSE_S: Final = 0.05
"""How long a node that just refused or could not be reached is left alone, unless news comes."""

_SILENCE_S: Final = 0.25
"""How long a node that leads no more may take to answer what was passed on to it before."""

Handler = Any
"""One of gRPC's method handlers, as the generated code makes them."""


class Method:
    """One method of the API: its name, what answers it, and how its messages are coded.

    `is_repeatable`: sending the same request twice does no harm.
    """

    def __init__(self, name: str, handler: Handler, *, is_repeatable: bool) -> None:
        self.name = name
        self.is_repeatable = is_repeatable
        self.answer: Callable[..., Any] = (
            handler.unary_unary or handler.unary_stream or handler.stream_stream
        )
        self._decode: Callable[[bytes], Any] = handler.request_deserializer
        self.encode: Callable[[Any], bytes] = handler.response_serializer

    def decode(self, request: bytes) -> Any:
        """Return the message that a client sent.

        Errors: Rejection INVALID_ARGUMENT.
        """
        try:
            return self._decode(request)
        except DecodeError as error:
            text = f"the request is no {self.name.rpartition('/')[2]} message of this API: {error}"
            raise Rejection(Reason.INVALID_ARGUMENT, text) from error


class Calls:
    """Answers calls, or passes them on."""

    def __init__(self, node_id: str, forwarder: Forwarder, leader_wait_s: float) -> None:
        self._node_id = node_id
        self._forwarder = forwarder
        self._leader_wait_s = leader_wait_s
        self._passed_on: dict[asyncio.Future[None], tuple[Partition, str]] = {}
        self._awaited: dict[asyncio.Future[bytes], tuple[Partition, str]] = {}

    def wrapped(self, name: str, handler: Handler, *, is_repeatable: bool) -> Handler:
        """Return a handler of raw bytes in the place of one that the generated code made."""
        method = Method(name, handler, is_repeatable=is_repeatable)
        if handler.unary_unary is not None:
            return grpc.unary_unary_rpc_method_handler(self._guarded(method, self._unary))
        if handler.unary_stream is not None:
            return grpc.unary_stream_rpc_method_handler(self._guarded(method, self._unary_stream))
        assert handler.stream_stream is not None, f"{name} is of a kind that the API does not have"
        return grpc.stream_stream_rpc_method_handler(self._guarded(method, self._stream_stream))

    def review(self) -> None:
        """End what was passed on to nodes that lead no more: streams now, other calls after a
        moment, in which a node that stepped down answers them by itself.
        """
        for pump, (partition, target) in self._passed_on.items():
            if partition.leader_id != target:
                pump.cancel()
        loop = asyncio.get_running_loop()
        for answer, (partition, target) in self._awaited.items():
            if partition.leader_id != target:
                loop.call_later(_SILENCE_S, answer.cancel)

    def drain(self) -> None:
        """End all streams that were passed on."""
        for pump in self._passed_on:
            pump.cancel()

    # Kinds of calls

    def _guarded(
        self, method: Method, call: Callable[[Method, Any, Context], Any]
    ) -> Callable[[Any, Context], Any]:
        """Return `call` with its errors as statuses."""

        async def guarded(request: Any, context: Context) -> Any:
            try:
                return await call(method, request, context)
            except Rejection as rejection:
                await errors.refuse(context, rejection)
            except grpc.aio.AioRpcError as error:
                await errors.pass_on(context, error)
            except grpc.aio.AbortError:
                raise
            except Exception as error:  # noqa: BLE001 - it is logged, and the caller gets its number
                await errors.refuse(context, errors.internal(error, method.name))

        return guarded

    async def _unary(self, method: Method, request: bytes, context: Context) -> bytes:
        message = method.decode(request)
        try:
            return method.encode(await method.answer(message, context))
        except NotLeading as refusal:
            search = self._search(refusal, context)
        while True:
            target = await search.next()
            try:
                if target == self._node_id:
                    return method.encode(await method.answer(message, context))
                return await self._pass_on_unary(method, target, request, context, search.partition)
            except (NotLeading, Unreachable):
                continue
            except Broken as error:
                if not method.is_repeatable:
                    raise _unknown(target) from error
            except grpc.aio.AioRpcError as error:
                if errors.reason_of(error) != Reason.NO_LEADER:
                    raise

    async def _pass_on_unary(
        self, method: Method, target: str, request: bytes, context: Context, partition: Partition
    ) -> bytes:
        """Return another node's answer.

        Errors: those of Forwarder.unary; Broken when that node leads no more and keeps silent.
        """
        answer = asyncio.ensure_future(
            self._forwarder.unary(
                target, method.name, request, _metadata(context), _remaining_s(context)
            )
        )
        self._awaited[answer] = (partition, target)
        try:
            await asyncio.wait({answer})
        finally:
            del self._awaited[answer]
            answer.cancel()
        if answer.cancelled():
            raise Broken(f"node {target} leads no more and keeps silent")
        return answer.result()

    async def _unary_stream(self, method: Method, request: bytes, context: Context) -> None:
        await self._stream(method, request, None, context, lambda: method.decode(request))

    async def _stream_stream(
        self, method: Method, requests: AsyncIterator[bytes], context: Context
    ) -> None:
        first = await anext(requests, None)
        if first is None:
            raise Rejection(Reason.INVALID_ARGUMENT, "the stream ended before its first message")
        await self._stream(
            method, first, requests, context, lambda: _decoded(method, first, requests)
        )

    async def _stream(
        self,
        method: Method,
        first: bytes,
        rest: AsyncIterator[bytes] | None,
        context: Context,
        argument: Callable[[], Any],
    ) -> None:
        """Answer a stream here or at the leader; its first request says for which partition."""
        try:
            await _answer_stream(method, argument(), context)
        except NotLeading as refusal:
            search = self._search(refusal, context)
        else:
            return
        while True:
            target = await search.next()
            try:
                if target == self._node_id:
                    await _answer_stream(method, argument(), context)
                else:
                    requests = _chained(first, rest)
                    await self._pass_on_stream(method, target, requests, context, search.partition)
            except (NotLeading, Unreachable):
                continue
            except Broken as error:
                raise leader_changed() from error
            return

    async def _pass_on_stream(
        self,
        method: Method,
        target: str,
        requests: AsyncIterator[bytes],
        context: Context,
        partition: Partition,
    ) -> None:
        answers = self._forwarder.stream(
            target, method.name, requests, _metadata(context), _remaining_s(context)
        )
        pump = asyncio.ensure_future(_pump(answers, context))
        self._passed_on[pump] = (partition, target)
        try:
            await asyncio.wait({pump})
        finally:
            del self._passed_on[pump]
            pump.cancel()
        if pump.cancelled():
            raise leader_changed()
        pump.result()

    def _search(self, refusal: NotLeading, context: Context) -> "LeaderSearch":
        if is_forwarded(context) and refusal.partition.leader_id != self._node_id:
            raise refusal
        remaining_s = _remaining_s(context)
        wait_s = self._leader_wait_s
        return LeaderSearch(
            self._node_id,
            refusal.partition,
            wait_s if remaining_s is None else min(wait_s, remaining_s),
            may_leave=not is_forwarded(context),
        )


class LeaderSearch:
    """Looks for the node that leads a partition, for a bounded time.

    `may_leave`: another node may be the answer; not so for a call that came from one.
    """

    def __init__(
        self, node_id: str, partition: Partition, wait_s: float, *, may_leave: bool
    ) -> None:
        self.partition = partition
        self._node_id = node_id
        self._wait_s = wait_s
        self._may_leave = may_leave
        self._loop = asyncio.get_running_loop()
        self._deadline_s = self._loop.time() + wait_s
        self._has_tried = False

    async def next(self) -> str:
        """Return a node to try, this one or another.

        Errors: Rejection NO_LEADER when the time is over, or, where only this node may be the
        answer, when it does not lead.
        """
        if self._has_tried:
            await self._news(_PAUSE_S)
        while (target := self._target()) is None:
            self._require_hope()
            await self._news(self._wait_s)
        self._has_tried = True
        return target

    def _target(self) -> str | None:
        if self.partition.is_serving:
            return self._node_id
        leader_id = self.partition.leader_id
        if leader_id == self._node_id or not self._may_leave:
            return None
        return leader_id

    def _require_hope(self) -> None:
        """A call that another node passed on goes back at once: that node looks by itself."""
        if not self._may_leave and self.partition.leader_id != self._node_id:
            raise leader_changed()

    async def _news(self, wait_s: float) -> None:
        remaining_s = self._deadline_s - self._loop.time()
        if remaining_s <= 0:
            text = f"the cluster has had no leader that answers for {self._wait_s:g} s"
            raise Rejection(Reason.NO_LEADER, text)
        await self.partition.wait_for_change(min(wait_s, remaining_s))


def is_forwarded(context: Context) -> bool:
    """Whether another node passed the call on."""
    return any(key == FORWARDED_BY for key, _ in _metadata(context))


def _metadata(context: Context) -> list[tuple[str, str | bytes]]:
    return list(context.invocation_metadata() or ())


def _remaining_s(context: Context) -> float | None:
    """Return how much time a call has left; None when it has no deadline."""
    remaining_s: float | None = context.time_remaining()
    return remaining_s


def _unknown(target: str) -> Rejection:
    text = f"the connection to node {target} broke; repeat the request with the same key"
    return Rejection(Reason.OUTCOME_UNKNOWN, text)


async def _answer_stream(method: Method, argument: Any, context: Context) -> None:
    async with aclosing(method.answer(argument, context)) as answers:
        async for answer in answers:
            await context.write(method.encode(answer))


async def _pump(answers: AsyncIterator[bytes], context: Context) -> None:
    async for answer in answers:
        await context.write(answer)


async def _decoded(method: Method, first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[Any]:
    yield method.decode(first)
    async for request in rest:
        yield method.decode(request)


async def _chained(first: bytes, rest: AsyncIterator[bytes] | None) -> AsyncIterator[bytes]:
    yield first
    if rest is None:
        return
    async for request in rest:
        yield request
