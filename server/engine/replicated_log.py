"""What the engine needs of consensus: `server.raft` gives it, and a simulation gives another."""

from collections.abc import Callable
from typing import Protocol

from stepraft.server.raft.contract import ProposalResult, RaftStatus
from stepraft.server.raft.membership import Change, ChangeResult


class ReplicatedLog(Protocol):
    """A log that a majority of nodes agrees on. Callbacks come from its own thread and must only
    hand over.
    """

    def start(self) -> None:
        """Join the group.

        Errors: StartError when this node must not take part.
        """

    def stop(self) -> None:
        """Hand leadership over and leave; blocks until nothing is written any more."""

    def propose(self, entry: bytes, done: Callable[[ProposalResult], None]) -> None:
        """Append an entry, if this node leads; `done` is called once."""

    def barrier(self, done: Callable[[bool], None]) -> None:
        """Call `done(True)` when this node led after the call and has applied all that was
        committed before it.
        """

    def change_membership(self, change: Change, done: Callable[[ChangeResult], None]) -> None:
        """Change who belongs to the group; `done` is called once, when the change is committed or
        will not be.
        """

    def transfer_leadership(self, target: str | None, done: Callable[[ChangeResult], None]) -> None:
        """Make `target` the leader, None: the member that is best fit; `done` is called once."""

    def status(self) -> RaftStatus:
        """Return how this node stands."""
