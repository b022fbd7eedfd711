"""What a client asks about the cluster itself, and what its operators do with it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from stepraft.client import messages
from stepraft.client.calls import Effect
from stepraft.client.methods import Methods
from stepraft.client.types import BackupHead, ClusterStatus
from stepraft.v1 import cluster_pb2


class ClusterMethods(Methods):
    """Shows the cluster, changes its members, hands leadership over, and takes backups."""

    async def cluster_status(self) -> ClusterStatus:
        """Return how the cluster looks from the node that answers; it needs no leader."""
        response = await self._calls.unary(
            lambda node: node.cluster.GetClusterStatus,
            cluster_pb2.GetClusterStatusRequest(),
            Effect.READ,
        )
        return messages.cluster_status(response)

    async def add_node(self, node_id: str, *, raft_address: str, grpc_address: str) -> None:
        """Take a node into the cluster. It gets all data first, and then by itself a vote, which
        `cluster_status` tells.

        Errors: ConflictError when the members cannot be changed so, or now.
        """
        await self._calls.unary(
            lambda node: node.cluster.AddNode,
            cluster_pb2.AddNodeRequest(
                node_id=node_id, raft_address=raft_address, grpc_address=grpc_address
            ),
            Effect.SAME_WRITE,
        )

    async def remove_node(self, node_id: str) -> None:
        """Take a node out of the cluster, for good; one that is no member is no error.

        Errors: ConflictError when the members cannot be changed so, or now.
        """
        await self._calls.unary(
            lambda node: node.cluster.RemoveNode,
            cluster_pb2.RemoveNodeRequest(node_id=node_id),
            Effect.SAME_WRITE,
        )

    async def update_node(self, node_id: str, *, raft_address: str, grpc_address: str) -> None:
        """Say where a member is reached from now on.

        Errors: ConflictError when the members cannot be changed so, or now.
        """
        await self._calls.unary(
            lambda node: node.cluster.UpdateNode,
            cluster_pb2.UpdateNodeRequest(
                node_id=node_id, raft_address=raft_address, grpc_address=grpc_address
            ),
            Effect.SAME_WRITE,
        )

    async def transfer_leadership(self, node_id: str = "") -> None:
        """Make a node the leader, or whichever is best fit.

        Errors: ConflictError when it did not come about; the old leader goes on then.
        """
        await self._calls.unary(
            lambda node: node.cluster.TransferLeadership,
            cluster_pb2.TransferLeadershipRequest(node_id=node_id),
            Effect.SAME_WRITE if node_id else Effect.NEW_WRITE,
        )

    async def backup(self) -> AsyncGenerator[BackupHead | bytes, None]:
        """Yield a backup of the whole cluster: first what it holds, then the bytes of the file.

        It has every write that was acknowledged before. Once it has begun it is not resumed: if it
        breaks, an error is raised, and what came so far is of no use.
        """
        has_begun = False

        def begin() -> cluster_pb2.BackupRequest | None:
            return None if has_begun else cluster_pb2.BackupRequest()

        sent = self._calls.stream(lambda node: node.cluster.Backup, begin)
        async with aclosing(sent) as chunks:
            async for chunk in chunks:
                has_begun = True
                if chunk.HasField("head"):
                    yield messages.backup_head(chunk.head)
                else:
                    yield chunk.data
