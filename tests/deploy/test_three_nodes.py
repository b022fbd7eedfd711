"""Three processes started from deploy/stepraft.toml become one cluster and stop when asked."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from stepraft.v1 import cluster_pb2, cluster_pb2_grpc

pytestmark = pytest.mark.system

START_S = 60
STOP_S = 30


@pytest.fixture
def running_nodes(
    rendered_nodes: list[Any], root: Path, tmp_path: Path
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The three nodes as processes; what still runs at the end is killed."""
    with ExitStack() as stack:
        yield [_started(node, root, tmp_path, stack) for node in rendered_nodes]


def test_three_nodes_from_the_file_become_one_cluster_and_stop(
    rendered_nodes: list[Any], running_nodes: list[subprocess.Popen[bytes]]
) -> None:
    for node in rendered_nodes:
        _wait_for_health(node.grpc_address, service="liveness")
        _wait_for_health(node.grpc_address, service="")

    status = _cluster_status(rendered_nodes[0].grpc_address)

    assert [node.node_id for node in status.nodes] == [node.node_id for node in rendered_nodes]
    assert status.leader_id in {node.node_id for node in rendered_nodes}
    assert _stopped(running_nodes) == [0, 0, 0]


def _started(node: Any, root: Path, folder: Path, stack: ExitStack) -> subprocess.Popen[bytes]:
    log = stack.enter_context((folder / f"{node.node_id}.log").open("wb"))
    process = subprocess.Popen(
        [sys.executable, "-m", "stepraft.server", "--config", str(node.config)],
        cwd=root,
        env=os.environ | {"STEPRAFT_NODE_ID": node.node_id},
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    stack.callback(_kill, process)
    return process


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _wait_for_health(address: str, service: str) -> None:
    """Return when the node says that `service` is served; fail after START_S seconds."""
    request = health_pb2.HealthCheckRequest(service=service)
    with grpc.insecure_channel(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for answer in stub.Watch(request, timeout=START_S, wait_for_ready=True):
            if answer.status == health_pb2.HealthCheckResponse.SERVING:
                return
    pytest.fail(f"{address} closed its health stream before {service!r} was served")


def _cluster_status(address: str) -> cluster_pb2.GetClusterStatusResponse:
    with grpc.insecure_channel(address) as channel:
        stub = cluster_pb2_grpc.ClusterServiceStub(channel)
        return stub.GetClusterStatus(cluster_pb2.GetClusterStatusRequest(), timeout=START_S)


def _stopped(processes: list[subprocess.Popen[bytes]]) -> list[int]:
    """Ask all processes to stop and return their exit codes."""
    for process in processes:
        process.send_signal(signal.SIGTERM)
    return [process.wait(timeout=STOP_S) for process in processes]
