"""Run the benchmark.

python -m bench --nodes 1,3 --workloads W1,W2,W3,W4 --in-flight 1,64,256 --seconds 4 --json FILE
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import grpc
import uvloop

from bench import load, report, usage
from bench.workloads import WORKLOADS, Workload
from stepraft.testing.cluster import LocalCluster
from stepraft.v1 import executions_pb2_grpc, workflows_pb2, workflows_pb2_grpc

_WARM_UP_S: Final = 1.0
_W3_IN_FLIGHT_MAX: Final = 16


@dataclass(frozen=True)
class Point:
    """One measurement. CPU in microseconds per execution: of the leader, of all nodes, of the
    worker.
    """

    workload: str
    nodes: int
    in_flight: int
    per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    leader_cpu_us: float
    nodes_cpu_us: float
    worker_cpu_us: float
    resident_mb: float
    disk_bytes: float


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", default="1,3")
    parser.add_argument("--workloads", default="W1,W2,W3,W4")
    parser.add_argument("--in-flight", default="1,64,256")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--repeat", type=int, default=1, help="runs per point; the median is given")
    parser.add_argument("--json", type=Path, help="write the points to this file, too")
    arguments = parser.parse_args()
    chosen = [workload for workload in WORKLOADS if workload.name in arguments.workloads.split(",")]
    points: list[Point] = []
    for size in _numbers(arguments.nodes):
        with (
            tempfile.TemporaryDirectory(prefix="stepraft-bench-") as folder,
            _cluster(Path(folder), size) as (cluster, worker),
        ):
            for workload in chosen:
                for in_flight in _in_flight(workload, arguments.in_flight):
                    point = _measure(cluster, worker, workload, in_flight, arguments)
                    points.append(point)
                    print(report.line(point), flush=True)
    print(report.table(points))
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(point) for point in points], indent=1))


def _in_flight(workload: Workload, text: str) -> list[int]:
    """Return how many at once; a work of many items is not done by hundreds at a time."""
    numbers = _numbers(text)
    if workload.units > 1:
        numbers = sorted({min(number, _W3_IN_FLIGHT_MAX) for number in numbers})
    return numbers


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


@contextmanager
def _cluster(folder: Path, size: int) -> Iterator[tuple[LocalCluster, int]]:
    with LocalCluster(folder, size) as cluster:
        cluster.wait_for_leader()
        with (folder / "worker.log").open("ab") as log:
            command = [sys.executable, "-m", "bench.worker", *cluster.addresses]
            worker = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield cluster, worker.pid
        finally:
            worker.terminate()
            worker.wait()


def _measure(
    cluster: LocalCluster,
    worker: int,
    workload: Workload,
    in_flight: int,
    arguments: argparse.Namespace,
) -> Point:
    runs = [
        uvloop.run(_point(cluster, worker, workload, in_flight, arguments.seconds))
        for _ in range(arguments.repeat)
    ]
    middle = statistics.median_low(sorted(run.per_second for run in runs))
    return next(run for run in runs if run.per_second == middle)


async def _point(
    cluster: LocalCluster, worker: int, workload: Workload, in_flight: int, seconds: float
) -> Point:
    leader = cluster.wait_for_leader()
    pids = [node.process.pid for node in cluster.nodes.values() if node.process is not None]
    process = cluster.nodes[leader].process
    assert process is not None, "the leader is no process"
    async with grpc.aio.insecure_channel(cluster.nodes[leader].grpc_address) as channel:
        await workflows_pb2_grpc.WorkflowServiceStub(channel).PutWorkflow(
            workflows_pb2.PutWorkflowRequest(name=workload.name, definition=workload.definition)
        )
        stub = executions_pb2_grpc.ExecutionServiceStub(channel)

        async def once() -> None:
            await workload.once(stub)

        await load.run(once, in_flight, _WARM_UP_S)
        before = usage.cpu_s([process.pid]), usage.cpu_s(pids), usage.cpu_s([worker])
        disk_before = usage.disk_bytes(cluster.folder)
        done = await load.run(once, in_flight, seconds)
        after = usage.cpu_s([process.pid]), usage.cpu_s(pids), usage.cpu_s([worker])
    count = len(done.latencies_s)
    leader_us, nodes_us, worker_us = (
        (now - then) * 1e6 / count for then, now in zip(before, after, strict=True)
    )
    return Point(
        workload=workload.name,
        nodes=len(cluster.nodes),
        in_flight=in_flight,
        per_second=done.per_second * workload.units,
        p50_ms=done.percentile_ms(50),
        p95_ms=done.percentile_ms(95),
        p99_ms=done.percentile_ms(99),
        leader_cpu_us=leader_us,
        nodes_cpu_us=nodes_us,
        worker_cpu_us=worker_us,
        resident_mb=usage.resident_mb(pids),
        disk_bytes=(usage.disk_bytes(cluster.folder) - disk_before) / count / len(cluster.nodes),
    )


if __name__ == "__main__":
    main()
