"""Carries calls to another node: raw bytes both ways, whatever the method is.

A forwarded call says so in its metadata, so that no node forwards it again: if its target does not
lead any more, it answers NO_LEADER, and the node that sent it looks for the leader anew.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import grpc

from stepraft.server.grpc_api import credentials, errors
from stepraft.server.tls import Certificates, Loaded

FORWARDED_BY: Final = "stepraft-forwarded-by"
"""The metadata key that marks a forwarded call; its value is the node that forwarded it."""

_CONNECT_TIMEOUT_S: Final = 1.0
_OWN_METADATA: Final = ("grpc-", ":", "user-agent", "content-type", "te", FORWARDED_BY)
"""The fronts of metadata keys that belong to one connection and are not passed on."""

OPTIONS: Final = (
    # A node that vanishes without a word is noticed within seconds, so that its calls go elsewhere.
    ("grpc.keepalive_time_ms", 5000),
    ("grpc.keepalive_timeout_ms", 2000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 500),
)

_LOST_CODES: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.INTERNAL,
    }
)
"""The codes that gRPC itself gives when a connection breaks; with a reason of ours they are
answers.
"""

Metadata = Sequence[tuple[str, str | bytes]]


class Unreachable(Exception):
    """The node could not be connected to: nothing was sent."""


class Broken(Exception):
    """The connection broke while the call was under way: it may or may not have been processed."""


class _Channel(NamedTuple):
    """A channel, and the certificate that it shows; None is no TLS."""

    channel: grpc.aio.Channel
    shown: Loaded | None


class Forwarder:
    """Channels to the other nodes, opened when they are needed first. `addresses`: by node id; they
    are looked up anew at each call, for members come, move and go. `certificates`: None is no TLS.
    """

    def __init__(
        self,
        node_id: str,
        addresses: Mapping[str, str],
        message_bytes_max: int,
        certificates: Certificates | None = None,
    ) -> None:
        self._node_id = node_id
        self._addresses = addresses
        self._certificates = certificates
        self._options = (
            *OPTIONS,
            ("grpc.max_receive_message_length", message_bytes_max),
            ("grpc.max_send_message_length", message_bytes_max),
        )
        self._channels: dict[str, _Channel] = {}

    async def unary(
        self, target: str, method: str, request: bytes, metadata: Metadata, timeout_s: float | None
    ) -> bytes:
        """Return another node's answer.

        Errors: Unreachable, Broken; AioRpcError: the other node's refusal.
        """
        channel = await self._connected(target)
        call: Any = channel.unary_unary(method)
        try:
            answer: bytes = await call(request, timeout=timeout_s, metadata=self._marked(metadata))
        except grpc.aio.AioRpcError as error:
            raise _meaning(error) from error
        return answer

    async def stream(
        self,
        target: str,
        method: str,
        requests: AsyncIterator[bytes],
        metadata: Metadata,
        timeout_s: float | None,
    ) -> AsyncIterator[bytes]:
        """Give another node's answers, while `requests` go to it. One request is a stream of one.

        Errors: Unreachable, Broken; AioRpcError: the other node's refusal.
        """
        channel = await self._connected(target)
        multi: Any = channel.stream_stream(method)
        call = multi(requests, timeout=timeout_s, metadata=self._marked(metadata))
        try:
            async for answer in call:
                yield answer
        except grpc.aio.AioRpcError as error:
            raise _meaning(error) from error
        finally:
            call.cancel()

    async def close(self) -> None:
        """Close all channels."""
        for each in self._channels.values():
            await each.channel.close()

    def _marked(self, metadata: Metadata) -> Metadata:
        kept = [(key, value) for key, value in metadata if not key.startswith(_OWN_METADATA)]
        return (*kept, (FORWARDED_BY, self._node_id))

    async def _connected(self, target: str) -> grpc.aio.Channel:
        address = self._addresses.get(target)
        if address is None:
            raise Unreachable(f"node {target} is no member")
        channel = await self._channel(address)
        if channel.get_state(try_to_connect=True) is not grpc.ChannelConnectivity.READY:
            try:
                async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                    await _until_ready(channel)
            except TimeoutError as error:
                raise Unreachable(f"node {target} cannot be connected to") from error
        return channel

    async def _channel(self, address: str) -> grpc.aio.Channel:
        """Return the channel to an address; one that is not ready shows the newest certificate."""
        newest = None if self._certificates is None else self._certificates.now
        known = self._channels.get(address)
        if known is not None and (known.shown is newest or _is_ready(known.channel)):
            return known.channel
        made = self._channels[address] = _Channel(self._open(address, newest), newest)
        if known is not None:
            await known.channel.close()
        return made.channel

    def _open(self, address: str, shown: Loaded | None) -> grpc.aio.Channel:
        if shown is None:
            return grpc.aio.insecure_channel(address, options=self._options)
        own = credentials.for_channel(shown)
        return grpc.aio.secure_channel(address, own, options=self._options)


def _is_ready(channel: grpc.aio.Channel) -> bool:
    return channel.get_state() is grpc.ChannelConnectivity.READY


async def _until_ready(channel: grpc.aio.Channel) -> None:
    """Wait for a connection.

    Errors: Unreachable when the last attempt failed; gRPC goes on trying, and soon knows better.
    """
    state = channel.get_state(try_to_connect=True)
    while state is not grpc.ChannelConnectivity.READY:
        if state is grpc.ChannelConnectivity.TRANSIENT_FAILURE:
            raise Unreachable("the last attempt to connect failed")
        await channel.wait_for_state_change(state)
        state = channel.get_state(try_to_connect=True)


def _meaning(error: grpc.aio.AioRpcError) -> Exception:
    if error.code() in _LOST_CODES and errors.reason_of(error) is None:
        return Broken(error.details() or "the connection broke")
    return error
