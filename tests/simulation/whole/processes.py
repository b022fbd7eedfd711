"""One life of a node: its event loop, the engine in it, and the Raft thread beside it."""

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

from msgspec import Struct

from stepraft.interpreter.errors import Reason, Rejection
from stepraft.interpreter.limits import Limits
from stepraft.server.clock import SystemClock
from stepraft.server.engine.dispatcher import Session
from stepraft.server.engine.partition import Partition
from stepraft.server.engine.processor import Budget
from stepraft.server.faults import Faults
from stepraft.server.raft.contract import Role
from stepraft.server.raft.messages import Hello, Message
from stepraft.server.raft.settings import RaftSettings
from stepraft.storage import format as store_format
from stepraft.testing import VirtualLoop
from stepraft.testing.virtual_time import EPOCH_MS
from tests.simulation.raft.disks import Death, SimulatedDisk
from tests.simulation.raft.virtual import Clock
from tests.simulation.whole.history import History
from tests.simulation.whole.machines import MortalStore, WatchedMachine
from tests.simulation.whole.process_loop import ProcessLoop
from tests.simulation.whole.raft_thread import RaftThread
from tests.simulation.whole.wires import Wires


class World(Struct, frozen=True):
    """What all nodes share. `raft_clock`: what pysyncobj takes for the time."""

    loop: VirtualLoop
    chance: Random
    wires: Wires
    raft_clock: Clock
    history: History


class Pace(Struct):
    """How late a node's threads are, in seconds at most; `death`: how likely its process dies at a
    fault point.
    """

    hand_over_s: float = 0.0
    tick_late_s: float = 0.001
    death: float = 0.0


class Lasting:
    """What a node has from one process to the next."""

    def __init__(
        self,
        settings: RaftSettings,
        world: World,
        limits: Limits,
        budget: Budget,
        *,
        keeps_sync: bool,
    ) -> None:
        self.node_id = settings.node_id
        self.settings = settings
        self.limits = limits
        self.budget = budget
        self.world = world
        self.pace = Pace()
        self.wall_ahead_s = world.chance.uniform(-2, 2)
        self.disk = SimulatedDisk(world.chance, keeps_sync=keeps_sync)
        self.store = MortalStore(self.disk)

    def wall_s(self) -> float:
        """Its wall clock, in Unix seconds: wrong by `wall_ahead_s`."""
        return EPOCH_MS / 1000 + self.world.loop.time() + self.wall_ahead_s


class _FaultPoints(Faults):
    """Fault points at which the process may die."""

    def __init__(self, chance: Random, pace: Pace) -> None:
        super().__init__()
        self._chance = chance
        self._pace = pace

    def reach(self, point: str) -> None:
        if self._pace.death and self._chance.random() < self._pace.death:
            raise Death


class Process:
    """One life of a node; `requests`: the answers that it owes, and what works on them."""

    def __init__(self, lasting: Lasting, on_end: Callable[[BaseException], None]) -> None:
        """Start on what the disk holds; `on_end` is called with Death, or with Removed.

        Errors: StartError, StoreError, Removed, Death.
        """
        world, node_id = lasting.world, lasting.node_id
        self.loop = ProcessLoop(
            world.loop, world.chance, on_end, hand_over_s=lasting.pace.hand_over_s
        )
        self.sessions: list[Session] = []
        self.requests: dict[asyncio.Future[Any], Coroutine[Any, Any, Any]] = {}
        store_format.claim(lasting.store, cluster_id=lasting.settings.cluster_id, node_id=node_id)
        self.machine = WatchedMachine(lasting.store, node_id, world.history)
        with self.loop.entered():
            self.partition = Partition(
                number=0,
                node_id=node_id,
                store=lasting.store,
                machine=self.machine,
                clock=SystemClock(world.loop.time, lasting.wall_s),
                limits=lasting.limits,
                budget=lasting.budget,
                faults=_FaultPoints(world.chance, lasting.pace),
                on_epoch_end=self.sessions.clear,
                entropy=world.chance.randbytes,
            )
            self.partition.start(lambda on_role: self._raft_thread(lasting, on_role))

    def _raft_thread(self, lasting: Lasting, on_role: Callable[[Role], None]) -> RaftThread:
        world = lasting.world

        def tell(role: Role) -> None:
            world.history.on_role(lasting.node_id, role)
            on_role(role)

        self.raft_thread = RaftThread(
            lasting.settings,
            lasting.disk,
            self.machine,
            tell,
            loop=self.loop,
            wires=world.wires,
            clock=world.raft_clock,
            chance=world.chance,
            late_s=lasting.pace.tick_late_s,
        )
        return self.raft_thread

    def keep_pace(self, pace: Pace) -> None:
        """Be as late as a node of this pace."""
        self.loop.hand_over_s = pace.hand_over_s
        self.raft_thread.late_s = pace.tick_late_s

    # wires.End: what comes from the network waits for the thread

    @property
    def hello(self) -> Hello:
        return self.raft_thread.hello

    def on_connected(self, node_id: str, hello: Hello) -> None:
        self.loop.call_soon(self.raft_thread.on_connected, node_id, hello)

    def on_disconnected(self, node_id: str) -> None:
        self.loop.call_soon(self.raft_thread.on_disconnected, node_id)

    def on_message(self, node_id: str, message: Message) -> None:
        self.loop.call_soon(self.raft_thread.on_message, node_id, message)

    def close(self, session: Session) -> None:
        """A worker has gone, from the epoch that it came to or from a later one."""
        epoch = self.partition.epoch
        if epoch is not None and session in epoch.dispatcher.sessions():
            epoch.dispatcher.close(session)

    def end(self) -> None:
        """Nothing of it runs any more; whoever waits learns that it is gone."""
        self.loop.is_alive = False
        self.sessions.clear()
        requests, self.requests = self.requests, {}
        for answer, work in requests.items():
            work.close()
            if not answer.done():
                answer.set_exception(Rejection(Reason.OUTCOME_UNKNOWN, "the node died"))
