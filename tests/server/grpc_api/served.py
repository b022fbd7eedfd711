"""Nodes in memory that serve real gRPC on loopback, for the tests of the face."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from stepraft.server.forward import Forwarder
from stepraft.server.grpc_api import credentials, errors
from stepraft.server.grpc_api.calls import Calls
from stepraft.server.grpc_api.server import GrpcServer
from stepraft.server.tls import Certificates
from stepraft.v1 import (
    cluster_pb2_grpc,
    executions_pb2_grpc,
    tasks_pb2_grpc,
    workflows_pb2_grpc,
)
from tests.server.local_node import PASS, TASK, LocalNode, configuration, put

LEADER_WAIT_S = 1.0


@dataclass
class Served:
    """A node with its port, and a client's stubs to it."""

    local: LocalNode
    server: GrpcServer
    address: str
    channel: grpc.aio.Channel

    def __post_init__(self) -> None:
        self.workflows: Any = workflows_pb2_grpc.WorkflowServiceStub(self.channel)
        self.executions: Any = executions_pb2_grpc.ExecutionServiceStub(self.channel)
        self.tasks: Any = tasks_pb2_grpc.TaskServiceStub(self.channel)
        self.cluster: Any = cluster_pb2_grpc.ClusterServiceStub(self.channel)


@dataclass(frozen=True)
class Refusal:
    """An error as a client sees it: status, reason, fields to blame, whether to try again."""

    code: str
    reason: str
    fields: tuple[str, ...] = ()
    has_retry: bool = False


@asynccontextmanager
async def served(
    node_id: str = "dev",
    addresses: dict[str, str] | None = None,
    *,
    is_new: bool = False,
    certificates: Certificates | None = None,
    **sections: dict[str, object],
) -> AsyncIterator[Served]:
    """Serve a leading node, or one that is new and has heard of nothing. `addresses`: those of all
    nodes, in which it enters its own. `certificates`: with TLS, and the channel shows them too.
    """
    addresses = {} if addresses is None else addresses
    config = configuration(**sections)
    local = LocalNode(node_id, config, addresses, is_new)
    await local.start()
    forwarder = Forwarder(node_id, addresses, config.grpc.max_message_bytes, certificates)
    calls = Calls(node_id, forwarder, LEADER_WAIT_S)
    server = GrpcServer(config.grpc, local.application, calls, certificates)
    addresses[node_id] = f"127.0.0.1:{server.bind()}"
    await server.start()
    channel = channel_to(addresses[node_id], certificates)
    try:
        yield Served(local, server, addresses[node_id], channel)
    finally:
        await channel.close()
        local.application.drain()
        await server.stop(0.0)
        await local.partition.stop()
        await forwarder.close()


def channel_to(address: str, certificates: Certificates | None) -> grpc.aio.Channel:
    """Return a channel that takes answers of any size."""
    options = (("grpc.max_receive_message_length", -1),)
    if certificates is None:
        return grpc.aio.insecure_channel(address, options=options)
    shown = credentials.for_channel(certificates.now)
    return grpc.aio.secure_channel(address, shown, options=options)


async def refusal_of(call: Awaitable[object]) -> Refusal:
    """Return how a call was refused."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return refusal_in(refused.value)


def refusal_in(error: grpc.aio.AioRpcError) -> Refusal:
    """Return what a status says."""
    details = dict(error.trailing_metadata() or ()).get(errors.DETAILS_KEY, b"")
    status = status_pb2.Status.FromString(bytes(details))
    info, request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    has_retry = False
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(request)
        has_retry |= detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR)
    if info.reason:
        assert (info.domain, status.message) == ("stepraft.dev", error.details())
    fields = tuple(violation.field for violation in request.field_violations)
    return Refusal(error.code().name, info.reason, fields, has_retry)


async def read_all(call: Any) -> None:
    """Read a stream to its end."""
    while await call.read() is not grpc.aio.EOF:
        pass


@asynccontextmanager
async def two_nodes() -> AsyncIterator[tuple[Served, Served]]:
    """A leader `n1` and a node `n2` that follows it; their stores are not connected."""
    addresses: dict[str, str] = {}
    async with served("n1", addresses) as leader, served("n2", addresses) as follower:
        await put(leader.local, echo=PASS, task=TASK)
        await follower.local.follow("n1")
        await follower.server.follow_leader()
        yield leader, follower
