"""One run: three replicas on a model of consensus, clients and workers on virtual time; first
faults, then calm, then the checks.

Everything follows from the seed.
"""

import json
import logging
from random import Random
from typing import Any, Final

from msgspec import Struct

from stepraft.interpreter.language.parse import parse_definition
from stepraft.interpreter.lifecycle import ENDED
from stepraft.interpreter.limits import Limits
from stepraft.server.engine.processor import Budget
from stepraft.storage import queries
from stepraft.testing import VirtualLoop
from tests.simulation import endings
from tests.simulation.consensus import Chances, Group, Member
from tests.simulation.oracle import Oracle, Violation, require
from tests.simulation.outside import Outside
from tests.simulation.replicas import Killed, Replica
from tests.simulation.workflows import Generator

NODE_IDS: Final = ("n1", "n2", "n3")
_CALM_MAX_S: Final = 5000


class Report(Struct):
    """What a run came to.

    `acknowledged`: how many commands were answered. `statuses`: how many executions ended in each.
    `checked`: of how many the outcome could be told beforehand. `checksum`: of all rows.
    `feature_level`: the cluster's at the end; who has started often is upgraded.
    """

    acknowledged: int
    statuses: dict[str, int]
    checked: int
    entries: int
    terms: int
    crashes: int
    checksum: int
    feature_level: int


class Failures(logging.Handler):
    """Keeps what the engine logs as its own error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


class Simulation:
    """One run of one seed."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.loop = VirtualLoop()
        self.oracle = Oracle()
        self.group = Group(self.loop, self.chance, self.oracle.committed, self._applied)
        budget = self._budget()
        limits = Limits(
            map_start_chunk=self.chance.randint(1, 4), reclaim_chunk=self.chance.randint(1, 4)
        )
        self.replicas = {
            node_id: Replica(node_id, self.group, self.loop, self.chance, limits, budget)
            for node_id in NODE_IDS
        }
        self.outside = Outside(self.loop, self.chance, seed, self.oracle, self._pick)
        self.restlessness = self.chance.choice([0.05, 0.3, 1.0])
        self.definitions: dict[str, Any] = {}
        self.crashes = 0

    def _budget(self) -> Budget:
        small = self.chance.random() < 0.5
        return Budget(
            group_events=self.chance.randint(1, 8) if small else 256,
            entry_events=self.chance.randint(1, 32) if small else 4096,
            entries_in_flight=self.chance.randint(1, 3),
        )

    def run(self) -> Report:
        """Run it.

        Errors: Violation.
        """
        failures = Failures()
        logger = logging.getLogger("stepraft.server.engine")
        logger.addHandler(failures)
        logger.propagate = False
        try:
            self._begin()
            self._disturb_for(self.chance.uniform(10, 40))
            self._calm_down()
            require(not failures.texts, "the engine logged an error: " + "".join(failures.texts))
            return self._check()
        finally:
            logger.removeHandler(failures)
            logger.propagate = True

    # The course of a run

    def _begin(self) -> None:
        for replica in self.replicas.values():
            self.loop.call_soon(replica.start)
        self._advance(0.1)
        self.group.elect("n1")
        self._put_workflows()
        for number in range(self.chance.randint(3, 8)):
            workflow = self.chance.choice(list(self.definitions))
            data = Generator(self.chance).input()
            self.outside.spawn(self.outside.client(workflow, data, f"key {number}"))
        for number in range(3):
            self.outside.spawn(self.outside.worker(f"worker {number}"))
        self.outside.spawn(self.outside.reader())

    def _put_workflows(self) -> None:
        generator = Generator(self.chance)
        for number in range(3):
            definition = generator.definition()
            text = json.dumps(definition)
            name = f"W{number}"
            self.definitions[name] = parse_definition(text)
            self.outside.spawn(self.outside.put(name, text))
            for state in self.definitions[name].all_states.values():
                self.outside.resources[f"{state.name}"] = ""
        self._advance(2)
        while self.outside.open_puts:
            self._advance(1)

    def _disturb_for(self, seconds: float) -> None:
        self.group.chances = Chances(
            refusal=self.chance.choice([0.0, 0.02, 0.2]),
            commit_delay_s=self.chance.choice([0.001, 0.05, 0.3]),
            apply_delay_s=self.chance.choice([0.001, 0.1, 0.5]),
            notice_delay_s=self.chance.choice([0.01, 0.5]),
        )
        for replica in self.replicas.values():
            replica.kill_chance = self.chance.choice([0.0, 0.01])
        end_s = self.loop.time() + seconds
        while self.loop.time() < end_s:
            self._advance(self.chance.uniform(0.01, 0.5))
            self._disturb()

    def _disturb(self) -> None:
        self._mend(0.3)
        if self.chance.random() > self.restlessness:
            return
        match self.chance.randint(0, 19):
            case 0 | 1:
                self._elect()
            case 2 if self._all_are_up():
                self.chance.choice(list(self.replicas.values())).kill()
            case 3:
                replica = self.chance.choice(list(self.replicas.values()))
                replica.clock.offset_ms += self.chance.randint(-1000, 1000)
            case _:
                pass

    def _mend(self, likelihood: float) -> None:
        """Start what is down, and elect somebody if nobody leads, each perhaps."""
        for replica in self.replicas.values():
            if not replica.is_up and self.chance.random() < likelihood:
                self.crashes += 1
                self.loop.call_soon(replica.start)
                self._advance(0)
        if self.group.leader() is None and self.chance.random() < likelihood:
            self._elect()

    def _elect(self) -> None:
        up = [node_id for node_id, replica in self.replicas.items() if replica.is_up]
        if len(up) * 2 > len(self.replicas):
            self.group.elect(self.chance.choice(up))

    def _all_are_up(self) -> bool:
        return all(replica.is_up for replica in self.replicas.values())

    def _calm_down(self) -> None:
        self.group.chances = Chances()
        self.outside.is_calm = True
        for replica in self.replicas.values():
            replica.kill_chance = 0.0
        self._mend(1.0)
        end_s = self.loop.time() + _CALM_MAX_S
        while not self._is_all_done():
            require(self.loop.time() < end_s, f"stuck: {self._unfinished()}")
            self._advance(5)
        self.outside.is_over = True
        self._advance(20)

    def _is_all_done(self) -> bool:
        return not self.outside.open_clients and not self._unfinished()

    def _unfinished(self) -> list[str]:
        return [
            f"{execution} {status}"
            for execution, status in self.oracle.statuses.items()
            if status not in ENDED
        ]

    def _advance(self, seconds: float) -> None:
        """Let time pass, whoever is killed meanwhile."""
        end_s = self.loop.time() + seconds
        while True:
            try:
                self.loop.advance(end_s - self.loop.time())
            except Killed:
                continue
            return

    def _pick(self) -> Replica:
        """Mostly the leader, sometimes anybody."""
        leader = self.group.leader()
        if leader is not None and self.chance.random() < 0.8:
            return self.replicas[leader.node_id]
        return self.chance.choice(list(self.replicas.values()))

    def _applied(self, member: Member) -> None:
        machine = member.machine
        self.oracle.applied(machine.applied_index, machine.checksum)
        if self.chance.random() < 0.02:
            machine.sync()
        replica = self.replicas[member.node_id]
        if self.chance.random() < replica.kill_chance / 2 and replica.is_up:
            replica.kill()

    def _check(self) -> Report:
        stores = {node_id: replica.store for node_id, replica in self.replicas.items()}
        endings.check_replicas(self.group.replay, stores)
        level = min(replica.supported_level for replica in self.replicas.values())
        found = queries.feature_level(stores["n1"])
        require(found == level, f"the feature level is {found}, and every replica supports {level}")
        told = endings.check_executions(stores["n1"], self.oracle, self.outside, self.definitions)
        entries = len(self.group.log)
        checksum = self.oracle.checksums[entries]
        return Report(
            self.outside.acknowledged,
            told.statuses,
            told.checked,
            entries,
            self.group.term,
            self.crashes,
            checksum,
            level,
        )


def simulate(seed: int) -> Report:
    """Run one seed.

    Errors: Violation, whose text names the seed.
    """
    try:
        return Simulation(seed).run()
    except Exception as error:
        raise Violation(f"seed {seed}: {type(error).__name__}: {error}") from error
