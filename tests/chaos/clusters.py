"""The cluster under test, and what can be done to its nodes.

`LoopbackCluster` runs anywhere. `NamespaceCluster` gives each node a network of its own, so that it
can be cut off, and a disk of its own, so that it can be filled.
"""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from stepraft.testing.cluster import LocalCluster, Settings
from tests.chaos.namespaces import Namespace, run
from tests.chaos.spoiling import spoil
from tests.chaos.worse import Dials, cut_power

SIZE: Final = 3
DISK_BYTES: Final = 1 << 30
LOW_BYTES: Final = 256 << 20
CRITICAL_BYTES: Final = 64 << 20
"""Each node's disk, and its limits; a segment of the log takes 32 MiB."""

CLIENTS: Final = "clients"
"""The place in the network where clients and workers are."""

_NETWORK: Final = "10.77.0"
_CLIENTS_NUMBER: Final = 254
_NOWHERE: Final = "02:00:00:00:00:00"
"""A hardware address that nobody has: frames to it are lost without a word."""
_FILLER: Final = "filler"
_FILL_STEPS_BYTES: Final = (4 << 20, 4 << 10)


class LoopbackCluster(LocalCluster):
    """Real processes on loopback: they can be killed, stopped and paused, lose power and data, and
    have a slow disk or a wrong clock.
    """

    def __init__(self, folder: Path, settings: Settings | None = None) -> None:
        super().__init__(folder, SIZE, settings)
        self._dials = {node_id: Dials(self._controls(node_id)) for node_id in self.nodes}

    def _controls(self, node_id: str) -> Path:
        return self.folder / f"{node_id}-controls"

    def command(self, node_id: str) -> list[str]:
        """Return what starts a node whose disk and clock can be made worse."""
        config_path = str(self.nodes[node_id].config_path)
        controls = str(self._controls(node_id))
        return [sys.executable, "-m", "tests.chaos.node", controls, "--config", config_path]

    @property
    def running(self) -> list[str]:
        """The nodes whose processes have not ended; paused ones are among them."""
        return [node_id for node_id, node in self.nodes.items() if node.is_running]

    def pause(self, node_id: str) -> None:
        """Freeze a node, as SIGSTOP does."""
        self._send(node_id, signal.SIGSTOP)

    def resume(self, node_id: str) -> None:
        """Let a frozen node go on; without effect on others."""
        self._send(node_id, signal.SIGCONT)

    def _send(self, node_id: str, number: signal.Signals) -> None:
        process = self.nodes[node_id].process
        if process is not None and process.poll() is None:
            process.send_signal(number)

    def worsen(self, node_id: str, *, sync_s: float = 0.0, clock_s: float = 0.0) -> None:
        """Make a node's fsyncs so much longer, and its wall clock so wrong; without numbers, undo
        it.
        """
        self._dials[node_id].set(sync_us=round(sync_s * 1e6), clock_ms=round(clock_s * 1000))

    def cut_power(self, node_id: str, draw: int) -> None:
        """End a node as a power cut does: what it had not synced is lost in part."""
        self.kill(node_id)
        node = self.nodes[node_id]
        cut_power(self._controls(node_id), node.data_dir, Random(f"{node_id} {draw}"))

    def lose_folder(self, node_id: str) -> None:
        """Empty the folder of a node that does not run."""
        for path in self.nodes[node_id].data_dir.iterdir():
            shutil.rmtree(path)

    def spoil_store(self, node_id: str) -> None:
        """Change the store of a node that does not run, as a fault of memory or disk might have:
        another value in one row, and the checksum of all that was ever written accordingly.
        """
        for folder in self.nodes[node_id].data_dir.glob("partition-*/store"):
            spoil(folder)

    def return_code(self, node_id: str) -> int | None:
        """Return what the last process of a node ended with; None while it runs."""
        process = self.nodes[node_id].process
        return None if process is None else process.poll()

    def restore(self) -> None:
        """Undo every fault: all nodes run, unpaused."""
        for node_id, node in self.nodes.items():
            self.worsen(node_id)
            self.resume(node_id)
            if not node.is_running:
                self.start(node_id)

    def close(self, *, keep_data: bool) -> None:
        """Stop all nodes; their data stays in the folder if it is to be kept."""
        self.restore()
        self.stop()


class NamespaceCluster(LoopbackCluster):
    """Real processes on hosts of their own. Make it in a process that is in private namespaces."""

    def __init__(self, folder: Path, settings: Settings | None = None) -> None:
        super().__init__(
            folder,
            {
                **(settings or {}),
                "raft": {"insecure_network": True},
                "disk": {"low_bytes": LOW_BYTES, "critical_bytes": CRITICAL_BYTES},
            },
        )
        self._numbers = {node_id: number for number, node_id in enumerate(self.nodes, start=1)}
        self._numbers[CLIENTS] = _CLIENTS_NUMBER
        self._hosts = {node_id: Namespace() for node_id in self.nodes}
        for node_id, node in self.nodes.items():
            node.grpc_address = f"{self._ip(node_id)}:7400"
            node.raft_address = f"{self._ip(node_id)}:7401"
        self.config_path.write_text(self._render())
        self._lay_network()
        self._mount_disks()

    def start(self, *node_ids: str, rejoin: bool = False) -> None:
        """Start the named nodes, or all of them, each on its host."""
        for node_id in node_ids or self.nodes:
            self._hosts[node_id].run(partial(super().start, node_id, rejoin=rejoin))

    # The network: one switch, on which the clients are, and a cable to each node

    def _ip(self, place: str) -> str:
        return f"{_NETWORK}.{self._numbers[place]}"

    def _hardware(self, place: str) -> str:
        return f"02:00:00:00:01:{self._numbers[place]:02x}"

    def _lay_network(self) -> None:
        run("ip", "link", "add", "switch", "address", self._hardware(CLIENTS), "type", "bridge")
        run("ip", "addr", "add", f"{self._ip(CLIENTS)}/24", "dev", "switch")
        run("ip", "link", "set", "switch", "up")
        for node_id, host in self._hosts.items():
            end = ["name", "eth0", "address", self._hardware(node_id), "netns", host.path]
            run("ip", "link", "add", node_id, "type", "veth", "peer", *end)
            run("ip", "link", "set", node_id, "master", "switch", "up")
            self._on(node_id, "ip", "addr", "add", f"{self._ip(node_id)}/24", "dev", "eth0")
            self._on(node_id, "ip", "link", "set", "eth0", "up")
        self.heal()

    def _on(self, place: str, *command: str) -> None:
        if place == CLIENTS:
            run(*command)
        else:
            self._hosts[place].run(lambda: run(*command))

    def cut(self, sender: str, receiver: str) -> None:
        """Lose all that one place sends to another, in this direction only."""
        self._point(sender, receiver, _NOWHERE)

    def heal(self) -> None:
        """Lose nothing any more."""
        for sender in self._numbers:
            for receiver in self._numbers:
                if sender != receiver:
                    self._point(sender, receiver, self._hardware(receiver))

    def _point(self, sender: str, receiver: str, hardware: str) -> None:
        device = "switch" if sender == CLIENTS else "eth0"
        at = ["lladdr", hardware, "dev", device, "nud", "permanent"]
        self._on(sender, "ip", "neigh", "replace", self._ip(receiver), *at)

    # The disks

    def _mount_disks(self) -> None:
        for node in self.nodes.values():
            node.data_dir.mkdir()
            size = f"size={DISK_BYTES}"
            run("mount", "-t", "tmpfs", "-o", size, node.node_id, str(node.data_dir))

    def fill_disk(self, node_id: str) -> None:
        """Leave no room on a node's disk."""
        with (self.nodes[node_id].data_dir / _FILLER).open("ab", buffering=0) as filler:
            for step in _FILL_STEPS_BYTES:
                with suppress(OSError):
                    while filler.write(bytes(step)):
                        pass

    def empty_disk(self, node_id: str) -> None:
        """Give the room back."""
        (self.nodes[node_id].data_dir / _FILLER).unlink(missing_ok=True)

    def restore(self) -> None:
        """Undo every fault: the network is whole, the disks have room, all nodes run."""
        self.heal()
        for node_id in self.nodes:
            self.empty_disk(node_id)
        super().restore()

    def close(self, *, keep_data: bool) -> None:
        """Stop all nodes. Their disks vanish with this process, so what is kept is copied."""
        super().close(keep_data=keep_data)
        for node in self.nodes.values():
            if keep_data:
                shutil.copytree(node.data_dir, self.folder / f"{node.node_id}-data")
            run("umount", str(node.data_dir))


def others(cluster: LocalCluster, node_id: str) -> list[str]:
    """Return the nodes beside one."""
    return [other for other in cluster.nodes if other != node_id]


def start_process(folder: Path, name: str, *command: str) -> subprocess.Popen[bytes]:
    """Start a client or a worker; what it prints goes to a file with its name."""
    with (folder / f"{name}.log").open("ab") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=dict(os.environ),
            start_new_session=True,
        )
