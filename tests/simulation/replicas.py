"""A replica: a node's partition on a disk and a clock that outlive its process."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any, Final, TypeVar

from stepraft.interpreter.commands import Command
from stepraft.interpreter.decision import Delivery, Reply
from stepraft.interpreter.errors import Reason, Rejection
from stepraft.interpreter.features import SUPPORTED
from stepraft.interpreter.limits import Limits
from stepraft.server.engine.dispatcher import Session, queue_names
from stepraft.server.engine.partition import Partition
from stepraft.server.engine.processor import Budget
from stepraft.server.faults import Faults
from stepraft.storage.kv import Readable
from stepraft.storage.machine import Machine
from stepraft.testing import VirtualClock, VirtualLoop
from tests.simulation.consensus import Group, Member
from tests.simulation.disks import LossyStore
from tests.simulation.oracle import LEVEL_MAX
from tests.simulation.outside import NAMESPACE, TENANT

_T = TypeVar("_T")
_STARTS_BEFORE_UPGRADE: Final = {"n1": 1, "n2": 1, "n3": 2}
"""One comes back as it was while the others are upgraded: nobody may have taken its word for it."""


class Killed(BaseException):
    """The process is gone, in the middle of what it did."""


class KillingFaults(Faults):
    """Fault points at which the process may be killed."""

    def __init__(self, reached: Callable[[], None]) -> None:
        super().__init__()
        self._reached = reached

    def reach(self, point: str) -> None:
        self._reached()


class MortalPartition(Partition):
    """A partition that hears nothing once its process is dead, not even what was on its way."""

    is_alive = True

    def _hand_over(self, function: Callable[..., None], *arguments: object) -> None:
        def unless_dead() -> None:
            if self.is_alive:
                function(*arguments)

        super()._hand_over(unless_dead)


class Replica:
    """One node. What its process answers after its end nobody hears."""

    def __init__(
        self,
        node_id: str,
        group: Group,
        loop: VirtualLoop,
        chance: Random,
        limits: Limits,
        budget: Budget,
    ) -> None:
        self.node_id = node_id
        self.store = LossyStore()
        self.clock = VirtualClock(loop, offset_ms=chance.randint(-2000, 2000))
        self.kill_chance = 0.0
        self.starts = 0
        self.supported_level = SUPPORTED
        self.sessions: list[Session] = []
        self.partition: MortalPartition | None = None
        self.member: Member | None = None
        self._waiting: dict[asyncio.Future[Any], asyncio.Future[Any]] = {}
        self._group = group
        self._loop = loop
        self._chance = chance
        self._limits = limits
        self._budget = budget

    @property
    def is_up(self) -> bool:
        """Whether its process runs."""
        return self.partition is not None

    def start(self) -> None:
        """Start its process on what the disk holds. To be called in the event loop."""
        self.starts += 1
        if self.starts > _STARTS_BEFORE_UPGRADE[self.node_id]:
            self.supported_level = LEVEL_MAX
        machine = Machine(self.store, supported_level=self.supported_level)
        self.partition = partition = MortalPartition(
            number=0,
            node_id=self.node_id,
            store=self.store,
            machine=machine,
            clock=self.clock,
            limits=self._limits,
            budget=self._budget,
            faults=KillingFaults(self._reached_fault_point),
            on_epoch_end=self._end_sessions,
            entropy=self._chance.randbytes,
        )

        def join(on_role: Callable[..., None]) -> Member:
            self.member = Member(self._group, self.node_id, machine, on_role)
            return self.member

        partition.start(join)

    def kill(self) -> None:
        """End its process at once: `kill -9`, or a loss of power."""
        partition, self.partition = self.partition, None
        assert partition is not None, "it runs"
        assert self.member is not None, "it runs"
        partition.is_alive = False
        self.member.stop()
        if partition.epoch is not None:
            partition.epoch.timers.close()
            partition.epoch.levels.close()
        self._end_sessions()
        waiting, self._waiting = self._waiting, {}
        for answer, inner in waiting.items():
            answer.set_exception(Rejection(Reason.OUTCOME_UNKNOWN, "the node died"))
            inner.cancel()
        if self._chance.random() < 0.5:
            self.store.lose_power(self._chance)

    def _reached_fault_point(self) -> None:
        if self._chance.random() < self.kill_chance and self.is_up:
            self.kill()
            raise Killed

    # tests.simulation.outside.Server

    async def submit(self, command: Command) -> Reply:
        if self.partition is None:
            raise Rejection(Reason.NO_LEADER, "nobody is there")
        return await self._unless_killed(self.partition.leading().processor.submit(command))

    async def barrier(self) -> Readable:
        if self.partition is None:
            raise Rejection(Reason.NO_LEADER, "nobody is there")
        await self._unless_killed(self._loop.create_task(self.partition.barrier()))
        return self.store

    async def _unless_killed(self, inner: asyncio.Future[_T]) -> _T:
        answer: asyncio.Future[_T] = self._loop.create_future()
        self._waiting[answer] = inner
        inner.add_done_callback(lambda done: self._pass_on(answer, done))
        return await answer

    def _pass_on(self, answer: asyncio.Future[_T], inner: asyncio.Future[_T]) -> None:
        if self._waiting.pop(answer, None) is None:
            return
        error = inner.exception()
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(inner.result())

    def open(
        self, resources: list[str], worker: str, lease_ms: int, deliver: Callable[[Delivery], None]
    ) -> Session:
        if self.partition is None:
            raise Rejection(Reason.NO_LEADER, "nobody is there")
        dispatcher = self.partition.leading().dispatcher

        def deliver_if_connected(delivery: Delivery) -> None:
            if session in self.sessions:
                deliver(delivery)

        session = Session(
            queues=queue_names(TENANT, NAMESPACE, resources),
            worker=worker,
            lease_ms=lease_ms,
            credit=1,
            deliver=deliver_if_connected,
            revoke=lambda task_id: None,
        )
        self.sessions.append(session)
        dispatcher.open(session)
        return session

    def close(self, session: Session) -> None:
        if session not in self.sessions:
            return
        self.sessions.remove(session)
        if self.partition is not None and self.partition.epoch is not None:
            self.partition.epoch.dispatcher.close(session)

    def _end_sessions(self) -> None:
        self.sessions.clear()
