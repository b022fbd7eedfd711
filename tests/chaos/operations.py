"""What operators do to a cluster under load, by its own API."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import grpc

from stepraft.client import Client, ConflictError, NodeStanding
from stepraft.testing.cluster import LocalCluster

PATIENCE_S: Final = 30.0
_PAUSE_S: Final = 0.1
_CALL_S: Final = 5.0

Call = Callable[[Client], Awaitable[None]]


def transfer(cluster: LocalCluster) -> None:
    """Have the leader hand over, to whomever; it may decline."""
    with suppress(ConflictError):
        _do(cluster, lambda client: client.transfer_leadership())


def remove(cluster: LocalCluster, node_id: str) -> None:
    """Take a node out of the cluster; it stops by itself then."""
    _until_accepted(cluster, lambda client: client.remove_node(node_id))


def add(cluster: LocalCluster, node_id: str) -> None:
    """Take a node into the cluster."""
    node = cluster.nodes[node_id]
    _until_accepted(
        cluster,
        lambda client: client.add_node(
            node_id, raft_address=node.raft_address, grpc_address=node.grpc_address
        ),
    )


def wait_for_vote(cluster: LocalCluster, node_id: str) -> None:
    """Wait until a node that was added has all data and a vote.

    Errors: TimeoutError.
    """

    async def look(client: Client) -> bool:
        nodes = (await client.cluster_status()).nodes
        return any(
            node.node_id == node_id and node.standing is NodeStanding.VOTER for node in nodes
        )

    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        if asyncio.run(_ask(cluster, look)):
            return
        time.sleep(_PAUSE_S)
    raise TimeoutError(f"{node_id} has no vote after {PATIENCE_S} s")


def wait_until_it_follows(cluster: LocalCluster, node_id: str) -> None:
    """Wait until a node that was started is up and knows a leader.

    Errors: TimeoutError.
    """
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        with suppress(grpc.RpcError):
            if cluster.status(node_id).leader_id:
                return
        time.sleep(_PAUSE_S)
    raise TimeoutError(f"{node_id} follows nobody after {PATIENCE_S} s")


def _until_accepted(cluster: LocalCluster, call: Call) -> None:
    """Ask until the change is made: another may be on its way, or a node not be back yet.

    Errors: ConflictError.
    """
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            _do(cluster, call)
        except ConflictError:
            if time.monotonic() >= deadline_s:
                raise
            time.sleep(_PAUSE_S)
        else:
            return


def _do(cluster: LocalCluster, call: Call) -> None:
    async def do(client: Client) -> bool:
        await call(client)
        return True

    asyncio.run(_ask(cluster, do))


async def _ask(cluster: LocalCluster, ask: Callable[[Client], Awaitable[bool]]) -> bool:
    async with Client(cluster.addresses, timeout_s=_CALL_S) as client:
        return await ask(client)
