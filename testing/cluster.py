"""A cluster of real server processes on this machine: for demonstrations, benchmarks and tests of
what happens when one dies.

    with LocalCluster(folder, size=3) as cluster:
        leader = cluster.wait_for_leader()
        cluster.kill(leader)

Each node has its own data folder and log file beneath `folder`, and listens on loopback only.
Processes are ended by their own handle, never by name.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import grpc

from stepraft.v1 import cluster_pb2, cluster_pb2_grpc

_POLL_S: Final = 0.02
_STOP_S: Final = 20.0

Settings = Mapping[str, Mapping[str, object]]
"""Configuration on top of the defaults: section, key, value."""


class LocalNode:
    """One server process: its addresses, files and, while it runs, its handle."""

    def __init__(self, node_id: str, folder: Path, grpc_port: int, raft_port: int) -> None:
        self.node_id = node_id
        self.data_dir = folder / node_id
        self.log_path = folder / f"{node_id}.log"
        self.config_path = folder / "stepraft.toml"
        self.grpc_address = f"127.0.0.1:{grpc_port}"
        self.raft_address = f"127.0.0.1:{raft_port}"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether the process has been started and has not ended."""
        return self.process is not None and self.process.poll() is None


class LocalCluster:
    """Starts, kills and restarts the nodes of one cluster.

    `armed`: per node, the fault points that it is started with. `programs`: per node, the folder of
    the source that it runs, where that is not this one's. `certificates`: the folder that `stepraft
    certs` has made for the nodes; None is no TLS.
    """

    def __init__(self, folder: Path, size: int = 3, settings: Settings | None = None) -> None:
        self.folder = folder
        self.settings = settings or {}
        self.armed: dict[str, Sequence[str]] = {}
        self.programs: dict[str, Path] = {}
        self.certificates: Path | None = None
        ports = free_ports(2 * size)
        self.nodes = {
            f"n{number + 1}": LocalNode(
                f"n{number + 1}", folder, ports[2 * number], ports[2 * number + 1]
            )
            for number in range(size)
        }
        self.config_path = folder / "stepraft.toml"
        folder.mkdir(parents=True, exist_ok=True)
        self.config_path.write_text(self._render())

    @property
    def addresses(self) -> list[str]:
        """The gRPC addresses of all nodes."""
        return [node.grpc_address for node in self.nodes.values()]

    def new_node(self, node_id: str) -> LocalNode:
        """Make a node that is no member yet: its configuration, of its own, names it beside the
        others.
        """
        grpc_port, raft_port = free_ports(2)
        node = LocalNode(node_id, self.folder, grpc_port, raft_port)
        self.nodes[node_id] = node
        node.config_path = self.folder / f"{node_id}.toml"
        node.config_path.write_text(self._render())
        return node

    def _render(self) -> str:
        lines = ["[cluster]", 'id = "local"', "", "[cluster.members]"]
        lines += [
            f'{node.node_id} = {{ raft = "{node.raft_address}", grpc = "{node.grpc_address}" }}'
            for node in self.nodes.values()
        ]
        for section, values in self.settings.items():
            lines += [
                "",
                f"[{section}]",
                *(f"{key} = {_toml(value)}" for key, value in values.items()),
            ]
        return "\n".join(lines) + "\n"

    # Processes

    def start(self, *node_ids: str, rejoin: bool = False) -> None:
        """Start the named nodes, or all of them; `rejoin`: each as one that lost its data."""
        for node_id in node_ids or self.nodes:
            self._start_node(self.nodes[node_id], ["--rejoin"] if rejoin else [])

    def environment(self, node_id: str) -> dict[str, str]:
        """Return the environment that makes a process of this program that node."""
        node = self.nodes[node_id]
        environment = dict(os.environ)
        environment.update(
            STEPRAFT_NODE_ID=node.node_id,
            STEPRAFT_NODE_DATA_DIR=str(node.data_dir),
            STEPRAFT_GRPC_LISTEN=node.grpc_address,
            STEPRAFT_RAFT_LISTEN=node.raft_address,
        )
        environment.update(
            (f"STEPRAFT_TLS_{name.upper()}", str(path))
            for name, path in self.tls_files(node.node_id).items()
        )
        points = self.armed.get(node.node_id)
        if points:
            environment["STEPRAFT_FAULTS_POINTS"] = ",".join(points)
        return environment

    def command(self, node_id: str) -> list[str]:
        """Return what starts that node."""
        config_path = str(self.nodes[node_id].config_path)
        return [sys.executable, "-m", "stepraft.server", "--config", config_path]

    def _start_node(self, node: LocalNode, options: list[str]) -> None:
        assert not node.is_running, f"{node.node_id} runs already"
        with node.log_path.open("ab") as log:
            node.process = subprocess.Popen(
                [*self.command(node.node_id), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.programs.get(node.node_id),
                env=self.environment(node.node_id),
                start_new_session=True,
            )

    def kill(self, node_id: str) -> None:
        """End a node at once, as `kill -9` does, and wait until it is gone."""
        self._signal(node_id, signal.SIGKILL)

    def terminate(self, node_id: str) -> None:
        """Ask a node to stop, and wait until it has."""
        self._signal(node_id, signal.SIGTERM)

    def wait_for_exit(self, node_id: str, timeout_s: float = _STOP_S) -> int:
        """Return the exit code of a node that stops by itself.

        Errors: subprocess.TimeoutExpired.
        """
        process = self.nodes[node_id].process
        assert process is not None, f"{node_id} was not started"
        return process.wait(timeout_s)

    def _signal(self, node_id: str, number: signal.Signals) -> None:
        process = self.nodes[node_id].process
        if process is None:
            return
        process.send_signal(number)
        process.wait(_STOP_S)

    def stop(self) -> None:
        """Stop all nodes; one that does not stop in time is killed."""
        running = [node for node in self.nodes.values() if node.process is not None]
        for node in running:
            if node.process is not None and node.is_running:
                node.process.terminate()
        for node in running:
            assert node.process is not None
            try:
                node.process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                node.process.kill()
                node.process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    # What the nodes say

    def status(self, node_id: str, timeout_s: float = 1.0) -> cluster_pb2.GetClusterStatusResponse:
        """Return the cluster as one node sees it.

        Errors: grpc.RpcError when it does not answer.
        """
        with self._channel(node_id) as channel:
            stub = cluster_pb2_grpc.ClusterServiceStub(channel)
            return stub.GetClusterStatus(cluster_pb2.GetClusterStatusRequest(), timeout=timeout_s)

    def _channel(self, node_id: str) -> grpc.Channel:
        address = self.nodes[node_id].grpc_address
        files = self.tls_files(node_id)
        if not files:
            return grpc.insecure_channel(address)
        shown = grpc.ssl_channel_credentials(
            root_certificates=files["ca"].read_bytes(),
            private_key=files["key"].read_bytes(),
            certificate_chain=files["cert"].read_bytes(),
        )
        return grpc.secure_channel(address, shown)

    def tls_files(self, node_id: str) -> dict[str, Path]:
        """Return the files of a node's certificate by their keys in [tls]; none where no TLS is."""
        folder = self.certificates
        if folder is None:
            return {}
        names = {"ca": "ca.crt", "cert": f"{node_id}.crt", "key": f"{node_id}.key"}
        return {key: folder / name for key, name in names.items()}

    def leader(self) -> str | None:
        """Return the node that says of itself that it leads and has begun its epoch."""
        for node_id, node in self.nodes.items():
            if node.is_running and self._leads(node_id):
                return node_id
        return None

    def _leads(self, node_id: str) -> bool:
        try:
            status = self.status(node_id)
        except grpc.RpcError:
            return False
        return status.leader_id == node_id and status.epoch > 0

    def wait_for_leader(self, timeout_s: float = 20.0) -> str:
        """Return the leader, once there is one.

        Errors: TimeoutError; the text ends with the last lines of the nodes' logs.
        """
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            leader = self.leader()
            if leader is not None:
                return leader
            time.sleep(_POLL_S)
        raise TimeoutError(f"no leader within {timeout_s} s\n{self.log_tails()}")

    def log_tails(self, lines: int = 20) -> str:
        """Return the last lines of each node's log."""
        tails = []
        for node in self.nodes.values():
            text = node.log_path.read_text(errors="replace") if node.log_path.exists() else ""
            tails += [f"--- {node.node_id}", *text.splitlines()[-lines:]]
        return "\n".join(tails)


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nothing listens on at this moment."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [opened.getsockname()[1] for opened in sockets]
    finally:
        for opened in sockets:
            opened.close()


def _toml(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case list() | tuple():
            return "[" + ", ".join(_toml(item) for item in value) + "]"
        case _:
            raise TypeError(f"a setting of type {type(value).__name__} has no form in TOML")
