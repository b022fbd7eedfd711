"""Fills a cluster: executions with large inputs that nothing can compress."""

import asyncio
import os
from base64 import b64encode
from typing import Final

from bench import usage
from bench.failover.writers import WORKFLOW, put_workflow
from stepraft.client import Client
from stepraft.testing.cluster import LocalCluster

_INPUT_BYTES: Final = 190_000
_AT_ONCE: Final = 8
_BETWEEN_LOOKS: Final = 64
_TIMEOUT_S: Final = 120.0


async def fill(cluster: LocalCluster, state_bytes: int) -> int:
    """Start executions until every node's store has so many bytes; return those of the smallest."""
    await put_workflow(cluster.addresses)
    async with Client(cluster.addresses, timeout_s=_TIMEOUT_S) as client:
        while (size := smallest_store_bytes(cluster)) < state_bytes:
            free = asyncio.Semaphore(_AT_ONCE)
            await asyncio.gather(*(_start(client, free) for _ in range(_BETWEEN_LOOKS)))
    return size


def smallest_store_bytes(cluster: LocalCluster) -> int:
    """Return what the smallest of the stores takes on disk; the log does not count."""
    return min(
        sum(
            usage.disk_bytes(folder)
            for partition in node.data_dir.glob("partition-*")
            for folder in partition.iterdir()
            if folder.is_dir() and folder.name != "raft"
        )
        for node in cluster.nodes.values()
    )


async def _start(client: Client, free: asyncio.Semaphore) -> None:
    async with free:
        noise = b64encode(os.urandom(_INPUT_BYTES * 3 // 4)).decode()
        await client.start_execution(WORKFLOW, {"noise": noise})
