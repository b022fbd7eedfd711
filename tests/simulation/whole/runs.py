"""One run: faults for a while, then none, then all must be healed; a function of its seed."""

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any, Final

from msgspec import Struct

from stepraft.interpreter.language.parse import parse_definition
from stepraft.interpreter.lifecycle import ENDED
from stepraft.testing import VirtualLoop
from tests.simulation import endings
from tests.simulation.oracle import Violation, require
from tests.simulation.outside import Outside, Server
from tests.simulation.raft.virtual import virtual_time
from tests.simulation.whole.administrator import Administrator
from tests.simulation.whole.cluster import Cluster
from tests.simulation.whole.nemesis import Nemesis
from tests.simulation.workflows import Generator

HEAL_MAX_S: Final = 60
_OPERATOR_COMES_S: Final = 20
_CALM_MAX_S: Final = 900
"""Long: after a leader whose clock was ahead, time goes at half speed."""
_PROBE: Final = '{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}'


class Report(Struct, frozen=True):
    """What a run came to; a run that breaks a promise raises `Violation` instead.

    `acknowledged`: commands that were answered. `checked`: executions whose outcome could be told
    beforehand. `snapshots`: those installed. `changes`: of the members, done. `spoils`: states made
    wrong. `lasted_s`: of cluster time. `checksum`: of all rows.
    """

    acknowledged: int
    statuses: dict[str, int]
    checked: int
    entries: int
    barriers: int
    terms: int
    crashes: int
    snapshots: int
    changes: int
    spoils: int
    healed_after_s: float
    lasted_s: float
    checksum: int


def run(seed: int, *, keeps_sync: bool = True) -> Report:
    """Simulate one cluster. Errors: Violation."""
    chance = Random(seed)
    with virtual_time(chance) as clock, engine_errors() as errors:
        cluster = Cluster(VirtualLoop(), chance, clock, keeps_sync=keeps_sync)
        try:
            report = _Run(seed, cluster).run()
        except Violation:
            raise
        except Exception as error:
            raise Violation(f"{type(error).__name__}: {error}") from error
        finally:
            cluster.close()
        require(not errors, "the engine logged an error: " + "".join(errors))
        return report


@contextmanager
def engine_errors() -> Iterator[list[str]]:
    """Within, what the engine logs as its own error is put into the list, and nowhere else."""
    texts: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            texts.append(self.format(record))

    keeper, logger = Keeper(logging.ERROR), logging.getLogger("stepraft.server.engine")
    logger.addHandler(keeper)
    logger.propagate = False
    try:
        yield texts
    finally:
        logger.removeHandler(keeper)
        logger.propagate = True


class _Run:
    """The course of one run."""

    def __init__(self, seed: int, cluster: Cluster) -> None:
        self._cluster = cluster
        self._chance = cluster.chance
        self._oracle = cluster.history.oracle
        self._lasts_s = self._chance.uniform(10, 40)
        self._outside = Outside(
            cluster.loop,
            self._chance,
            seed,
            self._oracle,
            self._pick,
            duplicates=self._chance.choice([0.0, 0.1]),
            arrival_s=self._lasts_s,
        )
        self._definitions: dict[str, Any] = {}
        self._administration: asyncio.Task[None] | None = None

    def run(self) -> Report:
        cluster = self._cluster
        for node in cluster.nodes.values():
            cluster.start(node)
        self._put_workflows()
        self._let_in_clients()
        self._disturb()
        healed_after_s = self._heal()
        self._finish()
        return self._report(healed_after_s)

    def _put_workflows(self) -> None:
        generator = Generator(self._chance)
        for number in range(3):
            text = json.dumps(generator.definition())
            name = f"W{number}"
            self._definitions[name] = parse_definition(text)
            self._outside.spawn(self._outside.put(name, text))
            for state in self._definitions[name].all_states.values():
                self._outside.resources[state.name] = ""
        begin_s = self._cluster.loop.time()
        self._cluster.loop.advance(0.5)
        while self._outside.open_puts:
            require(self._cluster.loop.time() < begin_s + HEAL_MAX_S, "nobody begins to lead")
            self._cluster.loop.advance(0.5)

    def _let_in_clients(self) -> None:
        for number in range(self._chance.randint(3, 10)):
            workflow = self._chance.choice(list(self._definitions))
            data = Generator(self._chance).input()
            self._outside.spawn(self._outside.client(workflow, data, f"key {number}"))
        for number in range(3):
            self._outside.spawn(self._outside.worker(f"worker {number}"))
        for _ in range(2):
            self._outside.spawn(self._outside.reader())

    def _disturb(self) -> None:
        self._nemesis = nemesis = Nemesis(self._cluster)
        self._administrator = Administrator(self._cluster)
        if self._chance.random() < 0.5:
            self._administration = self._cluster.loop.create_task(self._administrator.work())
        end_s = self._cluster.loop.time() + self._lasts_s
        while self._cluster.loop.time() < end_s:
            self._cluster.loop.advance(self._chance.uniform(0.01, 0.5))
            nemesis.strike()

    def _heal(self) -> float:
        """Return after how long a command was taken, and all members had applied it."""
        loop, cluster = self._cluster.loop, self._cluster
        self._nemesis.stop()
        self._administrator.stop()
        self._outside.is_calm = True
        began_s = loop.time()
        self._outside.spawn(self._outside.put("probe", _PROBE))
        loop.advance(0.05)
        while self._outside.open_puts or self._is_administered() or not cluster.is_healed():
            require(loop.time() < began_s + HEAL_MAX_S, f"not healed: {self._standing()}")
            for node in cluster.startable:
                cluster.start(node)
            if loop.time() > began_s + _OPERATOR_COMES_S:
                self._nemesis.replace_wrong()
            loop.advance(0.05)
        return loop.time() - began_s

    def _is_administered(self) -> bool:
        return self._administration is not None and not self._administration.done()

    def _finish(self) -> None:
        loop = self._cluster.loop
        end_s = loop.time() + _CALM_MAX_S
        while self._outside.open_clients or self._unfinished():
            require(loop.time() < end_s, f"stuck: {self._unfinished()}")
            loop.advance(2)
        self._outside.is_over = True
        loop.advance(5)
        while not self._cluster.is_healed():
            require(loop.time() < end_s, f"not in step: {self._standing()}")
            loop.advance(1)

    def _unfinished(self) -> list[str]:
        return [
            f"{execution} {status}"
            for execution, status in self._oracle.statuses.items()
            if status not in ENDED
        ]

    def _standing(self) -> str:
        waits = [f"{self._outside.open_puts} probes"] if self._outside.open_puts else []
        waits += ["the administrator"] if self._is_administered() else []
        return "; ".join([*waits, *self._cluster.standing()])

    def _pick(self) -> Server:
        """Mostly the leader, sometimes anybody."""
        leader = self._cluster.leader()
        if leader is not None and self._chance.random() < 0.8:
            return leader
        return self._chance.choice(list(self._cluster.nodes.values()))

    def _report(self, healed_after_s: float) -> Report:
        cluster, history = self._cluster, self._cluster.history
        members = cluster.voters
        stores = {node.node_id: node.store for node in members}
        endings.check_replicas(history.replay, stores)
        told = endings.check_executions(
            members[0].store, self._oracle, self._outside, self._definitions
        )
        return Report(
            acknowledged=self._outside.acknowledged,
            statuses=told.statuses,
            checked=told.checked,
            entries=len(history.log),
            barriers=history.barriers,
            terms=len(history.leaders),
            crashes=cluster.crashes,
            changes=self._administrator.changes,
            spoils=history.spoils,
            snapshots=history.snapshots,
            healed_after_s=healed_after_s,
            lasted_s=cluster.loop.time(),
            checksum=self._oracle.checksums[len(history.log)],
        )
