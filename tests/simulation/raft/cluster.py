"""A whole group in one thread: real corrections and journals, simulated time, network, disks."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from msgspec import structs

from stepraft.server.raft.contract import StartError
from stepraft.server.raft.members import Removed
from stepraft.server.raft.membership import Membership
from stepraft.server.raft.messages import Hello, Ping, RequestVote
from stepraft.server.raft.proposals import REFUSED
from stepraft.server.raft.requests import STOPPED, Request
from stepraft.server.raft.segment import HEAD_BYTES
from stepraft.server.raft.settings import RaftSettings
from stepraft.server.raft.vote import Admission
from tests.simulation.raft.disks import Death, SimulatedDisk
from tests.simulation.raft.history import History, Proposal, Violation
from tests.simulation.raft.links import LinkEnd, Links, Pair, connection
from tests.simulation.raft.nodes import Process
from tests.simulation.raft.stores import Store
from tests.simulation.raft.virtual import Clock

NODE_IDS: Final = ["n1", "n2", "n3"]
"""Who the group begins with."""

SPARE_IDS: Final = ["n0", "n4"]
"""Who may join: one with a lower id than all, one with a higher."""

ALL_IDS: Final = NODE_IDS + SPARE_IDS

LOW_BYTES: Final = 800
CRITICAL_BYTES: Final = 400
PLENTY_BYTES: Final = 1 << 40
"""The limits of disks that are watched, and what is free on one that nobody fills."""


class Cluster:
    """Three nodes and what becomes of them; faults come from outside, by the methods and the open
    sets. `admitted`: who may vote, by what was last seen of its folder. `gone`: who applied its
    removal.
    """

    def __init__(self, random: Random, clock: Clock, *, keeps_sync: bool) -> None:
        self.random = random
        self.clock = clock
        self.history = History()
        self.links = Links(random, clock, ALL_IDS)
        self.disks: dict[str, SimulatedDisk] = {}
        self.stores: dict[str, Store] = {}
        self.processes: dict[str, Process] = {}
        self.down: set[str] = set(NODE_IDS)
        self.paused: set[str] = set()
        self.stalled: set[Pair] = set()
        self.broken: set[Pair] = set()
        self.admitted: set[str] = set()
        self.gone: set[str] = set()
        self.watches_disks = False
        self.crashes = 0
        self._keeps_sync = keeps_sync
        self._ends: dict[str, LinkEnd] = {}
        self._settings: dict[str, RaftSettings] = {}
        for node_id in NODE_IDS:
            self.prepare(node_id, NODE_IDS, rejoin=False)

    def advance(self) -> None:
        """A short time passes: nodes tick, messages arrive, all in some order."""
        self.clock.at += self.random.choice([0.001, 0.005, 0.02, 0.05])
        self._reconnect()
        for node_id in list(self.processes):
            if node_id in self.processes and node_id not in self.paused and self._likely(0.7):
                self._run(node_id, self.processes[node_id].raft.doTick)
        for _ in range(self.random.randrange(12)):
            ready = [pair for pair in self.links.arrived() if self._is_open(pair)]
            if not ready:
                break
            self._deliver(self.random.choice(ready))
        for node_id, process in self.processes.items():
            if process.journal.admission is Admission.ADMITTED:
                self.admitted.add(node_id)

    # Processes and folders

    def prepare(self, node_id: str, members: list[str], *, rejoin: bool) -> None:
        """Give a node an empty folder, and a configuration that names these members."""
        self.disks[node_id] = SimulatedDisk(self.random, keeps_sync=self._keeps_sync)
        self.stores[node_id] = Store(node_id, self.history, self.disks[node_id])
        seed = self.random.getrandbits(32)
        self._settings[node_id] = _settings(node_id, members, seed, rejoin=rejoin)
        self.gone.discard(node_id)
        self.admitted.discard(node_id)
        self.down.add(node_id)

    def start(self, node_id: str) -> None:
        """Bring a node up on what its disk kept."""
        self.down.discard(node_id)
        self._run(node_id, lambda: self._boot(node_id))

    def leave_room(self, node_id: str, room_bytes: int) -> None:
        """Somebody else fills a node's disk, or gives the room back."""
        if node_id in self.disks:
            self.disks[node_id].room_bytes = room_bytes

    def crash(self, node_id: str, *, loses_power: bool) -> None:
        """End a process; its files stay, without power only what was synced, and more by luck."""
        self.crashes += 1
        self.down.add(node_id)
        self._end(node_id)
        self.disks[node_id].dying_in = None
        if loses_power:
            self.disks[node_id].cut_power()
            self.stores[node_id].cut_power(self.random)

    def wipe(self, node_id: str, *, rejoin: bool) -> None:
        """Lose a folder; whoever brings the node back names the members of that moment."""
        self.crash(node_id, loses_power=False)
        members = sorted({node_id, *self.membership().members})
        self.prepare(node_id, members, rejoin=rejoin)

    def membership(self) -> Membership:
        """The newest one that was applied anywhere."""
        newest = max(self.history.memberships, default=0)
        if not newest:
            return Membership.of_voters(_addresses(NODE_IDS), {})
        return Membership.decode(self.history.memberships[newest])

    def sound(self) -> set[str]:
        """Who may vote and has a state, so that others may lose theirs."""
        found = set()
        for node_id in self.admitted:
            process = self.processes.get(node_id)
            is_behind = not self.stores[node_id].applied_index and bool(self.history.log)
            if not (is_behind if process is None else process.raft.lacks_state):
                found.add(node_id)
        return found

    def leaders(self) -> list[str]:
        """Who believes that it leads."""
        return [n for n, process in self.processes.items() if process.raft.is_leader]

    # Connections

    def part(self, pair: Pair) -> None:
        """Break a connection: what is in flight is lost, both ends notice."""
        for node_id, other in self.links.disconnect(*pair):
            process = self.processes.get(node_id)
            if process is not None:
                self._run(node_id, partial(process.raft.on_disconnected, other))

    def _reconnect(self) -> None:
        """Pairs that want one another get connected after a while, others are parted."""
        node_ids = sorted(self.processes)
        for pair in [(a, b) for a in node_ids for b in node_ids if a < b]:
            wanted = all(b in self._ends[a].peers for a, b in (pair, pair[::-1]))
            if not wanted:
                self.part(pair)
            elif not self._is_joined(pair) and self._likely(0.5):
                self.links.connect({(a, b): self._hello(a) for a, b in (pair, pair[::-1])})

    def _is_joined(self, pair: Pair) -> bool:
        return self.links.is_connected(*pair) or pair in self.broken

    def _hello(self, node_id: str) -> Hello:
        is_fresh = self.processes[node_id].raft.is_fresh
        return Hello(1, "simulated", node_id, is_fresh=is_fresh)

    # Clients

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

    def request(self, node_id: str, request: Request) -> None:
        """Ask a node to change the members, or to hand over."""
        asked = self.history.on_request(node_id, request)
        store = self.stores[node_id]
        done = partial(self.history.on_request_answer, asked, lambda: store.membership)
        if not self.processes[node_id].raft.requests.ask(request, done):
            done(STOPPED)

    # One step of one node

    def _boot(self, node_id: str) -> None:
        self._ends[node_id] = end = LinkEnd(self.links, node_id)
        settings = self._settings[node_id]
        if self.watches_disks:
            settings = structs.replace(settings, low_bytes=LOW_BYTES, critical_bytes=CRITICAL_BYTES)
        try:
            self.processes[node_id] = Process(
                settings,
                self.disks[node_id],
                end,
                self.stores[node_id],
                lambda role: self.history.on_role(node_id, role),
            )
        except Removed:
            raise
        except StartError as error:
            raise Violation(f"START: {node_id}: {error}") from error

    def _end(self, node_id: str) -> None:
        self.processes.pop(node_id, None)
        self.history.on_death(node_id)
        for other in ALL_IDS:
            if other != node_id:
                self.part(connection(node_id, other))

    def _deliver(self, direction: Pair) -> None:
        sender, receiver = direction
        message = self.links.take(direction)
        raft = self.processes[receiver].raft
        match message:
            case Hello():
                self.links.establish((receiver, sender))
                self._run(receiver, lambda: raft.on_connected(sender, message))
            case Ping():
                raise Violation(f"SCHEMA: {message} belongs to the transport")
            case RequestVote() if not message.is_called and self._hears_leader(receiver, sender):
                term = raft.term
                self._run(receiver, lambda: raft.on_message(sender, message))
                if raft.term != term:
                    raise Violation(f"DEPOSED: {receiver} heard its leader, and votes for {sender}")
            case _:
                self._run(receiver, lambda: raft.on_message(sender, message))

    def _hears_leader(self, node_id: str, asker: str) -> bool:
        """Whether a node leads, or has just heard a leader that is not the one who asks."""
        raft = self.processes[node_id].raft
        silent_s = self.clock.at - raft._leader_heard_at
        is_near = silent_s < self._settings[node_id].election_timeout_min_s / 2
        return raft.is_leader or (is_near and raft.leader_id not in (None, asker))

    def _run(self, node_id: str, action: Callable[[], None]) -> None:
        try:
            action()
        except Death:
            self.crash(node_id, loses_power=self._likely(0.5))
        except Removed:
            self.history.on_removed(node_id)
            self._end(node_id)
            self.gone.add(node_id)
        except AssertionError as error:
            raise Violation(f"ASSERT: {node_id}: {error}") from error

    def _is_open(self, direction: Pair) -> bool:
        sender, receiver = direction
        return (
            receiver in self.processes
            and receiver not in self.paused
            and direction not in self.stalled
            and sender in self._ends[receiver].peers
        )

    def _likely(self, chance: float) -> bool:
        return self.random.random() < chance


def _addresses(node_ids: list[str]) -> dict[str, str]:
    return {n: f"127.0.0.1:{7000 + ALL_IDS.index(n)}" for n in node_ids}


def address_of(node_id: str) -> str:
    """Where a node is, as far as anybody has to know."""
    return _addresses([node_id])[node_id]


def _settings(node_id: str, members: list[str], seed: int, *, rejoin: bool) -> RaftSettings:
    """Small sizes, so that batches split, segments roll and the journal is cut all the time."""
    random = Random(seed)
    return RaftSettings(
        node_id=node_id,
        cluster_id="simulated",
        members=_addresses(members),
        listen="127.0.0.1:7000",
        folder=Path("simulated"),
        batch_bytes=random.choice([64, 400, 65_536]),
        segment_bytes=HEAD_BYTES + random.choice([600, 4000, 60_000]),
        tail_bytes=random.choice([100, 5000]),
        keep_entries=random.choice([0, 5, 40]),
        journal_bytes_max=random.choice([2000, 20_000, 1 << 20]),
        snapshot_part_bytes=random.choice([400, 4000, 65_536]),
        in_flight_messages=random.choice([2, 5, 64]),
        rejoin=rejoin,
    )
