"""Who changes the cluster while it runs: adds, removes and moves members, and moves leadership.

The number of members is kept between two bounds, so that a run stays cheap and the group alive.
"""

import asyncio
from contextlib import suppress
from typing import Final

from msgspec.structs import replace

from stepraft.interpreter.errors import Rejection
from stepraft.server.raft.membership import (
    AddMember,
    Change,
    ChangeKind,
    ChangeResult,
    RemoveMember,
    UpdateMember,
)
from tests.simulation.whole.cluster import Cluster
from tests.simulation.whole.nodes import Node

_MEMBERS_MAX: Final = 5
_VOTERS_MIN: Final = 3
_MOVED_BY: Final = 100
_GRPC_BY: Final = 5000
_REFUSALS_MAX: Final = 40


class Administrator:
    """Does one thing after another until the run is calm."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._chance = cluster.chance
        self._is_over = False
        self.changes = 0
        """How many changes were made for sure."""

    def stop(self) -> None:
        """Begin nothing more."""
        self._is_over = True

    async def work(self) -> None:
        """Change the cluster, now and then."""
        pause_s = self._chance.choice([1.0, 4.0, 15.0])
        deeds = [self._add, self._remove, self._move, self._transfer, self._restart]
        while not self._is_over:
            await asyncio.sleep(self._chance.uniform(0, 2 * pause_s))
            await self._chance.choice(deeds)()

    async def _add(self) -> None:
        membership = self._cluster.history.membership
        if membership is None or len(membership.members) >= _MEMBERS_MAX:
            return
        node = self._cluster.add()
        if self._chance.random() < 0.5:
            self._cluster.start(node)
        await self._change(AddMember(node.node_id, node.settings.listen, _grpc(node)))
        if node in self._cluster.startable:
            self._cluster.start(node)

    async def _remove(self) -> None:
        membership = self._cluster.history.membership
        if membership is None or len(membership.voters) <= _VOTERS_MIN:
            return
        # Who is away while all others are replaced knows nobody any more: an operator's care.
        if not self._cluster.are_up_to_date():
            return
        await self._change(RemoveMember(self._chance.choice(sorted(membership.members))))

    async def _move(self) -> None:
        """A member comes back under another address; it is told so, and then the others are."""
        voters = self._cluster.voters
        node = self._chance.choice(voters)
        if len(voters) < _VOTERS_MIN or node.process is None or node.process.loop.is_paused:
            return
        self._cluster.kill(node, loses_power=False)
        host, _, port = node.settings.listen.rpartition(":")
        listen = f"{host}:{int(port) + _MOVED_BY}"
        members = {**node.settings.members, node.node_id: listen}
        node.settings = replace(node.settings, listen=listen, members=members)
        self._cluster.start(node)
        await self._change(UpdateMember(node.node_id, listen, _grpc(node)))

    async def _transfer(self) -> None:
        leader = self._cluster.leader()
        targets = [None, *(node.node_id for node in self._cluster.voters)]
        if leader is not None:
            with suppress(Rejection):
                await leader.transfer_leadership(self._chance.choice(targets))

    async def _restart(self) -> None:
        """A node is stopped in an orderly way; somebody starts it again."""
        node = self._chance.choice(list(self._cluster.nodes.values()))
        with suppress(Rejection):
            await node.transfer_leadership(None)
        if node.process is not None:
            self._cluster.kill(node, loses_power=False)

    async def _change(self, change: Change) -> None:
        """Ask whoever leads until it is done, or refused again and again."""
        refusals = 0
        while refusals < _REFUSALS_MAX:
            result = await self._ask(self._cluster.leader(), change)
            if result is not None and result.kind is ChangeKind.DONE:
                self.changes += 1
                return
            refusals += result is not None and result.kind is ChangeKind.REFUSED
            await asyncio.sleep(self._chance.uniform(0.1, 1.0))

    async def _ask(self, leader: Node | None, change: Change) -> ChangeResult | None:
        if leader is None:
            return None
        try:
            return await leader.change_membership(change)
        except Rejection:
            return None


def _grpc(node: Node) -> str:
    """Where a node serves callers, for the record alone: nobody calls there."""
    host, _, port = node.settings.listen.rpartition(":")
    return f"{host}:{int(port) + _GRPC_BY}"
