"""ClusterService, and the question that a node puts to the others."""

# ruff: noqa: N802 - the methods have the names of their RPCs

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Final

import grpc

from stepraft.server.forward import Broken, Forwarder, Unreachable
from stepraft.server.grpc_api import convert
from stepraft.server.grpc_api.calls import is_forwarded
from stepraft.server.grpc_api.errors import Context
from stepraft.server.service.administration import Administration
from stepraft.server.service.cluster import Cluster, NodeStatus
from stepraft.v1 import cluster_pb2 as pb
from stepraft.v1.cluster_pb2_grpc import ClusterServiceServicer

_GET_CLUSTER_STATUS: Final = "/stepraft.v1.ClusterService/GetClusterStatus"


class ClusterServicer(ClusterServiceServicer):
    """Answers questions about the cluster itself, and changes it."""

    def __init__(self, cluster: Cluster, administration: Administration) -> None:
        self._cluster = cluster
        self._administration = administration

    async def GetClusterStatus(
        self, request: pb.GetClusterStatusRequest, context: Context
    ) -> pb.GetClusterStatusResponse:
        status = await self._cluster.status(is_peer=is_forwarded(context))
        return convert.cluster_status(status)

    async def AddNode(self, request: pb.AddNodeRequest, context: Context) -> pb.AddNodeResponse:
        await self._administration.add(request.node_id, request.raft_address, request.grpc_address)
        return pb.AddNodeResponse()

    async def RemoveNode(
        self, request: pb.RemoveNodeRequest, context: Context
    ) -> pb.RemoveNodeResponse:
        await self._administration.remove(request.node_id)
        return pb.RemoveNodeResponse()

    async def UpdateNode(
        self, request: pb.UpdateNodeRequest, context: Context
    ) -> pb.UpdateNodeResponse:
        await self._administration.update(
            request.node_id, request.raft_address, request.grpc_address
        )
        return pb.UpdateNodeResponse()

    async def TransferLeadership(
        self, request: pb.TransferLeadershipRequest, context: Context
    ) -> pb.TransferLeadershipResponse:
        await self._administration.transfer(request.node_id)
        return pb.TransferLeadershipResponse()

    async def Backup(
        self, request: pb.BackupRequest, context: Context
    ) -> AsyncIterator[pb.BackupChunk]:
        async with aclosing(self._administration.backup()) as backup:
            async for item in backup:
                yield convert.backup_chunk(item)


class GrpcPeers:
    """Asks the other nodes how they stand. Implements `service.cluster.Peers`."""

    def __init__(self, forwarder: Forwarder) -> None:
        self._forwarder = forwarder

    async def nodes_known_to(self, node_id: str, timeout_s: float) -> tuple[NodeStatus, ...] | None:
        """Return what a node knows by itself, of itself and of the others; None when it does not
        answer in time.
        """
        request = pb.GetClusterStatusRequest().SerializeToString()
        try:
            async with asyncio.timeout(timeout_s):
                answer = await self._forwarder.unary(
                    node_id, _GET_CLUSTER_STATUS, request, (), timeout_s
                )
        except (TimeoutError, Unreachable, Broken, grpc.aio.AioRpcError):
            return None
        nodes = pb.GetClusterStatusResponse.FromString(answer).nodes
        return tuple(map(convert.node_status, nodes))
