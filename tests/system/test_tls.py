"""A cluster under TLS: nodes, clients, workers and the command line, as their users have them."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stepraft.client import Client, SyncClient, TlsFiles, UnavailableError, Worker
from stepraft.testing.cluster import LocalCluster

pytestmark = pytest.mark.system

DEFINITION = """
{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "shop:greet", "End": true}}}
"""
SHOP = """
from stepraft.client import Worker


def make_worker(addresses, tls=None):
    worker = Worker(addresses, worker_id="greeter", tls=tls)
    worker.task("shop:greet")(lambda name: f"hello {name}")
    return worker


def plain_worker(addresses):
    return make_worker(addresses)
"""
TIMEOUT_S = 30.0


class Secured:
    """Three nodes that ask who calls them, and how to call them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certificates = folder / "certificates"
        nodes = [option for node_id in ("n1", "n2", "n3") for option in node(node_id)]
        made = self.stepraft("certs", str(self.certificates), *nodes, *CLUSTER, "--client", "shop")
        assert made.returncode == 0, made.stderr
        settings = {"grpc": {"client_certificates": "required"}}
        self.cluster = LocalCluster(folder / "cluster", settings=settings)
        self.cluster.certificates = self.certificates
        (folder / "shop.py").write_text(SHOP)

    @property
    def files(self) -> dict[str, str]:
        """The files of the client that the nodes let in."""
        names = {"CA": "ca.crt", "CERT": "client-shop.crt", "KEY": "client-shop.key"}
        return {key: str(self.certificates / name) for key, name in names.items()}

    @property
    def tls(self) -> TlsFiles:
        """The same for the SDK."""
        return TlsFiles(*self.files.values())

    @property
    def options(self) -> list[str]:
        """The same for the command line."""
        pairs = [(f"--tls-{key.lower()}", value) for key, value in self.files.items()]
        return [text for pair in pairs for text in pair]

    @property
    def nobody(self) -> TlsFiles:
        """The files of who knows the nodes, and has no certificate."""
        return TlsFiles(self.certificates / "ca.crt")

    def renew(self, node_id: str) -> None:
        renewed = self.stepraft(
            "certs", str(self.certificates), *node(node_id), *CLUSTER, "--renew"
        )
        assert renewed.returncode == 0, renewed.stderr

    def stepraft(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the command line to its end."""
        return subprocess.run(
            [sys.executable, "-c", "from stepraft.cli.main import app; app()", *arguments],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])} | environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )


CLUSTER = ("--cluster", "local")


def node(node_id: str) -> tuple[str, str]:
    return ("--node", f"{node_id}=127.0.0.1")


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    made = Secured(tmp_path_factory.mktemp("secured"))
    try:
        made.cluster.start()
        made.cluster.wait_for_leader()
        yield made
    finally:
        made.cluster.stop()
        print(made.cluster.log_tails())


async def greet(secured: Secured, name: str) -> object:
    """Run one execution, worker and all, through every node, and return its output."""
    worker = Worker(secured.cluster.addresses, tls=secured.tls)
    worker.task("shop:greet")(lambda name: f"hello {name}")
    serving = asyncio.create_task(worker.serve())
    try:
        async with Client(secured.cluster.addresses, tls=secured.tls) as client:
            await client.put_workflow("greet", DEFINITION)
            started = await client.start_execution("greet", name)
            execution = await client.wait_execution(started.execution_id, timeout_s=TIMEOUT_S)
    finally:
        worker.stop()
        await serving
    return execution.output


def test_a_client_and_a_worker_with_certificates_are_served(secured: Secured) -> None:
    assert asyncio.run(greet(secured, "Ada")) == "hello Ada"


def test_a_call_to_any_node_reaches_the_leader(secured: Secured) -> None:
    answers = []
    for address in secured.cluster.addresses:
        with SyncClient(address, tls=secured.tls) as client:
            client.put_workflow("greet", DEFINITION)
            status = client.cluster_status()
            answers.append([node.reachable for node in status.nodes])

    assert answers == [[True, True, True]] * 3


def test_who_shows_no_certificate_is_not_served(secured: Secured) -> None:
    with (
        SyncClient(secured.cluster.addresses, tls=secured.nobody, timeout_s=1.0) as client,
        pytest.raises(UnavailableError, match="no node could be reached"),
    ):
        client.cluster_status()


def test_who_speaks_no_tls_is_not_served(secured: Secured) -> None:
    with (
        SyncClient(secured.cluster.addresses, timeout_s=1.0) as client,
        pytest.raises(UnavailableError, match="no node could be reached"),
    ):
        client.cluster_status()


def test_every_command_speaks_tls(secured: Secured) -> None:
    at = ("--address", ",".join(secured.cluster.addresses))
    (secured.folder / "greet.json").write_text(DEFINITION)

    health = secured.stepraft("health", *at, *secured.options)
    status = secured.stepraft("cluster", "status", *at, *secured.options)
    deployed = secured.stepraft("deploy", "greet.json", *at, *secured.options)
    environment = {f"STEPRAFT_TLS_{key}": value for key, value in secured.files.items()}
    listed = secured.stepraft("list", *at, **environment)
    refused = secured.stepraft("health", *at, "--tls-ca", secured.files["CA"])

    codes = [each.returncode for each in (health, status, deployed, listed, refused)]
    assert codes == [0, 0, 0, 0, 4], [each.stderr for each in (health, status, deployed, listed)]
    assert health.stdout.count(" SERVING\n") == 3


def test_the_worker_of_a_module_is_given_the_files(secured: Secured) -> None:
    at = ("--address", secured.cluster.addresses[0])
    running = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from stepraft.cli.main import app; app()",
            "worker",
            "shop:make_worker",
            *at,
            *secured.options,
        ],
        cwd=secured.folder,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        with SyncClient(secured.cluster.addresses, tls=secured.tls) as client:
            client.put_workflow("greet", DEFINITION)
            started = client.start_execution("greet", "Grace")
            ended = client.wait_execution(started.execution_id, timeout_s=TIMEOUT_S)
    finally:
        running.terminate()
        running.wait(TIMEOUT_S)
    refused = secured.stepraft("worker", "shop:plain_worker", *at, *secured.options)

    assert ended.output == "hello Grace"
    assert (refused.returncode, "takes no `tls`" in refused.stderr) == (1, True)


def test_all_nodes_come_back_with_renewed_certificates(secured: Secured) -> None:
    for node_id in secured.cluster.nodes:
        secured.renew(node_id)
        secured.cluster.terminate(node_id)
        secured.cluster.start(node_id)
        secured.cluster.wait_for_leader()

    assert asyncio.run(greet(secured, "Alan")) == "hello Alan"


def test_a_node_joins_with_a_certificate_of_its_own(secured: Secured) -> None:
    made = secured.stepraft("certs", str(secured.certificates), *node("n4"), *CLUSTER)
    assert made.returncode == 0, made.stderr
    at = ("--address", ",".join(secured.cluster.addresses), *secured.options)
    joining = secured.cluster.new_node("n4")
    secured.cluster.start("n4")
    addresses = ("--raft", joining.raft_address, "--grpc", joining.grpc_address)

    added = secured.stepraft("cluster", "add", "n4", *addresses, "--wait", *at)
    backed_up = secured.stepraft("backup", "all.backup", *at)

    assert (added.returncode, added.stdout) == (0, "n4 has caught up and has a vote\n"), added
    assert backed_up.returncode == 0, backed_up
    with SyncClient(joining.grpc_address, tls=secured.tls) as client:
        status = client.cluster_status()
    assert [each.node_id for each in status.nodes if each.reachable] == ["n1", "n2", "n3", "n4"]
