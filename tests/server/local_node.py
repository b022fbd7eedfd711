"""A node in memory for tests: the service on a log that commits at once, and how to ask it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from stepraft.interpreter.limits import Limits
from stepraft.server.clock import SystemClock
from stepraft.server.config import single_node
from stepraft.server.engine.partition import Partition
from stepraft.server.engine.processor import Budget
from stepraft.server.faults import Faults
from stepraft.server.raft.contract import ProposalResult, ReplicatedMachine, Role, RoleKind
from stepraft.server.raft.membership import Change, ChangeKind, ChangeResult
from stepraft.server.service.application import Application
from stepraft.server.service.callers import ANYBODY
from stepraft.server.service.cluster import NodeStatus
from stepraft.server.service.executions import StartRequest
from stepraft.server.service.task_reports import Completion, Report
from stepraft.server.service.workers import HandedOut, Hello
from stepraft.server.settings import Config, LogSection
from stepraft.storage.machine import Machine
from stepraft.storage.memory import MemoryStore
from stepraft.testing.local_log import LocalLog

PASS = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
TASK = {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "work", "End": True}}}


class NoPeers:
    """The other nodes of a cluster that has none that answer."""

    async def nodes_known_to(self, node_id: str, timeout_s: float) -> tuple[NodeStatus, ...] | None:
        return None


class HeldLog(LocalLog):
    """A log that, while it is held, commits nothing that is proposed. What operators ask of it is
    noted in `asked`, and answered with `answer`.
    """

    is_held = False
    answer = ChangeResult(ChangeKind.DONE)

    def __init__(
        self, machine: ReplicatedMachine, on_role: Callable[[Role], None], node_id: str
    ) -> None:
        super().__init__(machine, on_role, node_id)
        self.asked: list[Change | str | None] = []

    def start(self) -> None:
        if not self.is_held:
            super().start()

    def propose(self, entry: bytes, done: Callable[[ProposalResult], None]) -> None:
        if not self.is_held:
            super().propose(entry, done)

    def change_membership(self, change: Change, done: Callable[[ChangeResult], None]) -> None:
        self.asked.append(change)
        done(self.answer)

    def transfer_leadership(self, target: str | None, done: Callable[[ChangeResult], None]) -> None:
        self.asked.append(target)
        done(self.answer)


@dataclass
class LocalNode:
    """A node in memory: its log commits at once, and its role is what the test says.

    `is_new`: it has heard of nothing yet, neither of entries nor of a leader.
    """

    node_id: str
    config: Config
    addresses: dict[str, str]
    is_new: bool = False
    store: MemoryStore = field(default_factory=MemoryStore)
    application: Application = field(init=False)
    partition: Partition = field(init=False)

    async def start(self) -> None:
        machine = Machine(self.store)
        self.partition = Partition(
            0,
            self.node_id,
            self.store,
            machine,
            SystemClock(),
            Limits(payload_bytes=self.config.limits.payload_bytes),
            Budget(),
            Faults(),
            on_epoch_end=self._end_epoch,
        )
        self.application = Application(self.config, [self.partition], self.addresses, NoPeers())
        self.partition.start(partial(self._make_log, machine))
        if not self.is_new:
            await self.is_leading()

    def _end_epoch(self) -> None:
        self.application.end_epoch()

    def _make_log(self, machine: Machine, on_role: Callable[[Role], None]) -> HeldLog:
        self.on_role = on_role
        self.log = HeldLog(machine, on_role, self.node_id)
        self.log.is_held = self.is_new
        return self.log

    async def is_leading(self) -> None:
        while not self.partition.is_serving:
            await self.partition.wait_for_change(1.0)

    async def follow(self, leader_id: str | None) -> None:
        """Lose the lead to another node, or to nobody."""
        self.on_role(Role(kind=RoleKind.FOLLOWER, term=2, leader_id=leader_id))
        while self.partition.is_serving or self.partition.leader_id != leader_id:
            await self.partition.wait_for_change(1.0)

    async def be_elected(self) -> None:
        """Be elected, and not get as far as to begin an epoch."""
        await self.follow(None)
        self.log.is_held = True
        self.on_role(Role(kind=RoleKind.LEADER, term=3, leader_id=self.node_id))
        while self.partition.leader_id != self.node_id:
            await self.partition.wait_for_change(1.0)

    async def lead(self) -> None:
        """Lead again."""
        self.on_role(Role(kind=RoleKind.LEADER, term=3, leader_id=self.node_id))
        await self.is_leading()


def configuration(**sections: dict[str, object]) -> Config:
    """Return a node's configuration, with some keys of some sections set."""
    config = single_node(Path("in-memory"), "127.0.0.1:0", LogSection())
    changed = {
        name: msgspec.structs.replace(getattr(config, name), **keys)
        for name, keys in sections.items()
    }
    return msgspec.structs.replace(config, **changed)


@asynccontextmanager
async def local_node(
    *, is_new: bool = False, **sections: dict[str, object]
) -> AsyncIterator[LocalNode]:
    config = configuration(**sections)
    node = LocalNode(config.node.id, config, {config.node.id: "127.0.0.1:0"}, is_new)
    await node.start()
    try:
        yield node
    finally:
        await node.partition.stop()


async def until(is_so: Callable[[], bool]) -> None:
    """Let the loop run until something is so that nothing tells of."""
    while not is_so():  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(0)


def start_of(workflow: str, **fields: Any) -> StartRequest:
    """Return a request to start a workflow, all else left to the server."""
    request: dict[str, Any] = {
        "namespace": "",
        "workflow": workflow,
        "version": 0,
        "name": "",
        "idempotency_key": "",
        "input": "",
    }
    return StartRequest(**(request | fields))


async def put(local: LocalNode, **definitions: dict[str, Any]) -> None:
    """Put workflows by name."""
    for name, definition in definitions.items():
        await local.application.workflows.put(ANYBODY, "", name, json.dumps(definition), "")


async def started(local: LocalNode, workflow: str, **fields: Any) -> str:
    """Start a workflow, and return the execution's id."""
    reply = await local.application.executions.start(ANYBODY, start_of(workflow, **fields))
    return reply.execution_id


async def polled(
    local: LocalNode, count: int = 1, wait_s: float = 5.0, lease_ms: int = 0
) -> list[HandedOut]:
    """Take tasks of the resource `work`."""
    hello = Hello("", ("work",), "worker", lease_ms)
    return await local.application.tasks.poll(ANYBODY, hello, count, wait_s)


async def complete(local: LocalNode, task: HandedOut, output: str = "null") -> None:
    """Complete a task."""
    await local.application.tasks.report(ANYBODY, Report(task.token, Completion(output)))
