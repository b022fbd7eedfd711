"""A replicated log of one node: what is proposed is committed at once, and applied in order."""

import asyncio
from collections.abc import Callable

from stepraft.server.raft.contract import (
    ProposalKind,
    ProposalResult,
    RaftStatus,
    ReplicatedMachine,
    Role,
    RoleKind,
)

_TERM = 1


class LocalLog:
    """A `ReplicatedLog` that applies each proposal in the event loop that made it. Nothing is kept
    but what the machine keeps.
    """

    def __init__(
        self,
        machine: ReplicatedMachine,
        on_role: Callable[[Role], None],
        node_id: str = "local",
    ) -> None:
        self._machine = machine
        self._on_role = on_role
        self._node_id = node_id
        self._loop = asyncio.get_running_loop()
        self._is_leading = False

    def start(self) -> None:
        """Lead."""
        self._is_leading = True
        self._loop.call_soon(
            self._on_role, Role(kind=RoleKind.LEADER, term=_TERM, leader_id=self._node_id)
        )

    def stop(self) -> None:
        """Refuse what is proposed from now on."""
        self._is_leading = False

    def propose(self, entry: bytes, done: Callable[[ProposalResult], None]) -> None:
        """Apply an entry, soon."""
        self._loop.call_soon(self._apply, entry, done)

    def _apply(self, entry: bytes, done: Callable[[ProposalResult], None]) -> None:
        if not self._is_leading:
            done(ProposalResult(kind=ProposalKind.REFUSED, index=0))
            return
        index = self._machine.applied_index + 1
        self._machine.apply(index, _TERM, entry)
        done(ProposalResult(kind=ProposalKind.APPLIED, index=index))

    def barrier(self, done: Callable[[bool], None]) -> None:
        """Call `done` behind all that was proposed before."""
        self._loop.call_soon(lambda: done(self._is_leading))

    def status(self) -> RaftStatus:
        """Return how the log stands."""
        index = self._machine.applied_index
        return RaftStatus(
            node_id=self._node_id,
            role=RoleKind.LEADER if self._is_leading else RoleKind.FOLLOWER,
            term=_TERM,
            leader_id=self._node_id if self._is_leading else None,
            commit_index=index,
            applied_index=index,
            first_index=1,
            last_index=index,
            peers=(),
        )
