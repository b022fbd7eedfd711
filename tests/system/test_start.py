"""A server that must not start says why in one line, and with which exit code."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

CONFIGURATION_IS_WRONG = 2
COULD_NOT_START = 1
START_S = 30


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "stepraft.toml"
    path.write_text(
        f"""
        [node]
        id = "n1"
        data_dir = "{tmp_path / "data"}"
        [cluster]
        id = "shop"
        [cluster.members]
        n1 = {{ raft = "127.0.0.1:0", grpc = "127.0.0.1:0" }}
        n2 = {{ raft = "127.0.0.1:0", grpc = "127.0.0.1:0" }}
        [grpc]
        listen = "127.0.0.1:0"
        [raft]
        listen = "127.0.0.1:0"
        """
    )
    return path


def run(config: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a server that is expected to end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "stepraft.server", "--config", str(config), *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=START_S,
        check=False,
    )


def start_and_stop(config: Path) -> None:
    """Let a server make its data folder."""
    process = subprocess.Popen(
        [sys.executable, "-m", "stepraft.server", "--config", str(config)],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "serves on" in line:
            break
    process.terminate()
    process.communicate(timeout=START_S)
    assert process.returncode == 0


def test_a_port_in_use_is_named(config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        ended = run(config, "--grpc-listen", address)

    assert ended.returncode == COULD_NOT_START
    assert f"stepraft: grpc.listen: cannot listen on {address}" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_port_of_raft_in_use_is_named(config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        ended = run(config, STEPRAFT_RAFT_LISTEN=address)

    assert (ended.returncode, address in ended.stderr) == (COULD_NOT_START, True)
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("flag", "text"),
    [
        pytest.param(
            ("--node-id", "n2"),
            "the store belongs to node 'n1', and this is node 'n2'",
            id="another node",
        ),
        pytest.param(
            ("--cluster-id", "other"),
            "the store belongs to cluster 'shop', and this is cluster 'other'",
            id="another cluster",
        ),
    ],
)
def test_the_data_folder_of_another_is_refused(
    config: Path, flag: tuple[str, str], text: str
) -> None:
    start_and_stop(config)

    ended = run(config, *flag)

    assert ended.returncode == COULD_NOT_START
    [line] = [line for line in ended.stderr.splitlines() if line.startswith("stepraft: ")]
    assert (line.startswith("stepraft: node.data_dir: "), line.endswith(text)) == (True, True)
    assert "Traceback" not in ended.stderr


def test_a_wrong_configuration_is_told_line_by_line(config: Path) -> None:
    ended = run(config, "--raft-fsync", "maybe", "--log-level", "loud")

    assert (ended.returncode, ended.stderr.splitlines()) == (
        CONFIGURATION_IS_WRONG,
        [
            "stepraft: raft.fsync: expected `bool`, got `str`",
            "stepraft: log.level: invalid enum value 'loud'; it is one of "
            + ", ".join(("debug", "info", "warning", "error")),
        ],
    )


def test_an_unknown_flag_is_a_wrong_configuration(config: Path) -> None:
    ended = run(config, "--grpc-port", "1")

    assert ended.returncode == CONFIGURATION_IS_WRONG
    assert "--grpc-port" in ended.stderr
