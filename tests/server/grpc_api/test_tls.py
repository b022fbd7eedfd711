"""The gRPC port under TLS: who is let in, how nodes call each other, and renewed certificates."""

import socket
import ssl
from pathlib import Path

import grpc
import pytest

from stepraft.server.forward import Forwarder
from stepraft.server.tls import Certificates
from stepraft.v1 import cluster_pb2, cluster_pb2_grpc
from stepraft.v1 import executions_pb2 as executions
from tests.certificates import (
    calling_context,
    files_of,
    make_authority,
    make_client,
    make_node,
)
from tests.server.grpc_api.served import Served, served
from tests.server.local_node import PASS, put

REQUIRED: dict[str, object] = {"client_certificates": "required"}
STATUS = "/stepraft.v1.ClusterService/GetClusterStatus"


class Folder:
    """The certificates of n1 and n2, and what a client has."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.authority = make_authority(path)
        self.nodes = {node_id: self.load(node_id) for node_id in ("n1", "n2")}

    def load(self, node_id: str) -> Certificates:
        return Certificates(make_node(self.path, self.authority, node_id), "tests", node_id)

    def renew(self, node_id: str) -> None:
        make_node(self.path, self.authority, node_id)
        self.nodes[node_id].look()

    def shown_by_client(self, name: str | None) -> grpc.ChannelCredentials:
        ca = (self.path / "ca.crt").read_bytes()
        if name is None:
            return grpc.ssl_channel_credentials(ca)
        files = files_of(self.path, name)
        key, cert = Path(files.key).read_bytes(), Path(files.cert).read_bytes()
        return grpc.ssl_channel_credentials(ca, key, cert)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


async def code_of(address: str, shown: grpc.ChannelCredentials | None) -> str:
    """Ask a node how it is, and return the code of the answer."""
    make = grpc.aio.insecure_channel(address)
    channel = make if shown is None else grpc.aio.secure_channel(address, shown)
    async with channel:
        stub = cluster_pb2_grpc.ClusterServiceStub(channel)
        try:
            await stub.GetClusterStatus(cluster_pb2.GetClusterStatusRequest())
        except grpc.aio.AioRpcError as error:
            return error.code().name
    return "OK"


@pytest.mark.parametrize(
    ("asked", "client", "code"),
    [
        pytest.param("none", None, "OK", id="nobody is asked"),
        pytest.param("none", "client-shop", "OK", id="shown without being asked"),
        pytest.param("required", "client-shop", "OK", id="asked and shown"),
        pytest.param("required", "n2", "OK", id="a node's"),
        pytest.param("required", None, "UNAVAILABLE", id="asked and none there"),
        pytest.param("required", "client-stranger", "UNAVAILABLE", id="another authority's"),
    ],
)
async def test_who_connects_shows_a_certificate_where_it_is_asked_for(
    asked: str, client: str | None, code: str, folder: Folder
) -> None:
    make_client(folder.path, folder.authority, "shop")
    make_client(folder.path, make_authority(folder.path / "other"), "stranger")
    settings: dict[str, object] = {"client_certificates": asked}

    async with served("n1", certificates=folder.nodes["n1"], grpc=settings) as node:
        assert await code_of(node.address, folder.shown_by_client(client)) == code


async def test_a_port_with_tls_answers_nobody_without(folder: Folder) -> None:
    async with served("n1", certificates=folder.nodes["n1"]) as node:
        assert await code_of(node.address, None) == "UNAVAILABLE"


async def test_nodes_pass_calls_on_with_their_own_certificates(folder: Folder) -> None:
    addresses: dict[str, str] = {}
    nodes = folder.nodes
    async with (
        served("n1", addresses, certificates=nodes["n1"], grpc=REQUIRED) as leader,
        served("n2", addresses, certificates=nodes["n2"], grpc=REQUIRED) as follower,
    ):
        await put(leader.local, echo=PASS)
        await follower.local.follow("n1")
        await follower.server.follow_leader()
        request = executions.StartExecutionRequest(workflow="echo", input="1")

        reply = await follower.executions.StartExecution(request)

        found = await leader.executions.GetExecution(
            executions.GetExecutionRequest(execution_id=reply.execution_id)
        )
        assert found.execution.output == "1"


async def test_new_connections_are_shown_a_renewed_certificate(folder: Folder) -> None:
    async with served("n1", certificates=folder.nodes["n1"]) as node:
        first = shown_by(node)
        again = shown_by(node)
        folder.renew("n1")
        renewed = shown_by(node)

    assert first == again
    assert renewed != first


def shown_by(node: Served) -> bytes:
    host, port = node.address.split(":")
    with (
        socket.create_connection((host, int(port))) as plain,
        _http2_context().wrap_socket(plain) as link,
    ):
        shown = link.getpeercert(binary_form=True)
    assert shown is not None
    return shown


def _http2_context() -> ssl.SSLContext:
    context = calling_context()
    context.set_alpn_protocols(["h2"])
    return context


async def test_a_node_whose_certificate_was_renewed_shows_it_when_it_connects_again(
    folder: Folder,
) -> None:
    addresses: dict[str, str] = {}
    n1, n2 = folder.nodes["n1"], folder.nodes["n2"]
    forwarder = Forwarder("n2", addresses, 1 << 20, n2)
    request = cluster_pb2.GetClusterStatusRequest().SerializeToString()
    try:
        async with served("n1", addresses, certificates=n1, grpc=REQUIRED):
            await forwarder.unary("n1", STATUS, request, (), 5.0)
            port = addresses["n1"].rpartition(":")[2]
        folder.authority = make_authority(folder.path)
        for node_id in ("n1", "n2"):
            folder.renew(node_id)
        settings = REQUIRED | {"listen": f"127.0.0.1:{port}"}
        async with served("n1", addresses, certificates=n1, grpc=settings):
            answer = await forwarder.unary("n1", STATUS, request, (), 5.0)
    finally:
        await forwarder.close()

    assert cluster_pb2.GetClusterStatusResponse.FromString(answer).cluster_id == "dev"
