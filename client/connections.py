"""Channels to the nodes of a cluster: one is used, and left for the next when it fails."""

import asyncio
import math
from collections.abc import Sequence
from typing import Final

import grpc

from stepraft.client.backoff import Backoff
from stepraft.client.errors import UnavailableError
from stepraft.client.tls import Credentials, TlsFiles
from stepraft.v1 import cluster_pb2
from stepraft.v1.cluster_pb2_grpc import ClusterServiceStub
from stepraft.v1.executions_pb2_grpc import ExecutionServiceStub
from stepraft.v1.tasks_pb2_grpc import TaskServiceStub
from stepraft.v1.workflows_pb2_grpc import WorkflowServiceStub

CONNECT_TIMEOUT_S: Final = 1.0
_WHY_TIMEOUT_S: Final = 0.5
MESSAGE_BYTES_MAX: Final = 64 * 1024 * 1024

_CHANNEL_OPTIONS: Final = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    # A node that vanished without a word is noticed after half a minute.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # A node that comes back is found soon; gRPC's own choice goes up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # Each client has its own connection, so that closing one does not disturb another.
    ("grpc.use_local_subchannel_pool", 1),
)


class Connection:
    """A channel to one node, with the services on it."""

    def __init__(self, address: str, shown: grpc.ChannelCredentials | None) -> None:
        self.address = address
        self.shown = shown
        """The credentials of the channel; None is no TLS."""
        if shown is None:
            self._channel = grpc.aio.insecure_channel(address, options=_CHANNEL_OPTIONS)
        else:
            self._channel = grpc.aio.secure_channel(address, shown, options=_CHANNEL_OPTIONS)
        self.workflows = WorkflowServiceStub(self._channel)
        self.executions = ExecutionServiceStub(self._channel)
        self.tasks = TaskServiceStub(self._channel)
        self.cluster = ClusterServiceStub(self._channel)

    @property
    def is_ready(self) -> bool:
        """Whether the node is connected now."""
        return self._channel.get_state() is grpc.ChannelConnectivity.READY

    async def connect(self, timeout_s: float) -> bool:
        """Connect within `timeout_s`; False when the node cannot be reached."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._connected()
        except TimeoutError:
            return False

    async def _connected(self) -> bool:
        # A node that failed a moment ago is given up at once: gRPC tries it again by itself.
        failed = {grpc.ChannelConnectivity.TRANSIENT_FAILURE, grpc.ChannelConnectivity.SHUTDOWN}
        state = self._channel.get_state(try_to_connect=True)
        while state is not grpc.ChannelConnectivity.READY and state not in failed:
            await self._channel.wait_for_state_change(state)
            state = self._channel.get_state(try_to_connect=True)
        return state is grpc.ChannelConnectivity.READY

    async def why_not(self) -> str:
        """Return in gRPC's words why the node could not be connected to; it may not know."""
        try:
            await self.cluster.GetClusterStatus(
                cluster_pb2.GetClusterStatusRequest(), timeout=_WHY_TIMEOUT_S
            )
        except grpc.aio.AioRpcError as error:
            return (error.details() or "").rpartition("last error: ")[2]
        return ""

    async def close(self) -> None:
        """Close the channel; what runs on it is canceled."""
        await self._channel.close()


class Connections:
    """The nodes of one cluster. The one in use stays in use until `leave` says that it failed.

    Errors: ValueError for addresses that are none, and for files of `tls` that cannot be used.
    """

    def __init__(self, addresses: str | Sequence[str], tls: TlsFiles | None = None) -> None:
        self._addresses = parse_addresses(addresses)
        self._credentials = None if tls is None else Credentials(tls)
        self._connections: dict[str, Connection] = {}
        self._preferred = 0

    async def ready(self, deadline: float | None) -> Connection:
        """Return a node that is connected, trying all of them in turn.

        `deadline` is in the running loop's time; None tries for ever. Errors: UnavailableError when
        no node could be reached by then; nothing was sent.
        """
        backoff = Backoff()
        while True:
            for _ in self._addresses:
                connection = await self._connection()
                timeout_s = min(CONNECT_TIMEOUT_S, _left_s(deadline))
                if connection.is_ready or await connection.connect(timeout_s):
                    return connection
                self.leave(connection)
            delay_s = backoff.next_s()
            if _left_s(deadline) <= delay_s:
                raise UnavailableError("UNAVAILABLE", await self._no_node())
            await asyncio.sleep(delay_s)

    async def _no_node(self) -> str:
        """Say that no node could be reached; under TLS that may be the fault of a certificate."""
        text = f"no node could be reached, tried {', '.join(self._addresses)}"
        if self._credentials is None:
            return text
        reason = await (await self._connection()).why_not()
        return f"{text}: {reason}" if reason else text

    def leave(self, connection: Connection) -> None:
        """Prefer the next node from now on, unless another caller has moved on already."""
        if connection.address == self._addresses[self._preferred]:
            self._preferred = (self._preferred + 1) % len(self._addresses)

    async def close(self) -> None:
        """Close all channels."""
        await asyncio.gather(*(connection.close() for connection in self._connections.values()))
        self._connections.clear()

    async def _connection(self) -> Connection:
        """Return the preferred node's connection; one that is not ready shows the newest files.

        Channels are made in the loop that uses them.
        """
        address = self._addresses[self._preferred]
        known = self._connections.get(address)
        if known is not None and known.is_ready:
            return known
        newest = None if self._credentials is None else self._credentials.now
        if known is not None and known.shown is newest:
            return known
        made = self._connections[address] = Connection(address, newest)
        if known is not None:
            await known.close()
        return made


def _left_s(deadline: float | None) -> float:
    """Return how much time is left until a deadline in the running loop's time; None is never."""
    return math.inf if deadline is None else deadline - asyncio.get_running_loop().time()


def parse_addresses(addresses: str | Sequence[str]) -> tuple[str, ...]:
    """Return the addresses of a list, or of a text that separates them by commas.

    Errors: ValueError when there is none, or one is no `host:port`.
    """
    listed = addresses.split(",") if isinstance(addresses, str) else addresses
    nodes = tuple(node for node in (address.strip() for address in listed) if node)
    if not nodes:
        raise ValueError("addresses: at least one host:port is needed")
    for node in nodes:
        host, _, port = node.rpartition(":")
        if not host or not port.isascii() or not port.isdecimal() or int(port) > 65_535:
            raise ValueError(f"addresses: {node!r} is no host:port")
    return nodes
