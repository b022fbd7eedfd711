"""What waiting for the disk costs: W1 on two clusters in turn, one of which does not wait."""

import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import uvloop

from bench import measure
from bench.failover import bars
from bench.failover.bars import Figure
from bench.workloads import WORKLOADS
from stepraft.testing.cluster import LocalCluster

IN_FLIGHT: Final = 64
_NODES: Final = 3
_WORKLOAD: Final = next(workload for workload in WORKLOADS if workload.name == "W1")


def fsync_cost(seconds: float, rounds: int) -> list[Figure]:
    """Measure both in turn, so that what else the machine does hits both alike."""
    rates: dict[bool, list[float]] = {True: [], False: []}
    with ExitStack() as stack:
        clusters = {fsync: _cluster(stack, fsync=fsync) for fsync in rates}
        for _ in range(rounds):
            for fsync, (cluster, worker) in clusters.items():
                point = measure.point(cluster, worker, _WORKLOAD, IN_FLIGHT, seconds)
                rates[fsync].append(uvloop.run(point).per_second)
    waiting, careless = statistics.median(rates[True]), statistics.median(rates[False])
    return [
        Figure(f"W1 at {IN_FLIGHT} in flight with fsync", waiting, "/s"),
        Figure(f"W1 at {IN_FLIGHT} in flight without fsync", careless, "/s"),
        Figure("cost of fsync", 100 * (1 - waiting / careless), "%", bar=bars.FSYNC_COST_PERCENT),
    ]


def _cluster(stack: ExitStack, *, fsync: bool) -> tuple[LocalCluster, int]:
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="stepraft-fsync-"))
    settings = {"raft": {"fsync": fsync}}
    return stack.enter_context(measure.cluster_with_worker(Path(folder), _NODES, settings))
