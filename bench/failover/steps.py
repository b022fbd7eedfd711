"""Whether the nodes of a cluster are in step."""

import time
from types import TracebackType
from typing import Final, Self

import grpc

from stepraft.testing.cluster import LocalCluster
from stepraft.v1 import cluster_pb2, cluster_pb2_grpc

WAIT_S: Final = 120.0
_LOOK_EVERY_S: Final = 0.02
_ANSWER_S: Final = 1.0
_AS_A_NODE: Final = (("stepraft-forwarded-by", "bench"),)
_BEHIND_MAX: Final = 200
"""How many entries a node may be behind and count as in step: some are always on their way."""


def in_step(cluster: LocalCluster, wait_s: float = WAIT_S) -> str:
    """Return the leader, once there is one and every node is up and has what it has.

    Errors: TimeoutError.
    """
    deadline_s = time.monotonic() + wait_s
    while time.monotonic() < deadline_s:
        leader = cluster.wait_for_leader(wait_s)
        if is_in_step(cluster, leader):
            return leader
        time.sleep(_LOOK_EVERY_S)
    raise TimeoutError(f"the nodes are not in step after {wait_s} s\n{cluster.log_tails()}")


def is_in_step(cluster: LocalCluster, asked: str) -> bool:
    """Whether `asked` sees all nodes, each with nearly all that any has."""
    try:
        nodes = cluster.status(asked).nodes
    except grpc.RpcError:
        return False
    applied = [node.applied_index for node in nodes]
    return min(applied) > 0 and max(applied) - min(applied) <= _BEHIND_MAX


def committed_index(cluster: LocalCluster) -> int:
    """Return what the leader has committed."""
    leader = cluster.wait_for_leader(WAIT_S)
    with OwnWord(cluster, leader) as word:
        own = word.status()
    assert own is not None, "a leader answers"
    return own.commit_index


def seconds_to_reach(cluster: LocalCluster, node_id: str, goal: int) -> float:
    """Return how long it takes from now until a node follows a leader and has applied `goal`.

    Errors: TimeoutError.
    """
    began_s = time.monotonic()
    with OwnWord(cluster, node_id) as word:
        while time.monotonic() < began_s + WAIT_S:
            own = word.status()
            if own is not None and own.applied_index >= goal:
                return time.monotonic() - began_s
            time.sleep(_LOOK_EVERY_S)
    raise TimeoutError(f"{node_id} has not caught up in {WAIT_S} s\n{cluster.log_tails()}")


class OwnWord:
    """Asks one node how it stands, as another node does: it answers without asking the others."""

    def __init__(self, cluster: LocalCluster, node_id: str) -> None:
        self._node_id = node_id
        self._channel = grpc.insecure_channel(
            cluster.nodes[node_id].grpc_address, options=(("grpc.max_reconnect_backoff_ms", 100),)
        )
        self._stub = cluster_pb2_grpc.ClusterServiceStub(self._channel)

    def status(self) -> cluster_pb2.NodeStatus | None:
        """Return what it says; None when it does not answer or follows nobody."""
        request = cluster_pb2.GetClusterStatusRequest()
        try:
            told = self._stub.GetClusterStatus(request, timeout=_ANSWER_S, metadata=_AS_A_NODE)
        except grpc.RpcError:
            return None
        own = (node for node in told.nodes if node.node_id == self._node_id)
        return next(own, None) if told.leader_id else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._channel.close()
