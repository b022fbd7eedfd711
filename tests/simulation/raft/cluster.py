"""A whole group in one thread: real corrections and journals, simulated time, network, disks."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from stepraft.server.raft.contract import StartError
from stepraft.server.raft.messages import Hello, Ping
from stepraft.server.raft.proposals import REFUSED
from stepraft.server.raft.segment import HEAD_BYTES
from stepraft.server.raft.settings import RaftSettings
from tests.simulation.raft.disks import Death, SimulatedDisk
from tests.simulation.raft.history import History, Proposal, Violation
from tests.simulation.raft.links import LinkEnd, Links, Pair
from tests.simulation.raft.nodes import Process, Store
from tests.simulation.raft.virtual import Clock

NODE_IDS: Final = ["n1", "n2", "n3"]


class Cluster:
    """Three nodes; faults come from outside by `crash`, `break_link` and the open sets."""

    def __init__(self, random: Random, clock: Clock, *, keeps_sync: bool) -> None:
        self.random = random
        self.clock = clock
        self.history = History()
        self.links = Links(random, clock, NODE_IDS)
        self.disks = {n: SimulatedDisk(random, keeps_sync=keeps_sync) for n in NODE_IDS}
        self.stores = {n: Store(n, self.history) for n in NODE_IDS}
        self.processes: dict[str, Process] = {}
        self.down: set[str] = set(NODE_IDS)
        self.paused: set[str] = set()
        self.stalled: set[Pair] = set()
        self.broken: set[Pair] = set()
        self.crashes = 0
        self._settings = {n: _settings(n, random.getrandbits(32)) for n in NODE_IDS}

    def advance(self) -> None:
        """A short time passes: nodes tick, messages arrive, all in some order."""
        self.clock.at += self.random.choice([0.001, 0.005, 0.02, 0.05])
        for node_id in NODE_IDS:
            if node_id in self.processes and node_id not in self.paused and self._likely(0.7):
                self._run(node_id, self.processes[node_id].raft.doTick)
        for _ in range(self.random.randrange(12)):
            ready = [pair for pair in self.links.arrived() if self._is_open(pair)]
            if not ready:
                break
            self._deliver(self.random.choice(ready))

    def start(self, node_id: str) -> None:
        """Bring a node up on what its disk kept."""
        self.down.discard(node_id)
        self._run(node_id, lambda: self._boot(node_id))
        for other in self.processes:
            if other != node_id and (pair := _sorted(node_id, other)) not in self.broken:
                self.join(pair)

    def crash(self, node_id: str, *, loses_power: bool) -> None:
        """End a process; its files stay, without power only what was synced, and more by luck."""
        self.crashes += 1
        self.down.add(node_id)
        self.processes.pop(node_id, None)
        self.disks[node_id].dying_in = None
        for proposal in self.history.proposals:
            if proposal.node_id == node_id and proposal.result is None:
                proposal.is_orphan = True
        if loses_power:
            self.disks[node_id].cut_power()
            self.stores[node_id].cut_power(self.random)
        for other in NODE_IDS:
            if other != node_id:
                self.part(_sorted(node_id, other))

    def join(self, pair: Pair) -> None:
        """Connect two nodes that are up."""
        if all(node_id in self.processes for node_id in pair):
            self.links.connect(*pair)
            for node_id, other in (pair, pair[::-1]):
                self._notify(node_id, other, is_connected=True)

    def part(self, pair: Pair) -> None:
        """Break a connection: what is in flight is lost, both ends notice."""
        if self.links.is_connected(*pair):
            self.links.disconnect(*pair)
            for node_id, other in (pair, pair[::-1]):
                self._notify(node_id, other, is_connected=False)

    def propose(self, proposal: Proposal) -> None:
        """Ask a node to replicate an entry."""
        self.history.proposals.append(proposal)
        done = partial(self.history.on_answer, proposal)
        if not self.processes[proposal.node_id].proposals.offer(proposal.entry, done):
            done(REFUSED)

    def ask_barrier(self, node_id: str) -> None:
        """Ask a node for a read that sees every acknowledged write."""
        acknowledged, store = self.history.acknowledged_index, self.stores[node_id]

        def done(is_confirmed: bool) -> None:
            if is_confirmed:
                self.history.on_barrier(node_id, acknowledged, store.applied_index)

        self.processes[node_id].barriers.ask(done, self.clock.at + 10.0)

    def _boot(self, node_id: str) -> None:
        try:
            self.processes[node_id] = Process(
                self._settings[node_id],
                self.disks[node_id],
                LinkEnd(self.links, node_id),
                self.stores[node_id],
                lambda role: self.history.on_role(node_id, role),
            )
        except StartError as error:
            raise Violation(f"START: {node_id}: {error}") from error

    def _deliver(self, direction: Pair) -> None:
        sender, receiver = direction
        message = self.links.take(direction)
        if isinstance(message, Hello | Ping):
            raise Violation(f"SCHEMA: {message} belongs to the transport")
        process = self.processes[receiver]
        self._run(receiver, lambda: process.raft.on_message(sender, message))

    def _notify(self, node_id: str, other: str, *, is_connected: bool) -> None:
        process = self.processes.get(node_id)
        if process is not None:
            raft = process.raft
            told = raft.on_connected if is_connected else raft.on_disconnected
            self._run(node_id, lambda: told(other))

    def _run(self, node_id: str, action: Callable[[], None]) -> None:
        try:
            action()
        except Death:
            self.crash(node_id, loses_power=self._likely(0.5))
        except AssertionError as error:
            raise Violation(f"ASSERT: {node_id}: {error}") from error

    def _is_open(self, direction: Pair) -> bool:
        receiver = direction[1]
        return (
            receiver in self.processes
            and receiver not in self.paused
            and direction not in self.stalled
        )

    def _likely(self, chance: float) -> bool:
        return self.random.random() < chance


def _sorted(a: str, b: str) -> Pair:
    return (a, b) if a < b else (b, a)


def _settings(node_id: str, seed: int) -> RaftSettings:
    """Small sizes, so that batches split, segments roll and the journal is cut all the time."""
    random = Random(seed)
    return RaftSettings(
        node_id=node_id,
        cluster_id="simulated",
        members={n: f"127.0.0.1:{7000 + i}" for i, n in enumerate(NODE_IDS)},
        listen="127.0.0.1:7000",
        folder=Path("simulated"),
        batch_bytes=random.choice([64, 400, 65_536]),
        segment_bytes=HEAD_BYTES + random.choice([600, 4000, 60_000]),
        tail_bytes=random.choice([100, 5000]),
        keep_entries=random.choice([0, 5, 40]),
        in_flight_messages=random.choice([2, 5, 64]),
    )
