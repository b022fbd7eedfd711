"""A node that falls behind: cut off from the others, started again, or with an empty folder."""

import asyncio
import shutil
import time
from collections.abc import Iterable
from typing import Final

from bench.failover import bars
from bench.failover.bars import Figure
from bench.failover.steps import committed_index, in_step, seconds_to_reach
from bench.failover.writers import Writers
from stepraft.testing.cluster import LocalCluster
from tests.chaos.clusters import NamespaceCluster, others

_BEFORE_S: Final = 15.0
"""How long latencies are measured before anything happens to them."""

_CLIENTS_PER_NODE: Final = 1


async def cut_off(cluster: NamespaceCluster, lasts_s: float) -> list[Figure]:
    """Part one node from the others while they are written to: a follower, then the leader."""
    figures = []
    async with Writers(cluster.addresses, _CLIENTS_PER_NODE) as writers:
        for aim in ("follower", "leader"):
            leader = await asyncio.to_thread(in_step, cluster)
            hit = leader if aim == "leader" else others(cluster, leader)[0]
            for pair in _both_ways(cluster, hit):
                cluster.cut(*pair)
            before = len(writers.all_acknowledged())
            await asyncio.sleep(lasts_s)
            missed = len(writers.all_acknowledged()) - before
            goal = await asyncio.to_thread(committed_index, cluster)
            cluster.heal()
            took_s = await asyncio.to_thread(seconds_to_reach, cluster, hit, goal)
            what = f"{aim} cut off for {lasts_s:g} s and {missed:,} writes, in step again after"
            figures.append(Figure(what, took_s, bar=bars.CUT_OFF_S))
    return figures


def _both_ways(cluster: LocalCluster, hit: str) -> Iterable[tuple[str, str]]:
    for other in others(cluster, hit):
        yield hit, other
        yield other, hit


def restarted(cluster: LocalCluster, state_bytes: int) -> list[Figure]:
    """Kill a node that holds so much state, and start it."""
    leader = in_step(cluster)
    hit = others(cluster, leader)[0]
    goal = committed_index(cluster)
    cluster.kill(hit)
    cluster.start(hit)
    took_s = seconds_to_reach(cluster, hit, goal)
    what = f"node with {state_bytes / 1e9:.2f} GB of state started again, ready after"
    return [Figure(what, took_s, bar=bars.RESTART_S)]


async def replaced(cluster: LocalCluster, state_bytes: int) -> list[Figure]:
    """Empty a node's folder, so that it gets all state as a snapshot from a leader under load."""
    async with Writers(cluster.addresses, _CLIENTS_PER_NODE) as writers:
        leader = await asyncio.to_thread(in_step, cluster)
        hit = others(cluster, leader)[0]
        await asyncio.to_thread(cluster.kill, hit)
        shutil.rmtree(cluster.nodes[hit].data_dir)
        before_s = time.monotonic()
        await asyncio.sleep(_BEFORE_S)
        goal = await asyncio.to_thread(committed_index, cluster)
        since_s = time.monotonic()
        await asyncio.to_thread(cluster.start, hit)
        took_s = await asyncio.to_thread(seconds_to_reach, cluster, hit, goal)
        before = [
            each.latency_s
            for each in writers.all_acknowledged()
            if before_s <= each.sent_s < since_s
        ]
        during = [each.latency_s for each in writers.all_acknowledged() if each.sent_s >= since_s]
    p99_before_s = bars.percentile(sorted(before), 99)
    p99_during_s = bars.percentile(sorted(during), 99)
    return [
        Figure(f"snapshot of {state_bytes / 1e9:.2f} GB to a node with an empty folder", took_s),
        Figure("write p99 before it", p99_before_s * 1000, "ms"),
        Figure("write p99 meanwhile", p99_during_s * 1000, "ms"),
        Figure(
            "write p99 meanwhile, times that before",
            p99_during_s / p99_before_s,
            "x",
            bar=bars.SNAPSHOT_P99_RATIO,
        ),
    ]
