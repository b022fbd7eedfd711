"""Files for TLS: what is said about wrong ones, and how renewed ones are taken up."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from stepraft.client import Client, SyncClient, TlsFiles, UnavailableError, Worker
from stepraft.client.connections import Connections
from stepraft.client.tls import Credentials
from stepraft.v1 import cluster_pb2
from tests.certificates import make_authority, make_client, make_node


class Folder:
    """The certificates of a node that asks its callers for theirs, and of such a caller."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.renew()

    def renew(self) -> None:
        """Make everything anew, the authority too."""
        authority = make_authority(self.path)
        make_node(self.path, authority, "n1")
        make_client(self.path, authority, "shop")

    @property
    def files(self) -> TlsFiles:
        return TlsFiles(*(self.path / name for name in ("ca.crt", *self.pair)))

    pair = ("client-shop.crt", "client-shop.key")

    @property
    def node(self) -> grpc.ServerCredentials:
        ca, cert, key = ((self.path / name).read_bytes() for name in ("ca.crt", "n1.crt", "n1.key"))
        return grpc.ssl_server_credentials([(key, cert)], ca, require_client_auth=True)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


STATUS = cluster_pb2.GetClusterStatusResponse(cluster_id="secret")


async def test_client_and_node_show_each_other_their_certificates(
    fake_node: Callable[..., Any], folder: Folder
) -> None:
    async with fake_node(credentials=folder.node) as node:
        node.script("GetClusterStatus", STATUS)
        async with Client(node.address, tls=folder.files) as client:
            status = await client.cluster_status()

    assert status.cluster_id == "secret"


async def test_a_connection_made_later_shows_the_renewed_files(
    fake_node: Callable[..., Any], folder: Folder
) -> None:
    async with fake_node(credentials=folder.node) as node:
        connections = Connections(node.address, folder.files)
        first = await connections.ready(deadline=None)
        same = await connections.ready(deadline=None)
    folder.renew()
    async with fake_node(port=node.port, credentials=folder.node):
        second = await connections.ready(deadline=None)
        await connections.close()

    assert same is first
    assert second is not first


async def test_why_the_encryption_failed_is_said(
    fake_node: Callable[..., Any], folder: Folder, tmp_path: Path
) -> None:
    strangers = Folder(tmp_path / "strangers")
    async with (
        fake_node(credentials=folder.node) as node,
        Client(node.address, tls=strangers.files, timeout_s=1.0) as client,
    ):
        with pytest.raises(UnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
            await client.cluster_status()


def missing(folder: Folder) -> None:
    (folder.path / "ca.crt").unlink()


def missing_key(folder: Folder) -> None:
    (folder.path / "client-shop.key").unlink()


def no_authority(folder: Folder) -> None:
    (folder.path / "ca.crt").write_text("none")


def no_certificate(folder: Folder) -> None:
    (folder.path / "client-shop.crt").write_text("none")


def key_of_another(folder: Folder) -> None:
    (folder.path / "n1.key").rename(folder.path / "client-shop.key")


SPOILED = [
    pytest.param(missing, "tls.ca: cannot read {0}/ca.crt: No such file or directory"),
    pytest.param(missing_key, "tls.key: cannot read {0}/client-shop.key: No such file or"),
    pytest.param(no_authority, "tls.ca: {0}/ca.crt holds no certificates in PEM"),
    pytest.param(no_certificate, "tls.cert: {0}/client-shop.crt and {0}/client-shop.key are no"),
    pytest.param(key_of_another, "tls.key: {0}/client-shop.key is not the key of {0}/client-shop"),
]


@pytest.mark.parametrize(("spoil", "text"), SPOILED)
@pytest.mark.parametrize("make", [Client, SyncClient])
def test_files_that_cannot_be_used_are_refused_at_once(
    make: Callable[..., object], spoil: Callable[[Folder], None], text: str, folder: Folder
) -> None:
    spoil(folder)

    with pytest.raises(ValueError, match=f"^{text.format(folder.path)}"):
        make("127.0.0.1:1", tls=folder.files)


async def test_a_worker_refuses_them_before_it_serves(folder: Folder) -> None:
    missing(folder)
    worker = Worker("127.0.0.1:1", tls=folder.files)
    worker.task("shop:greet")(lambda name: name)

    with pytest.raises(ValueError, match=r"^tls\.ca: cannot read"):
        await worker.serve()


@pytest.mark.parametrize(("spoil", "_"), SPOILED)
def test_the_last_good_files_stay_in_use_while_others_are_not_right(
    spoil: Callable[[Folder], None], _: str, folder: Folder
) -> None:
    credentials = Credentials(folder.files)
    first = credentials.now
    spoil(folder)
    kept = credentials.now
    folder.renew()

    assert kept is first
    assert credentials.now is not first
    assert credentials.now is credentials.now


@pytest.mark.parametrize(
    ("given", "text"),
    [
        pytest.param({"cert": "a.crt"}, "tls.key: certificate and key", id="no key"),
        pytest.param({"key": "a.key"}, "tls.cert: certificate and key", id="no certificate"),
    ],
)
def test_certificate_and_key_are_given_together(given: dict[str, str], text: str) -> None:
    with pytest.raises(ValueError, match=f"^{text} are given together, or neither$"):
        TlsFiles("ca.crt", **given)
