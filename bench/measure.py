"""One measurement: a cluster with a worker, a load on it, and what that used."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc

from bench import load, usage
from bench.workloads import Workload
from stepraft.testing.cluster import LocalCluster, Settings
from stepraft.v1 import executions_pb2_grpc, workflows_pb2, workflows_pb2_grpc

_WARM_UP_S: Final = 1.0


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


@contextmanager
def cluster_with_worker(
    folder: Path, size: int, settings: Settings | None = None
) -> Iterator[tuple[LocalCluster, int]]:
    """Run a cluster and a worker for it; yield it and the worker's process id."""
    with LocalCluster(folder, size, settings) as cluster:
        cluster.wait_for_leader()
        with (folder / "worker.log").open("ab") as log:
            command = [sys.executable, "-m", "bench.worker", *cluster.addresses]
            worker = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield cluster, worker.pid
        finally:
            worker.terminate()
            worker.wait()


async def point(
    cluster: LocalCluster, worker: int, workload: Workload, in_flight: int, seconds: float
) -> Point:
    """Put so much load on a cluster for so long, and return what came of it."""
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
