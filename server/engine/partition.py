"""One partition: its store, its Raft group and, while this node leads, the parts of an epoch.

role: leader -> propose LeaderStarted -> applied: its log index is the epoch -> working state,
processor, timers, dispatcher; pending commands are processed again -> serving role lost, a proposal
refused or of unknown outcome -> the epoch ends, its working state is dropped
"""

import asyncio
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar

from stepraft.interpreter.commands import Command, CreateClusterSecret, RaiseFeatureLevel
from stepraft.interpreter.contexts import TaskContext
from stepraft.interpreter.decision import Reply
from stepraft.interpreter.errors import Reason, Rejection
from stepraft.interpreter.limits import Limits
from stepraft.server.clock import Clock, HybridClock
from stepraft.server.engine.definitions import Definitions
from stepraft.server.engine.dispatcher import Dispatcher
from stepraft.server.engine.levels import Levels
from stepraft.server.engine.moment import Moment
from stepraft.server.engine.processor import Budget, Processor, Work
from stepraft.server.engine.replicated_log import ReplicatedLog
from stepraft.server.engine.timers import Timers
from stepraft.server.engine.watchers import Watchers
from stepraft.server.engine.working_state import WorkingState
from stepraft.server.faults import Faults
from stepraft.server.raft.contract import (
    Condition,
    ProposalKind,
    ProposalResult,
    RaftStatus,
    Role,
    RoleKind,
)
from stepraft.server.raft.membership import Change, ChangeResult
from stepraft.storage import entry, queries
from stepraft.storage.batch import Batch
from stepraft.storage.entry import LeaderStarted
from stepraft.storage.kv import KeyValueStore
from stepraft.storage.machine import Applied, Machine

_log = logging.getLogger(__name__)
_EPOCH_RETRY_S: Final = 0.05
_HAND_OVER_S: Final = 0.5
"""How long a node that stops waits for its successor: where all stop, there is none."""
_NONCE_BYTES: Final = 16
_SECRET_BYTES: Final = 32


Result = TypeVar("Result")


class Epoch:
    """The parts that live as long as one reign."""

    def __init__(self, number: int, partition: "Partition") -> None:
        self.number = number
        self.state = WorkingState(
            partition.store,
            partition.clock,
            partition.limits,
            partition.definitions,
            partition.entropy,
        )
        self.processor = Processor(
            number,
            self.state,
            partial(partition.propose, number),
            self,
            partition.budget,
            partition.faults,
        )
        self.dispatcher = Dispatcher(self.processor)
        self.timers = Timers(partition.store, partition.clock, self.processor.fire)
        self.levels = Levels(partition.machine, partition.raft_status, self._raise_level)

    def _raise_level(self, command: RaiseFeatureLevel) -> None:
        self.processor.enqueue(Work(command))

    # processor.Hints

    def timer_armed(self, timer_id: str, number: int) -> None:
        """A timer was armed in entry `number`."""
        self.timers.arm(timer_id, number)

    def task_ready(self, task: TaskContext) -> None:
        """A task may be handed out."""
        self.dispatcher.offer(task)

    def task_revoked(self, task: TaskContext) -> None:
        """Whoever works on a task need not go on."""
        self.dispatcher.revoked(task)

    def close(self, refused_from: int | None = None) -> None:
        """End the reign; `refused_from`: see Processor.close."""
        self.levels.close()
        self.timers.close()
        self.processor.close(refused_from)


class Partition:
    """One partition on this node. Call it from the event loop that started it; Raft's callbacks
    only hand over.
    """

    def __init__(
        self,
        number: int,
        node_id: str,
        store: KeyValueStore,
        machine: Machine,
        clock: Clock,
        limits: Limits,
        budget: Budget,
        faults: Faults,
        on_epoch_end: Callable[[], None],
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.number = number
        self.node_id = node_id
        self.store = store
        self.machine = machine
        self.clock = HybridClock(clock)
        self.clock.observe(machine.stamp)
        self.limits = limits
        self.budget = budget
        self.faults = faults
        self.entropy = entropy
        self.definitions = Definitions()
        self.watchers = Watchers()
        self.epoch: Epoch | None = None
        self._on_epoch_end = on_epoch_end
        self._role = Role(kind=RoleKind.FOLLOWER, term=0, leader_id=None)
        self._nonce = b""
        self._is_stopping = False
        self._changed = asyncio.Event()
        self._log: ReplicatedLog | None = None
        self._loop = asyncio.get_running_loop()
        machine.on_applied = self._applied_in_raft_thread
        machine.on_replaced = self._replaced_in_raft_thread

    # Raft

    def start(self, make_log: Callable[[Callable[[Role], None]], ReplicatedLog]) -> None:
        """Join the Raft group.

        Errors: StartError.
        """
        self._log = make_log(self._role_in_raft_thread)
        self._log.start()

    async def stop(self) -> None:
        """Hand leadership over, and stop. The store is the caller's to close."""
        self._is_stopping = True
        log = self._log
        if log is not None:
            await self._loop.run_in_executor(None, log.stop)
        self._end_epoch("the node stops")

    def raft_status(self) -> RaftStatus:
        """Return how this node's Raft group stands."""
        return self._joined.status()

    @property
    def leader_id(self) -> str | None:
        """The node that leads, as far as this one knows."""
        return self._role.leader_id

    @property
    def is_serving(self) -> bool:
        """Whether this node leads and has begun its epoch."""
        return self.epoch is not None

    @property
    def why_no_state(self) -> str | None:
        """Why the store holds nothing to answer from; None when it holds the state of a moment."""
        if self.raft_status().condition is Condition.DIVERGED:
            return "its state differed from that of the others, and is being replaced"
        # All that is ever written is written in a reign.
        if self.machine.epoch == 0:
            return "it has not received the cluster's state yet"
        return None

    async def wait_for_change(self, timeout_s: float) -> None:
        """Wait until the leader or this node's epoch changes, or the time is over."""
        changed = self._changed
        try:
            await asyncio.wait_for(changed.wait(), timeout_s)
        except TimeoutError:
            return

    async def submit(self, command: Command) -> Reply:
        """Process a command, and return its reply when it is durable.

        Errors: Rejection; NO_LEADER when this node does not lead (nothing was done),
        OUTCOME_UNKNOWN when it stopped leading meanwhile.
        """
        return await self.leading().processor.submit(command)

    def leading(self) -> Epoch:
        """Return the present epoch.

        Errors: Rejection NO_LEADER when this node does not lead.
        """
        if self.epoch is None:
            raise Rejection(Reason.NO_LEADER, f"node {self.node_id} does not lead")
        return self.epoch

    async def barrier(self) -> None:
        """Wait until a read from the store sees every write acknowledged so far.

        Errors: Rejection NO_LEADER when this node does not lead.
        """
        self.leading()
        if not await self._told(self._joined.barrier):
            raise Rejection(Reason.NO_LEADER, f"node {self.node_id} no longer leads")

    async def moment(self) -> Moment:
        """Return a snapshot that has every write acknowledged so far; its source is the caller's to
        close.

        Errors: Rejection NO_LEADER when this node does not lead.
        """
        self.leading()

        def open_snapshot(done: Callable[[Moment | None], None]) -> None:
            self._joined.barrier(lambda led: done(self._moment_in_raft_thread() if led else None))

        found = await self._told(open_snapshot)
        if found is None:
            raise Rejection(Reason.NO_LEADER, f"node {self.node_id} no longer leads")
        return found

    async def change_membership(self, change: Change) -> ChangeResult:
        """Change who belongs to the cluster; return when that is committed, or will not be."""
        return await self._told(partial(self._joined.change_membership, change))

    async def transfer_leadership(self, target: str | None) -> ChangeResult:
        """Make another node the leader, `target` or (None) the one that is best fit."""
        return await self._told(partial(self._joined.transfer_leadership, target))

    async def hand_over(self) -> None:
        """Let another node lead if this one does, while it still answers and passes calls on."""
        status = self.raft_status()
        if status.role is not RoleKind.LEADER or len(status.membership.voters) == 1:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_HAND_OVER_S):
                result = await self.transfer_leadership(None)
                _log.info("leadership handed over: %s %s", result.kind, result.text)

    @property
    def _joined(self) -> ReplicatedLog:
        assert self._log is not None, "the partition is not started"
        return self._log

    async def _told(self, ask: Callable[[Callable[[Result], None]], None]) -> Result:
        """Return what a question to Raft is answered with, in its thread."""
        future: asyncio.Future[Result] = self._loop.create_future()
        ask(lambda result: self._hand_over(_settle, future, result))
        return await future

    def propose(self, epoch: int, number: int, data: bytes, batch: Batch) -> None:
        """Replicate entry `number` of an epoch; the machine keeps the batch that applying it
        writes.
        """
        self.machine.prepare(epoch, number, batch)
        self._joined.propose(data, partial(self._proposal_in_raft_thread, epoch, number))

    # Callbacks in Raft's thread: they hand over, and nothing else

    def _moment_in_raft_thread(self) -> Moment:
        return Moment(self.machine.open_snapshot(), self.machine.stamp)

    def _hand_over(self, function: Callable[..., None], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:
            _log.debug("the event loop is closed; a notice of Raft is dropped")

    def _role_in_raft_thread(self, role: Role) -> None:
        self._hand_over(self._on_role, role)

    def _applied_in_raft_thread(self, applied: Applied) -> None:
        self._hand_over(self._on_applied, applied)

    def _replaced_in_raft_thread(self) -> None:
        self._hand_over(self._on_replaced, self.machine.stamp)

    def _proposal_in_raft_thread(self, epoch: int, number: int, result: ProposalResult) -> None:
        if result.kind is not ProposalKind.APPLIED:
            self._hand_over(self._on_proposal_lost, epoch, number, result)

    # The same in the event loop

    def _on_role(self, role: Role) -> None:
        _log.info("role %s, term %d, leader %s", role.kind, role.term, role.leader_id)
        self._role = role
        self._end_epoch("the role changed")
        if role.kind is RoleKind.LEADER:
            self._propose_epoch()
        self._notify()

    def _on_proposal_lost(self, epoch: int, number: int, result: ProposalResult) -> None:
        if self.epoch is None or self.epoch.number != epoch:
            return
        is_refused = result.kind is ProposalKind.REFUSED
        self._end_epoch(f"a proposal was {result.kind}", number if is_refused else None)
        if self._role.kind is RoleKind.LEADER:
            self._propose_epoch()
        self._notify()

    def _propose_epoch(self) -> None:
        self._nonce = self.entropy(_NONCE_BYTES)
        record = LeaderStarted(node_id=self.node_id, term=self._role.term, nonce=self._nonce)
        data = entry.encode_leader_started(record, self.clock.tick())
        self._joined.propose(data, partial(self._epoch_in_raft_thread, self._nonce))

    def _epoch_in_raft_thread(self, nonce: bytes, result: ProposalResult) -> None:
        if result.kind is not ProposalKind.APPLIED:
            self._hand_over(self._on_epoch_lost, nonce, result)

    def _on_epoch_lost(self, nonce: bytes, result: ProposalResult) -> None:
        _log.warning("the epoch could not begin: %s", result.kind)
        self._loop.call_later(_EPOCH_RETRY_S, self._retry_epoch, nonce)

    def _retry_epoch(self, nonce: bytes) -> None:
        """Try again, if this node leads as it did then: usually the refusal was the end of that.

        An entry of unknown outcome may have been applied meanwhile, and the epoch have begun.
        """
        is_leading = nonce == self._nonce and self._role.kind is RoleKind.LEADER
        if is_leading and self.epoch is None and not self._is_stopping:
            self._propose_epoch()

    def _on_applied(self, applied: Applied) -> None:
        self.clock.observe(applied.stamp)
        if applied.leader_started is not None:
            self._on_leader_started(applied.index, applied.leader_started)
        elif self.epoch is not None and _is_of(applied, self.epoch.number):
            self.epoch.timers.committed(applied.number)
            self.epoch.processor.committed(applied.number)
        self.watchers.notify(applied.histories)

    def _on_replaced(self, stamp: int) -> None:
        """Raft replaces the state of a node that does not lead: what was drawn from it is void."""
        self.clock.observe(stamp)
        self._end_epoch("the state was replaced")
        self.definitions.clear()
        self.watchers.notify_all()
        self._notify()

    def _on_leader_started(self, index: int, record: LeaderStarted) -> None:
        self._end_epoch(f"node {record.node_id} began an epoch")
        if record.nonce == self._nonce and self._role.kind is RoleKind.LEADER:
            self._begin_epoch(index)
        self._notify()

    def _begin_epoch(self, number: int) -> None:
        """Serve: take up every pending command, all timers and the ready tasks, from the store
        alone.
        """
        self.machine.discard_prepared()
        self.epoch = epoch = Epoch(number, self)
        epoch.processor.enqueue(Work(CreateClusterSecret(secret=self.entropy(_SECRET_BYTES))))
        epoch.levels.start()
        pending = 0
        for command in queries.pending_commands(self.store):
            epoch.processor.enqueue(Work(command.command, follows=command.stamp))
            pending += 1
        _log.info("leading in epoch %d, %d pending commands", number, pending)

    def _end_epoch(self, why: str, refused_from: int | None = None) -> None:
        if self.epoch is None:
            return
        _log.info("epoch %d ends: %s", self.epoch.number, why)
        epoch, self.epoch = self.epoch, None
        epoch.close(refused_from)
        self.watchers.notify_all()
        self._on_epoch_end()

    def _notify(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


def _is_of(applied: Applied, epoch: int) -> bool:
    """Whether an entry of the epoch's own took effect; entries of Raft's own have no number."""
    return applied.number > 0 and not applied.dropped and applied.epoch == epoch


def _settle(future: asyncio.Future[Result], result: Result) -> None:
    if not future.done():
        future.set_result(result)
