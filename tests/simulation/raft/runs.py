"""One run: faults for a while, then none, then all must be healed; a function of its seed."""

from random import Random
from typing import Final

from msgspec import Struct

from tests.simulation.raft.cluster import NODE_IDS, Cluster
from tests.simulation.raft.history import Proposal, Violation
from tests.simulation.raft.links import Pair, connection
from tests.simulation.raft.virtual import virtual_time

STEPS: Final = 1500
HEAL_S: Final = 60.0


class Report(Struct, frozen=True):
    """What a run did; a run that breaks a promise raises `Violation` instead."""

    acknowledged: int
    barriers: int
    terms: int
    crashes: int
    first_index: int
    healed_after_s: float


def run(seed: int, *, keeps_sync: bool = True) -> Report:
    """Simulate one group. Errors: Violation."""
    random = Random(seed)
    with virtual_time(random) as clock:
        return _Run(Cluster(random, clock, keeps_sync=keeps_sync)).run()


class _Run:
    """The faults and the clients of one cluster; `_ends` is when each fault ends."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._random = cluster.random
        self._ends: list[tuple[float, str, Pair]] = []
        self._counter = 0
        faults = [
            self._reset,
            self._stall,
            self._isolate,
            self._pause,
            self._crash,
            self._fail_power,
            self._die_writing,
        ]
        self._faults = self._random.sample(faults, self._random.randint(2, len(faults)))

    def run(self) -> Report:
        cluster = self._cluster
        for node_id in NODE_IDS:
            cluster.start(node_id)
        for _ in range(STEPS):
            cluster.advance()
            self._end_faults(cluster.clock.at)
            self._use()
            if self._random.random() < 0.02:
                self._random.choice(self._faults)()
        healed_after_s = self._heal()
        cluster.history.check_log(cluster.stores[NODE_IDS[0]].log)
        return Report(
            acknowledged=sum(p.is_applied for p in cluster.history.proposals),
            barriers=cluster.history.barriers,
            terms=len(cluster.history.leaders),
            crashes=cluster.crashes,
            first_index=min(p.journal.first_index for p in cluster.processes.values()),
            healed_after_s=healed_after_s,
        )

    # Clients

    def _use(self) -> None:
        processes = self._cluster.processes
        if not processes or self._random.random() < 0.5:
            return
        leaders = [n for n, process in processes.items() if process.raft.is_leader]
        node_id = self._random.choice(leaders or list(processes))
        for _ in range(self._random.choice([1, 1, 3])):
            self._cluster.propose(self._proposal(node_id))
        if self._random.random() < 0.3:
            self._cluster.ask_barrier(node_id)

    def _proposal(self, node_id: str) -> Proposal:
        self._counter += 1
        padding = b"." * self._random.choice([0, 0, 30, 500])
        return Proposal(b"%d " % self._counter + padding, node_id)

    def _heal(self) -> float:
        cluster = self._cluster
        for disk in cluster.disks.values():
            disk.dying_in = None
        self._end_faults(float("inf"))
        began = cluster.clock.at
        last: Proposal | None = None
        while cluster.clock.at < began + HEAL_S:
            cluster.advance()
            leaders = [n for n, process in cluster.processes.items() if process.raft.is_leader]
            if leaders and (last is None or (last.result and not last.is_applied)):
                last = self._proposal(leaders[-1])
                cluster.propose(last)
            elif last and last.is_applied and self._is_calm():
                return cluster.clock.at - began
        raise Violation(f"STUCK: {[process.raft.status for process in cluster.processes.values()]}")

    def _is_calm(self) -> bool:
        logs = [store.log for store in self._cluster.stores.values()]
        return all(log == logs[0] for log in logs) and not self._cluster.history.has_unanswered()

    # Faults

    def _end_faults(self, at: float) -> None:
        for fault in [fault for fault in self._ends if fault[0] <= at]:
            self._ends.remove(fault)
            _, kind, pair = fault
            if kind == "reset":
                self._cluster.broken.discard(pair)
                self._cluster.join(pair)
            elif kind == "stall":
                self._cluster.stalled.discard(pair)
            elif kind == "pause":
                self._cluster.paused.discard(pair[0])
        for node_id in sorted(self._cluster.down):
            if at == float("inf") or self._random.random() < 0.05:
                self._cluster.start(node_id)

    def _for_a_while(self, kind: str, pair: Pair) -> None:
        lasts_s = self._random.choice([0.05, 0.3, 1.0, 3.0])
        self._ends.append((self._cluster.clock.at + lasts_s, kind, pair))

    def _reset(self) -> None:
        a, b = self._random.sample(NODE_IDS, 2)
        pair = connection(a, b)
        if pair not in self._cluster.broken:
            self._cluster.broken.add(pair)
            self._cluster.part(pair)
            self._for_a_while("reset", pair)

    def _stall(self) -> None:
        a, b = self._random.sample(NODE_IDS, 2)
        if (a, b) not in self._cluster.stalled:
            self._cluster.stalled.add((a, b))
            self._for_a_while("stall", (a, b))

    def _isolate(self) -> None:
        node_id = self._random.choice(NODE_IDS)
        for other in NODE_IDS:
            for pair in ((node_id, other), (other, node_id)):
                if other != node_id and pair not in self._cluster.stalled:
                    self._cluster.stalled.add(pair)
                    self._for_a_while("stall", pair)

    def _pause(self) -> None:
        node_id = self._random.choice(NODE_IDS)
        if node_id not in self._cluster.paused:
            self._cluster.paused.add(node_id)
            self._for_a_while("pause", (node_id, node_id))

    def _crash(self) -> None:
        for node_id in self._victims():
            self._cluster.crash(node_id, loses_power=False)

    def _fail_power(self) -> None:
        for node_id in self._victims():
            self._cluster.crash(node_id, loses_power=True)

    def _die_writing(self) -> None:
        """Of a kill or a power cut, in the middle of one of the next disk operations."""
        for node_id in self._victims():
            self._cluster.disks[node_id].dying_in = self._random.randint(1, 12)

    def _victims(self) -> list[str]:
        running = sorted(self._cluster.processes)
        return self._random.sample(running, min(len(running), self._random.choice([1, 1, 2, 3])))
