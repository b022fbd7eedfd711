"""The cluster itself: its nodes and how they stand."""

import asyncio
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Final, Protocol

from msgspec import Struct

from stepraft.server.engine.partition import Partition
from stepraft.server.raft.contract import RoleKind

PEER_TIMEOUT_S: Final = 0.5
"""How long a node has to say how it stands before it counts as unreachable."""


class NodeStatus(Struct, frozen=True):
    """One node. `role` is None, and all numbers 0, where it is not reachable."""

    node_id: str
    address: str
    is_reachable: bool
    role: RoleKind | None = None
    applied_index: int = 0
    commit_index: int = 0
    last_index: int = 0
    checksum: int = 0
    stamp: int = 0
    software_version: str = ""


class ClusterStatus(Struct, frozen=True):
    """The cluster as node `node_id` sees it; `leader_id` is None while it knows no leader."""

    cluster_id: str
    node_id: str
    leader_id: str | None
    term: int
    epoch: int
    nodes: tuple[NodeStatus, ...]


class Peers(Protocol):
    """Asks the other nodes."""

    async def node_status(self, node_id: str, timeout_s: float) -> NodeStatus | None:
        """Return how a node says that it stands; None when it does not answer in time."""


class Cluster:
    """What callers may ask about the cluster. `addresses`: where each member serves its callers."""

    def __init__(
        self,
        cluster_id: str,
        node_id: str,
        addresses: dict[str, str],
        shards: Sequence[Partition],
        peers: Peers,
    ) -> None:
        self._cluster_id = cluster_id
        self._node_id = node_id
        self._addresses = addresses
        self._partitions = shards
        self._peers = peers

    async def status(self, *, is_peer: bool) -> ClusterStatus:
        """Return how the nodes stand; one that asks for another node (`is_peer`) is told about this
        one only.
        """
        partition = self._partitions[0]
        node_ids = [self._node_id] if is_peer else sorted(self._addresses)
        nodes = await asyncio.gather(*map(self._node, node_ids))
        return ClusterStatus(
            self._cluster_id,
            self._node_id,
            self._leader_of(partition),
            partition.raft_status().term,
            partition.machine.epoch,
            tuple(nodes),
        )

    def _leader_of(self, partition: Partition) -> str | None:
        """Return the leader; this node counts as that once its epoch has begun."""
        if partition.leader_id == self._node_id and not partition.is_serving:
            return None
        return partition.leader_id

    async def _node(self, node_id: str) -> NodeStatus:
        if node_id == self._node_id:
            return self._own()
        told = await self._peers.node_status(node_id, PEER_TIMEOUT_S)
        if told is None:
            return NodeStatus(node_id, self._addresses[node_id], is_reachable=False)
        return told

    def _own(self) -> NodeStatus:
        partition = self._partitions[0]
        raft, position = partition.raft_status(), partition.machine.position
        return NodeStatus(
            node_id=self._node_id,
            address=self._addresses[self._node_id],
            is_reachable=True,
            role=raft.role,
            applied_index=position.applied_index,
            commit_index=raft.commit_index,
            last_index=raft.last_index,
            checksum=position.checksum,
            stamp=position.stamp,
            software_version=_software_version(),
        )


def _software_version() -> str:
    try:
        return version("stepraft")
    except PackageNotFoundError:
        return ""
