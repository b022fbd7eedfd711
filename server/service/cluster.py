"""The cluster itself: its nodes and how they stand.

Every node knows the members by its own log, and says of itself how it is; the leader knows besides
how much of its log each of the others has. The node that is asked puts the three together.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from stepraft.server.engine.partition import Partition
from stepraft.server.raft.contract import Condition, RaftStatus, RoleKind
from stepraft.server.raft.membership import Standing

PEER_TIMEOUT_S: Final = 0.5
"""How long a node has to say how it stands before it counts as unreachable."""


class NodeStatus(Struct, frozen=True):
    """One node. What is not known is None, 0 or empty; of one that is not reachable only what the
    membership and the leader say is known.

    `match_index`: how much of the leader's log it is known to have. `agrees`: whether its checksum
    is the one that the answering node had at the same index. `waits_for`: the members that it has
    yet to hear before a new cluster forms. `feature_level`: the highest that its program supports.
    `snapshot_bytes`: how much of a snapshot the leader has sent it, 0 while none is on its way.
    """

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
    raft_address: str = ""
    standing: Standing | None = None
    condition: Condition | None = None
    match_index: int = 0
    agrees: bool | None = None
    feature_level: int = 0
    waits_for: tuple[str, ...] = ()
    snapshot_bytes: int = 0


class ClusterStatus(Struct, frozen=True):
    """The cluster as node `node_id` sees it; `leader_id` is None while it knows no leader.

    `feature_level`: the one that the cluster uses.
    """

    cluster_id: str
    node_id: str
    leader_id: str | None
    term: int
    epoch: int
    nodes: tuple[NodeStatus, ...]
    feature_level: int = 0


class Peers(Protocol):
    """Asks the other nodes."""

    async def nodes_known_to(self, node_id: str, timeout_s: float) -> tuple[NodeStatus, ...] | None:
        """Return what a node knows by itself, of itself and of the others; None when it does not
        answer in time.
        """


class Cluster:
    """What callers may ask about the cluster. `addresses`: where each member serves its callers."""

    def __init__(
        self,
        cluster_id: str,
        node_id: str,
        addresses: Mapping[str, str],
        shards: Sequence[Partition],
        peers: Peers,
    ) -> None:
        self._cluster_id = cluster_id
        self._node_id = node_id
        self._addresses = addresses
        self._partitions = shards
        self._peers = peers

    async def status(self, *, is_peer: bool) -> ClusterStatus:
        """Return how the nodes stand; one that asks for another node (`is_peer`) is told what this
        one knows by itself.
        """
        partition = self._partitions[0]
        raft = partition.raft_status()
        leader_id = self._leader_of(partition)
        nodes = self._known_here(raft)
        if not is_peer:
            told = await self._told(node_id for node_id in nodes if node_id != self._node_id)
            by_leader = told.get(leader_id or "", nodes)
            nodes = {
                node_id: self._joined(known, told.get(node_id), by_leader.get(node_id))
                for node_id, known in nodes.items()
            }
        return ClusterStatus(
            self._cluster_id,
            self._node_id,
            leader_id,
            raft.term,
            partition.machine.epoch,
            tuple(nodes.values()),
            partition.machine.feature_level,
        )

    def _leader_of(self, partition: Partition) -> str | None:
        """Return the leader; this node counts as that once its epoch has begun."""
        if partition.leader_id == self._node_id and not partition.is_serving:
            return None
        return partition.leader_id

    # What this node knows by itself

    def _known_here(self, raft: RaftStatus) -> "Nodes":
        """Return all members by id, and this node, which need not be one yet."""
        peers = {peer.node_id: peer for peer in raft.peers}
        nodes = {}
        for node_id in sorted({*self._addresses, self._node_id}):
            member, peer = raft.membership.members.get(node_id), peers.get(node_id)
            nodes[node_id] = NodeStatus(
                node_id,
                self._addresses.get(node_id, ""),
                is_reachable=peer is not None and peer.is_connected,
                raft_address=member.raft if member else "",
                standing=member.standing if member else None,
                match_index=peer.match_index if peer else 0,
                snapshot_bytes=peer.snapshot_bytes if peer else 0,
            )
        nodes[self._node_id] = self._own(nodes[self._node_id], raft)
        return nodes

    def _own(self, known: NodeStatus, raft: RaftStatus) -> NodeStatus:
        position = self._partitions[0].machine.position
        return msgspec.structs.replace(
            known,
            is_reachable=True,
            role=raft.role,
            applied_index=position.applied_index,
            commit_index=raft.commit_index,
            last_index=raft.last_index,
            checksum=position.checksum,
            stamp=position.stamp,
            software_version=_software_version(),
            condition=raft.condition,
            match_index=raft.last_index if raft.role is RoleKind.LEADER else 0,
            feature_level=self._partitions[0].machine.supported_level,
            waits_for=raft.waits_for,
        )

    # What the others say

    async def _told(self, node_ids: Iterable[str]) -> dict[str, "Nodes"]:
        """Return what each of the other nodes knows; those that keep silent are left out."""
        asked = list(node_ids)
        answers = await asyncio.gather(
            *(self._peers.nodes_known_to(each, PEER_TIMEOUT_S) for each in asked)
        )
        return {
            node_id: {node.node_id: node for node in answer}
            for node_id, answer in zip(asked, answers, strict=True)
            if answer is not None
        }

    def _joined(
        self, known: NodeStatus, told: "Nodes | None", by_leader: NodeStatus | None
    ) -> NodeStatus:
        """Return a node by its own words, where it said any, else by those of the others."""
        own = (told or {}).get(known.node_id)
        is_here = known.node_id == self._node_id
        return msgspec.structs.replace(
            own or known,
            address=known.address,
            raft_address=known.raft_address,
            standing=known.standing,
            is_reachable=is_here or own is not None,
            match_index=by_leader.match_index if by_leader else 0,
            snapshot_bytes=by_leader.snapshot_bytes if by_leader else 0,
            agrees=self._agrees(own) if own else None,
        )

    def _agrees(self, other: NodeStatus) -> bool | None:
        """Whether another node's checksum is this one's at the same index; None when this node does
        not know (any more) what it was then.
        """
        own = self._partitions[0].machine.checksum_at(other.applied_index)
        return None if own is None or other.applied_index == 0 else own == other.checksum


Nodes = dict[str, NodeStatus]


def _software_version() -> str:
    try:
        return version("stepraft")
    except PackageNotFoundError:
        return ""
