"""The gap in acknowledged writes when the leader goes: killed, stopped, or handing over."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

from bench.failover import bars
from bench.failover.bars import Figure
from bench.failover.steps import in_step
from bench.failover.writers import Writers
from stepraft.client import Client
from stepraft.testing.cluster import LocalCluster

_SETTLE_S: Final = 2.0
"""How long after a failure a gap may begin or go on to count."""

Removal = Callable[[LocalCluster, str], Awaitable[None]]
"""Takes the leadership from a node."""


async def killed(cluster: LocalCluster, times: int) -> list[Figure]:
    """Kill the leader, as `kill -9` does."""
    return list(
        await _figures(
            "leader killed", cluster, _kill, times, (bars.KILLED_MEDIAN_S, bars.KILLED_MAX_S)
        )
    )


async def stopped(cluster: LocalCluster, times: int) -> list[Figure]:
    """Stop the leader, as a rolling restart does."""
    planned = (bars.PLANNED_S, None)
    return list(await _figures("leader stopped", cluster, _terminate, times, planned))


async def transferred(cluster: LocalCluster, times: int) -> list[Figure]:
    """Have the leader hand over."""
    planned = (bars.PLANNED_S, None)
    return list(await _figures("leadership transferred", cluster, _transfer, times, planned))


async def _figures(
    what: str,
    cluster: LocalCluster,
    remove: Removal,
    times: int,
    limits: tuple[float | None, float | None],
) -> Iterator[Figure]:
    gaps_s: list[float] = []
    writers_gaps_s: list[float] = []
    async with Writers(cluster.addresses) as writers:
        for _ in range(times):
            leader = await asyncio.to_thread(in_step, cluster)
            await asyncio.sleep(_SETTLE_S)
            began_s = time.monotonic()
            await remove(cluster, leader)
            await asyncio.sleep(_SETTLE_S)
            gaps_s.append(writers.gap_s(began_s))
            writers_gaps_s.append(writers.worst_writer_gap_s(began_s))
            print(
                f"  {what}: {leader}, {gaps_s[-1]:.3f} s, worst writer {writers_gaps_s[-1]:.3f} s"
            )
            if not cluster.nodes[leader].is_running:
                await asyncio.to_thread(cluster.start, leader)
    return iter(
        [
            *bars.spread(what, gaps_s, *limits),
            *bars.spread(f"{what}, the worst writer", writers_gaps_s, None, None),
        ]
    )


async def _kill(cluster: LocalCluster, leader: str) -> None:
    await asyncio.to_thread(cluster.kill, leader)


async def _terminate(cluster: LocalCluster, leader: str) -> None:
    await asyncio.to_thread(cluster.terminate, leader)


async def _transfer(cluster: LocalCluster, leader: str) -> None:
    async with Client(cluster.addresses) as client:
        await client.transfer_leadership()
