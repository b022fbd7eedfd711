"""ClusterService, and the question that a node puts to the others."""

# ruff: noqa: N802 - the methods have the names of their RPCs

import asyncio
from typing import Final

import grpc

from stepraft.server.forward import Broken, Forwarder, Unreachable
from stepraft.server.grpc_api import convert
from stepraft.server.grpc_api.calls import is_forwarded
from stepraft.server.grpc_api.errors import Context
from stepraft.server.service.cluster import Cluster, NodeStatus
from stepraft.v1 import cluster_pb2 as pb
from stepraft.v1.cluster_pb2_grpc import ClusterServiceServicer

_GET_CLUSTER_STATUS: Final = "/stepraft.v1.ClusterService/GetClusterStatus"


class ClusterServicer(ClusterServiceServicer):
    """Answers questions about the cluster itself."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def GetClusterStatus(
        self, request: pb.GetClusterStatusRequest, context: Context
    ) -> pb.GetClusterStatusResponse:
        status = await self._cluster.status(is_peer=is_forwarded(context))
        return convert.cluster_status(status)


class GrpcPeers:
    """Asks the other nodes how they stand. Implements `service.cluster.Peers`."""

    def __init__(self, forwarder: Forwarder) -> None:
        self._forwarder = forwarder

    async def node_status(self, node_id: str, timeout_s: float) -> NodeStatus | None:
        """Return how a node says that it stands; None when it does not answer in time."""
        request = pb.GetClusterStatusRequest().SerializeToString()
        try:
            async with asyncio.timeout(timeout_s):
                answer = await self._forwarder.unary(
                    node_id, _GET_CLUSTER_STATUS, request, (), timeout_s
                )
        except (TimeoutError, Unreachable, Broken, grpc.aio.AioRpcError):
            return None
        nodes = pb.GetClusterStatusResponse.FromString(answer).nodes
        return convert.node_status(nodes[0]) if nodes else None
