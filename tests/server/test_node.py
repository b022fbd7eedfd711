"""A whole node in this process: real store, real log, real port."""

import asyncio
from pathlib import Path

import grpc
import pytest

from stepraft.server.config import single_node
from stepraft.server.node import Node
from stepraft.server.raft.contract import StartError
from stepraft.server.settings import Config, LogSection
from stepraft.v1 import (
    cluster_pb2_grpc,
    tasks_pb2,
    tasks_pb2_grpc,
    workflows_pb2,
    workflows_pb2_grpc,
)
from stepraft.v1.cluster_pb2 import GetClusterStatusRequest, GetClusterStatusResponse
from tests.server.local_node import PASS

PUT = workflows_pb2.PutWorkflowRequest(
    name="echo", definition=str(PASS).replace("'", '"').replace("True", "true")
)


def config_of(folder: Path, listen: str = "127.0.0.1:0") -> Config:
    return single_node(folder, listen, LogSection())


async def status_of(node: Node) -> GetClusterStatusResponse:
    async with grpc.aio.insecure_channel(node.grpc_address) as channel:
        stub = cluster_pb2_grpc.ClusterServiceStub(channel)
        return await stub.GetClusterStatus(GetClusterStatusRequest())


async def put(node: Node) -> tuple[int, bool]:
    async with grpc.aio.insecure_channel(node.grpc_address) as channel:
        response = await workflows_pb2_grpc.WorkflowServiceStub(channel).PutWorkflow(PUT)
        return response.workflow.version, response.created


async def test_a_node_keeps_what_it_took_over_a_restart(tmp_path: Path) -> None:
    made = []
    for _ in range(2):
        node = Node(config_of(tmp_path))
        await node.start()
        made.append(await put(node))
        await node.stop()

    assert made == [(1, True), (1, False)]


async def test_a_node_says_where_it_is_reached(tmp_path: Path) -> None:
    node = Node(config_of(tmp_path))
    await node.start()
    try:
        status = await status_of(node)
    finally:
        await node.stop()

    [told] = status.nodes
    assert (told.address, told.node_id, told.reachable) == (node.grpc_address, "dev", True)


async def test_a_worker_is_told_to_go_elsewhere_when_the_node_stops(tmp_path: Path) -> None:
    node = Node(config_of(tmp_path))
    await node.start()
    async with grpc.aio.insecure_channel(node.grpc_address) as channel:
        stream = tasks_pb2_grpc.TaskServiceStub(channel).StreamTasks()
        hello = tasks_pb2.Hello(resources=["work"], worker_id="w")
        await stream.write(tasks_pb2.WorkerMessage(hello=hello))
        await put(node)

        stopping = asyncio.create_task(node.stop())

        assert await stream.read() == tasks_pb2.ServerMessage(draining=True)
        assert await stream.read() is grpc.aio.EOF
        await stopping


async def test_a_port_in_use_stops_the_start_and_leaves_nothing_open(tmp_path: Path) -> None:
    node = Node(config_of(tmp_path / "a"))
    await node.start()
    try:
        with pytest.raises(StartError, match=f"grpc.listen: cannot listen on {node.grpc_address}"):
            await Node(config_of(tmp_path / "b", node.grpc_address)).start()
    finally:
        await node.stop()

    again = Node(config_of(tmp_path / "b"))
    await again.start()
    await again.stop()


async def test_a_data_folder_in_use_stops_the_start(tmp_path: Path) -> None:
    node = Node(config_of(tmp_path))
    await node.start()
    try:
        with pytest.raises(StartError, match=r"node\.data_dir: .* is in use"):
            await Node(config_of(tmp_path)).start()
    finally:
        await node.stop()
