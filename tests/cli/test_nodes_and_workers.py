"""The commands that run or look at nodes and workers, as processes and against a real node."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from stepraft.client import SyncClient
from stepraft.testing.cluster import free_ports

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
START_S = 60.0
STOP_S = 30.0

WORKER = """
from stepraft.client import Worker


def make_worker(addresses):
    worker = Worker(addresses, worker_id="greeter")

    @worker.task("test:greet")
    def greet(person):
        return f"hello {person['name']}"

    return worker


with_address = Worker("127.0.0.1:1")
number = 7


def handler(order, context):
    return order


async def async_handler(order):
    return order


def broken_factory(addresses):
    return addresses["no"]


def idle(addresses):
    return Worker(addresses)
"""

MODULES = {
    "shop": WORKER,
    "misspelt": "def make_worker(:\n",
    "failing": "\n1 / 0\n",
    "needy": "import no_such_library\n",
}
"""Modules that define workers, or cannot be imported."""

SERVES_WHEN_IMPORTED = """
import asyncio

from stepraft.client import Worker

worker = Worker("127.0.0.1:1", worker_id="eager", drain_timeout_s=0)


@worker.task("test:greet")
def greet(person):
    return person


async def serve_and_stop():
    serving = asyncio.create_task(worker.serve())
    await asyncio.sleep(0)
    worker.stop()
    await serving


asyncio.run(serve_and_stop())
"""


PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from stepraft.cli.main import app
app()
"""
"""The program; it takes SIGINT as from a terminal, whatever started the tests."""


@contextmanager
def process(*arguments: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run `stepraft` as a process of its own, which is gone in the end.

    -P: as with the installed program, the current folder is not looked at for modules.
    """
    running = subprocess.Popen(
        [sys.executable, "-P", "-c", PROGRAM, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def stopped(running: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> int:
    """Ask a process to stop, and return its exit code."""
    running.send_signal(number)
    running.communicate(timeout=STOP_S)
    return running.returncode


def wait_until_served(address: str) -> None:
    """Return when the node at `address` says that it can serve."""
    with grpc.insecure_channel(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest()
        for answer in stub.Watch(request, timeout=START_S, wait_for_ready=True):
            if answer.status == health_pb2.HealthCheckResponse.SERVING:
                return


def test_dev_serves_from_one_folder_and_stops_when_asked(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    with process("dev", "--data-dir", "data", "--listen", address, folder=tmp_path) as running:
        wait_until_served(address)
        with SyncClient(address) as client:
            status = client.cluster_status()

        assert stopped(running) == 0

    assert status.leader_id == status.node_id
    assert (tmp_path / "data").is_dir()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["server"], 2, "node.id: it has to be set", id="no configuration"),
        pytest.param(["server", "-c", "no.toml"], 2, "cannot read no.toml", id="no such file"),
        pytest.param(["dev", "--listen", "x"], 2, "grpc.listen", id="no address"),
        pytest.param(["dev", "--log-level", "loud"], 2, "loud", id="no level"),
    ],
)
def test_a_node_that_cannot_start_says_why(
    run: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)

    result = run(*arguments)

    assert result.exit_code == code
    assert said in result.stderr


def test_a_port_in_use_is_said_in_one_line(
    run: Callable[..., Any], address: str, tmp_path: Path
) -> None:
    result = run("dev", "--listen", address, "--data-dir", str(tmp_path / "data"))

    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"error: grpc.listen: cannot listen on {address}: in use, or not here"
    ]


def test_cluster_status_shows_every_node(run: Callable[..., Any], address: str) -> None:
    text = run("cluster", "status").stdout.splitlines()
    document = json.loads(run("cluster", "status", "--json").stdout)

    assert text[0] == "cluster local, leader n1, as n1 sees it"
    assert text[3].split()[:4] == ["n1", "leader", "voter", "normal"]
    assert address in text[3].split()
    (node,) = document["nodes"]
    assert (node["node_id"], node["role"], node["reachable"]) == ("n1", "LEADER", True)
    assert len(node["checksum"]) == len(node["hlc"]) == 16


def test_health_is_the_exit_code_of_all_nodes_together(
    run: Callable[..., Any], address: str
) -> None:
    alone = run("health")
    alive = run("health", "--service", "liveness")
    with_another = run("health", "--address", f"{address},127.0.0.1:1", "--json")

    assert (alone.exit_code, alone.stdout) == (0, f"{address} SERVING\n")
    assert alive.exit_code == 0
    assert with_another.exit_code == 4
    assert json.loads(with_another.stdout) == {
        "nodes": {address: "SERVING", "127.0.0.1:1": "UNAVAILABLE"}
    }


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with the modules."""
    for name, text in MODULES.items():
        (tmp_path / f"{name}.py").write_text(text)
    return tmp_path


def test_a_worker_is_found_in_the_current_folder_and_works_until_told_to_stop(
    shop: Path, address: str
) -> None:
    command = ["worker", "shop:make_worker", "--address", address, "--json"]
    with SyncClient(address) as client, process(*command, folder=shop) as running:
        started = client.start_execution("greet", {"name": "Grace"})
        execution = client.wait_execution(started.execution_id, timeout_s=START_S)
        assert running.stdout is not None
        said = json.loads(running.stdout.readline())

        assert stopped(running) == 0

    assert execution.output == "hello Grace"
    assert said == {"worker_id": "greeter", "resources": ["test:greet"]}


@pytest.mark.parametrize(
    ("target", "code", "said"),
    [
        pytest.param("shop", 2, "names no worker", id="no name"),
        pytest.param("nowhere:worker", 3, "no module 'nowhere'", id="no such module"),
        pytest.param("shop:nothing", 3, "has no 'nothing'", id="no such name"),
        pytest.param("shop:number", 1, "neither a Worker", id="something else"),
        pytest.param("shop:with_address", 2, "addresses of its own", id="an address too many"),
        pytest.param("shop.py:make_worker", 2, "`shop:make_worker`", id="a file"),
        pytest.param("./shop.py:make_worker", 2, "`shop:make_worker`", id="a path"),
        pytest.param("a/b.py:make_worker", 2, "`a.b:make_worker`", id="a path in a folder"),
        pytest.param(".:x", 2, "'.' is no name of a module", id="a dot"),
        pytest.param("..shop:x", 2, "'..shop' is no name of a module", id="a relative name"),
        pytest.param("misspelt:x", 1, "misspelt.py:1)", id="no Python"),
        pytest.param(
            "failing:x", 1, "ZeroDivisionError: division by zero", id="an import that fails"
        ),
        pytest.param(
            "needy:x", 1, "needy imports 'no_such_library'", id="a module imports what is missing"
        ),
        pytest.param("shop:handler", 1, "is no function that takes the", id="a handler"),
        pytest.param("shop:async_handler", 1, "is no function that", id="an async handler"),
        pytest.param("shop:broken_factory", 1, "shop.py:", id="a function that fails"),
        pytest.param("shop:idle", 1, "has no handler", id="a worker without handlers"),
    ],
)
def test_a_target_that_is_no_worker_is_refused(
    shop: Path, address: str, target: str, code: int, said: str
) -> None:
    with process("worker", target, "--address", address, folder=shop) as running:
        _, stderr = running.communicate(timeout=START_S)

    assert running.returncode == code
    assert said in stderr
    error, hint = stderr.splitlines()
    assert (error[:7], hint[:6]) == ("error: ", "hint: ")


def test_a_worker_that_its_module_ran_already_is_not_run_again(tmp_path: Path) -> None:
    (tmp_path / "eager.py").write_text(SERVES_WHEN_IMPORTED)

    with process("worker", "eager:worker", folder=tmp_path) as running:
        stdout, stderr = running.communicate(timeout=START_S)

    assert (running.returncode, stdout) == (0, "")
    assert "Traceback" not in stderr


def test_ctrl_c_ends_a_watch_with_a_code_of_its_own(
    address: str, started: Callable[[str], str], tmp_path: Path
) -> None:
    command = ["watch", started("hold"), "--address", address]
    with process(*command, folder=tmp_path) as running:
        assert running.stdout is not None
        first = running.stdout.readline()

        assert stopped(running, signal.SIGINT) == 130

    assert "ExecutionStarted" in first
