"""The course of a run: cluster, clients and workers, faults, calm, and all of it written down."""

import asyncio
import logging
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import grpc

from stepraft.client import Client
from tests.chaos import collect
from tests.chaos.clusters import LoopbackCluster, start_process
from tests.chaos.faults import KINDS, Planned, targets
from tests.chaos.records import SUFFIX, FaultRecord, NodeFailure, RecordFile, Sample
from tests.chaos.workload import SHAPES

_log = logging.getLogger("chaos")

CLIENTS: Final = ("c1", "c2")
WORKERS: Final = {"good-1": "good", "good-2": "good", "slow-1": "slow", "dying-1": "dying"}
SAMPLE_EVERY_S: Final = 2.0
WATCH_EVERY_S: Final = 0.25
REBIRTH_S: Final = 1.0
"""How long a dying worker stays dead."""
STOP_S: Final = 20.0
READY_S: Final = 20.0
CALM_TIMEOUT_S: Final = 10.0
_COMPLAINT: Final = re.compile(r" (ERROR|CRITICAL) |^Traceback|Exception ignored|never awaited")


class Run:
    """One run on one cluster. `folder` takes the records and the logs."""

    def __init__(self, cluster: LoopbackCluster, folder: Path, seed: int) -> None:
        self._cluster = cluster
        self._folder = folder
        self._seed = seed
        self._file = RecordFile(folder / f"run{SUFFIX}")
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._may_end: set[str] = set()
        """The nodes whose processes a fault may end at this moment."""
        self._read_to = dict.fromkeys(cluster.nodes, 0)
        """How far each node's log has been read, in bytes."""

    async def go(self, seconds: float, plan: Sequence[Planned]) -> None:
        """Do it all. What goes wrong with nodes is written down; what else goes wrong is raised."""
        with self._file:
            try:
                await self._go(seconds, plan)
            finally:
                for name in list(self._processes):
                    self._kill(name)

    async def _go(self, seconds: float, plan: Sequence[Planned]) -> None:
        self._cluster.start()
        await asyncio.to_thread(self._cluster.wait_for_leader)
        async with Client(self._cluster.addresses, timeout_s=CALM_TIMEOUT_S) as client:
            for name, shape in SHAPES.items():
                await client.put_workflow(name, collect.definition_text(shape))
            for name in (*WORKERS, *CLIENTS):
                self._start(name)
            watching = [
                asyncio.create_task(self._watch_processes()),
                asyncio.create_task(self._take_samples()),
            ]
            await self._load(seconds, plan)
            await self._calm(client)
            for watcher in watching:
                if watcher.done():
                    watcher.result()
                watcher.cancel()
            await asyncio.gather(*watching, return_exceptions=True)
            await self._read_out(client)

    async def _load(self, seconds: float, plan: Sequence[Planned]) -> None:
        began_s = time.monotonic()
        for planned in plan:
            await asyncio.sleep(max(0.0, began_s + planned.at_s - time.monotonic()))
            await self._inflict(planned)
        await asyncio.sleep(max(0.0, began_s + seconds - time.monotonic()))

    async def _inflict(self, planned: Planned) -> None:
        leader = await asyncio.to_thread(self._cluster.wait_for_leader, READY_S)
        hit = targets(planned.aim, planned.draw, list(self._cluster.nodes), leader)
        _log.info("%s: %s (%s; %s leads)", planned.kind, ", ".join(hit), planned.aim, leader)
        kind = KINDS[planned.kind]
        self._read_logs()
        self._may_end = set(hit) if kind.ends_processes else set()
        began_s = time.monotonic()
        try:
            await asyncio.to_thread(kind.inflict, self._cluster, hit, planned.lasts_s)
        except subprocess.TimeoutExpired as error:
            self._note_failure(hit[0], f"did not stop when asked to: {error}")
        ended_s = time.monotonic()
        has_alarmed = self._read_logs(kind.alarm)
        self._may_end = set()
        self._file.write(
            FaultRecord(
                kind=planned.kind,
                aim=planned.aim,
                targets=tuple(hit),
                began_s=began_s,
                ended_s=ended_s,
                has_alarmed=has_alarmed or not kind.alarm,
            )
        )

    async def _calm(self, client: Client) -> None:
        """End the load, undo what is left of faults, and let the workers finish."""
        for name in CLIENTS:
            await self._stop(name)
        self._cluster.restore()
        await asyncio.to_thread(self._cluster.wait_for_leader, READY_S)
        stuck = await collect.wait_for_calm(client)
        _log.info("calm; %d executions have not ended", stuck)
        for name in WORKERS:
            await self._stop(name)

    async def _read_out(self, client: Client) -> None:
        if not await collect.wait_for_equal_replicas(client, self._file):
            self._note_failure("all nodes", "did not come to one index in the calm")
        await collect.collect(client, self._folder)
        self._cluster.stop()
        self._read_logs()

    def _read_logs(self, alarm: str = "") -> bool:
        """Note what the nodes complain of since the last look, but for an alarm that there was
        reason for; return whether that was given.
        """
        has_alarmed = False
        for node_id, node in self._cluster.nodes.items():
            new = node.log_path.read_bytes()[self._read_to[node_id] :]
            self._read_to[node_id] += len(new)
            for line in new.decode(errors="replace").splitlines():
                if alarm and re.search(alarm, line):
                    has_alarmed = True
                elif _COMPLAINT.search(line):
                    self._note_failure(node_id, f"its log has: {line}")
        return has_alarmed

    def _note_failure(self, who: str, text: str) -> None:
        _log.warning("%s: %s", who, text)
        self._file.write(NodeFailure(node=who, at_s=time.monotonic(), text=text))

    # Meanwhile

    async def _watch_processes(self) -> None:
        """Start again what has died: dying workers, and nodes that had no reason to end."""
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            for node_id in self._cluster.nodes:
                code = self._cluster.return_code(node_id)
                if code is not None and node_id not in self._may_end:
                    self._note_failure(node_id, f"ended by itself with {code}")
                    self._cluster.start(node_id)
            for name in list(self._processes):
                await self._replace_if_dead(name)

    async def _replace_if_dead(self, name: str) -> None:
        """Start a client or worker again that has died, unless it was told to stop meanwhile."""
        process = self._processes.get(name)
        if process is None or process.poll() is None:
            return
        if WORKERS.get(name) != "dying":
            self._note_failure(name, f"ended by itself with {process.returncode}")
        await asyncio.sleep(REBIRTH_S)
        if self._processes.get(name) is process:
            self._start(name)

    async def _take_samples(self) -> None:
        while True:
            await asyncio.sleep(SAMPLE_EVERY_S)
            for node_id in self._cluster.nodes:
                with suppress(grpc.RpcError):
                    status = await asyncio.to_thread(self._cluster.status, node_id)
                    for node in status.nodes:
                        self._sample(node.node_id, node.applied_index, node.checksum)

    def _sample(self, node_id: str, index: int, checksum: int) -> None:
        if index and checksum:
            self._file.write(
                Sample(node=node_id, at_s=time.monotonic(), applied_index=index, checksum=checksum)
            )

    # Clients and workers

    def _start(self, name: str) -> None:
        common = ["--name", name, "--folder", str(self._folder)]
        for node_id, node in self._cluster.nodes.items():
            common += ["--node", f"{node_id}={node.grpc_address}"]
        if name in WORKERS:
            special = ["tests.chaos.worker", "--kind", WORKERS[name]]
        else:
            special = ["tests.chaos.client", "--seed", str(self._seed)]
        self._processes[name] = start_process(
            self._folder, name, sys.executable, "-m", *special, *common
        )

    async def _stop(self, name: str) -> None:
        process = self._processes.pop(name)
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise

    def _kill(self, name: str) -> None:
        process = self._processes.pop(name)
        process.kill()
        process.wait()
