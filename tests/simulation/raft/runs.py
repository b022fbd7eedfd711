"""One run: faults for a while, then none, then all must be healed; a function of its seed."""

from random import Random
from typing import Final

from msgspec import Struct

from stepraft.server.raft.contract import Condition
from tests.simulation.raft.administrator import Administrator
from tests.simulation.raft.cluster import (
    ALL_IDS,
    CRITICAL_BYTES,
    LOW_BYTES,
    NODE_IDS,
    PLENTY_BYTES,
    Cluster,
)
from tests.simulation.raft.history import Proposal, Violation
from tests.simulation.raft.links import Pair, connection
from tests.simulation.raft.losses import Losses
from tests.simulation.raft.virtual import virtual_time

STEPS: Final = 1500
CHANGING_STEPS: Final = 500
SPOILT_STEPS: Final = 300
HEAL_S: Final = 60.0
NOTICE_S: Final = 20.0


class Report(Struct, frozen=True):
    """What a run did; a run that breaks a promise raises `Violation` instead."""

    acknowledged: int
    barriers: int
    terms: int
    crashes: int
    first_index: int
    snapshots: int
    healed_after_s: float


def run(
    seed: int, *, keeps_sync: bool = True, is_changing: bool = False, has_full_disks: bool = False
) -> Report:
    """Simulate one group; with `is_changing` its members change, and lose folders, all the time;
    with `has_full_disks` their disks fill up, and have room again.

    Errors: Violation.
    """
    random = Random(seed)
    with virtual_time(random) as clock:
        each = _Run(Cluster(random, clock, keeps_sync=keeps_sync))
        if is_changing:
            each.change_often()
        if has_full_disks:
            each.fill_disks()
        return each.run()


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
        administrator = Administrator(cluster)
        changes = [
            administrator.add,
            administrator.remove,
            administrator.update,
            administrator.transfer,
            administrator.wipe,
        ]
        self._fault_rate, self._steps = 0.02, STEPS
        if self._random.random() < 0.5:
            self._faults += self._random.sample(changes, self._random.randint(1, len(changes)))

    def change_often(self) -> None:
        """Faults that hit while the group changes, and the other way round."""
        administrator = Administrator(self._cluster)
        losses = Losses(self._cluster, self._use)
        usual = [self._stall, self._isolate, self._reset, self._crash, self._pause]
        self._faults = [
            administrator.wipe,
            losses.lose_a_promise,
            losses.void_a_change,
            losses.trust_a_learner,
            losses.fall_silent,
            *self._random.sample(usual, 2),
            *self._random.choices(
                [administrator.add, administrator.remove, administrator.transfer], k=4
            ),
        ]
        self._fault_rate, self._steps = 0.04, CHANGING_STEPS

    def fill_disks(self) -> None:
        """The other faults, and disks that run out of room at any moment."""
        self._cluster.watches_disks = True
        self._faults += [self._fill_disk, self._fill_disk]

    def run(self) -> Report:
        cluster = self._cluster
        if self._random.random() < 0.5:
            for node_id in NODE_IDS:
                cluster.start(node_id)
        self._live(self._steps)
        healed_after_s = self._heal()
        if self._random.random() < 0.6 and len(cluster.membership().voters) >= 3:
            self._spoil()
            self._live(SPOILT_STEPS)
            self._heal()
        cluster.history.check_log(cluster.stores[min(cluster.membership().members)].log)
        return Report(
            acknowledged=sum(p.is_applied for p in cluster.history.proposals),
            barriers=cluster.history.barriers,
            terms=len(cluster.history.leaders),
            crashes=cluster.crashes,
            first_index=min(p.journal.first_index for p in cluster.processes.values()),
            snapshots=sum(store.installs for store in cluster.stores.values()),
            healed_after_s=healed_after_s,
        )

    def _live(self, steps: int) -> None:
        cluster = self._cluster
        for _ in range(steps):
            cluster.advance()
            self._end_faults(cluster.clock.at)
            self._use()
            self._be_slow_to_say()
            if self._random.random() < self._fault_rate:
                self._random.choice(self._faults)()

    # Clients

    def _use(self) -> None:
        processes = self._cluster.processes
        if not processes or self._random.random() < 0.5:
            return
        node_id = self._random.choice(self._cluster.leaders() or list(processes))
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
            leaders = cluster.leaders()
            if leaders and (last is None or (last.result and not last.is_applied)):
                last = self._proposal(leaders[-1])
                cluster.propose(last)
            elif last and last.is_applied and self._is_calm():
                return cluster.clock.at - began
        raise Violation(f"STUCK: {[process.raft.status for process in cluster.processes.values()]}")

    def _is_calm(self) -> bool:
        """Whether all members are up, voters, and equal."""
        cluster, membership = self._cluster, self._cluster.membership()
        if set(membership.voters) - cluster.processes.keys() or membership.learners:
            return False
        processes = [cluster.processes[node_id] for node_id in membership.voters]
        stores = [cluster.stores[node_id] for node_id in membership.voters]
        logs = [store.log for store in stores]
        return (
            all(process.raft.membership == membership for process in processes)
            and all(process.raft.condition() is Condition.NORMAL for process in processes)
            and all(log == logs[0] for log in logs)
            and not self._cluster.history.has_unanswered()
            and not any(store.spoils_next for store in stores)
        )

    def _spoil(self) -> None:
        """One node applies an entry wrongly while all is well: that is noticed, and it forgets its
        state. What comes then may come among faults.
        """
        cluster = self._cluster
        store = cluster.stores[self._random.choice(cluster.membership().voters)]
        store.spoils_next = True
        until = cluster.clock.at + NOTICE_S
        while store.spoils_next or store.is_spoilt:
            if cluster.clock.at > until:
                raise Violation(f"UNNOTICED: {store.node_id} differs")
            self._use()
            cluster.advance()

    # Faults

    def _end_faults(self, at: float) -> None:
        for fault in [fault for fault in self._ends if fault[0] <= at]:
            self._ends.remove(fault)
            _, kind, pair = fault
            if kind == "reset":
                self._cluster.broken.discard(pair)
            elif kind == "stall":
                self._cluster.stalled.discard(pair)
            elif kind == "pause":
                self._cluster.paused.discard(pair[0])
            elif kind == "room":
                self._cluster.leave_room(pair[0], PLENTY_BYTES)
        for node_id in sorted(self._cluster.down):
            if at == float("inf") or self._random.random() < 0.05:
                self._cluster.start(node_id)

    def _for_a_while(self, kind: str, pair: Pair) -> None:
        lasts_s = self._random.choice([0.05, 0.3, 1.0, 3.0])
        self._ends.append((self._cluster.clock.at + lasts_s, kind, pair))

    def _reset(self) -> None:
        a, b = self._random.sample(ALL_IDS, 2)
        pair = connection(a, b)
        if pair not in self._cluster.broken:
            self._cluster.broken.add(pair)
            self._cluster.part(pair)
            self._for_a_while("reset", pair)

    def _stall(self) -> None:
        a, b = self._random.sample(ALL_IDS, 2)
        if (a, b) not in self._cluster.stalled:
            self._cluster.stalled.add((a, b))
            self._for_a_while("stall", (a, b))

    def _isolate(self) -> None:
        node_id = self._random.choice(ALL_IDS)
        for other in ALL_IDS:
            for pair in ((node_id, other), (other, node_id)):
                if other != node_id and pair not in self._cluster.stalled:
                    self._cluster.stalled.add(pair)
                    self._for_a_while("stall", pair)

    def _be_slow_to_say(self) -> None:
        """Now and then it takes long until others hear that a snapshot was installed."""
        for node_id, store in self._cluster.stores.items():
            if store.has_news and self._random.random() < 0.3:
                for other in ALL_IDS:
                    self._cluster.stalled.add((node_id, other))
                    self._ends.append((self._cluster.clock.at + 1.5, "stall", (node_id, other)))
            store.has_news = False

    def _pause(self) -> None:
        node_id = self._random.choice(ALL_IDS)
        if node_id not in self._cluster.paused:
            self._cluster.paused.add(node_id)
            self._for_a_while("pause", (node_id, node_id))

    def _fill_disk(self) -> None:
        node_id = self._random.choice(ALL_IDS)
        bounds = [0, CRITICAL_BYTES // 8, CRITICAL_BYTES, LOW_BYTES]
        self._cluster.leave_room(node_id, self._random.choice(bounds))
        self._for_a_while("room", (node_id, node_id))

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
