"""What administrators ask of a leader: changes of the membership, transfers of leadership."""

from collections.abc import Callable
from threading import Lock
from typing import Final

from msgspec import Struct

from stepraft.server.raft.membership import Change, ChangeKind, ChangeResult

Done = Callable[[ChangeResult], None]

DONE: Final = ChangeResult(ChangeKind.DONE)
NOT_LEADER: Final = ChangeResult(ChangeKind.NOT_LEADER, "this node does not lead")
STOPPED: Final = ChangeResult(ChangeKind.NOT_LEADER, "this node stops")


class Transfer(Struct, frozen=True):
    """Somebody else shall lead: `target`, or with None whoever is as far as the leader."""

    target: str | None


Request = Change | Transfer


class Requests:
    """The requests of one node that its Raft thread has not seen yet; any thread asks."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._is_closed = False
        self._queue: list[tuple[Request, Done]] = []

    def ask(self, request: Request, done: Done) -> bool:
        """Queue a request; False when closed, and `done` is then forgotten."""
        with self._lock:
            if not self._is_closed:
                self._queue.append((request, done))
            return not self._is_closed

    def take(self) -> list[tuple[Request, Done]]:
        """All that is queued, oldest first."""
        if not self._queue:
            return []
        with self._lock:
            taken, self._queue = self._queue, []
        return taken

    def close(self) -> None:
        """Take no more, and answer all."""
        with self._lock:
            self._is_closed = True
        for _, done in self.take():
            done(STOPPED)
