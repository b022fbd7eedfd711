"""A replicated log of one node: what is proposed is committed at once, and applied in order."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from stepraft.server.raft.contract import (
    ProposalKind,
    ProposalResult,
    RaftStatus,
    Role,
    RoleKind,
)
from stepraft.server.raft.membership import (
    Change,
    ChangeKind,
    ChangeResult,
    Member,
    Membership,
    Standing,
)

_TERM = 1


class LocalMachine(Protocol):
    """What a log of one node needs of the machine."""

    @property
    def applied_index(self) -> int:
        """The index of the last applied entry, 0 before the first."""

    def apply(self, index: int, term: int, entry: bytes) -> None:
        """Apply one entry."""


class LocalLog:
    """A `ReplicatedLog` that applies each proposal in the event loop that made it. Nothing is kept
    but what the machine keeps.
    """

    def __init__(
        self,
        machine: LocalMachine,
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

    def change_membership(self, change: Change, done: Callable[[ChangeResult], None]) -> None:
        """Refuse: the only member stays alone."""
        self._loop.call_soon(done, self._refusal("a log of one node has no other members"))

    def transfer_leadership(self, target: str | None, done: Callable[[ChangeResult], None]) -> None:
        """Refuse: there is nobody to hand over to."""
        self._loop.call_soon(done, self._refusal("a log of one node has no other leader"))

    def _refusal(self, text: str) -> ChangeResult:
        if not self._is_leading:
            return ChangeResult(ChangeKind.NOT_LEADER)
        return ChangeResult(ChangeKind.REFUSED, text)

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
            membership=Membership({self._node_id: Member("", "", Standing.VOTER)}),
        )
