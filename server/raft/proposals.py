"""Proposals on their way: a bounded queue that any thread fills, then the ones in the log.

Every proposal is answered exactly once: `refused` while it is certainly in no log, `applied` after
the machine has it, `unknown` when this node stops leading (or waiting) with it in the log.
"""

from collections import deque
from collections.abc import Callable
from threading import Lock

from stepraft.server.raft.contract import ProposalKind, ProposalResult

Done = Callable[[ProposalResult], None]

REFUSED = ProposalResult(ProposalKind.REFUSED, 0)


class Proposals:
    """The proposals of one node; all but `offer` belong to the Raft thread."""

    def __init__(self, *, entries_max: int, bytes_max: int) -> None:
        self._entries_max = entries_max
        self._bytes_max = bytes_max
        self._lock = Lock()
        self._is_closed = False
        self._queue: deque[tuple[bytes, Done]] = deque()
        self._queue_bytes = 0
        self._waiting: deque[tuple[int, float, Done]] = deque()

    def offer(self, entry: bytes, done: Done) -> bool:
        """Queue an entry; False when the queue is full or closed, and `done` is then forgotten."""
        with self._lock:
            if (
                self._is_closed
                or len(self._queue) >= self._entries_max
                or self._queue_bytes + len(entry) > self._bytes_max
            ):
                return False
            self._queue.append((entry, done))
            self._queue_bytes += len(entry)
            return True

    def take(self) -> list[tuple[bytes, Done]]:
        """All that is queued, oldest first."""
        if not self._queue:
            return []
        with self._lock:
            taken = list(self._queue)
            self._queue.clear()
            self._queue_bytes = 0
        return taken

    def wait(self, first_index: int, dones: list[Done], deadline: float) -> None:
        """They are in the log from `first_index` on; answered `unknown` at `deadline`."""
        self._waiting.extend((first_index + i, deadline, done) for i, done in enumerate(dones))

    def on_applied(self, index: int) -> None:
        """The machine has applied the entry at `index`."""
        while self._waiting and self._waiting[0][0] <= index:
            at, _, done = self._waiting.popleft()
            done(ProposalResult(ProposalKind.APPLIED, at))

    def expire(self, now: float) -> None:
        """Answer those that waited too long."""
        while self._waiting and self._waiting[0][1] <= now:
            at, _, done = self._waiting.popleft()
            done(ProposalResult(ProposalKind.UNKNOWN, at))

    def refuse_queued(self) -> None:
        """Refuse all that is in no log yet."""
        for _, done in self.take():
            done(REFUSED)

    def abandon(self) -> None:
        """This node leads no more: what waits may or may not commit."""
        while self._waiting:
            at, _, done = self._waiting.popleft()
            done(ProposalResult(ProposalKind.UNKNOWN, at))
        self.refuse_queued()

    def close(self) -> None:
        """Take no more, and answer all."""
        with self._lock:
            self._is_closed = True
        self.abandon()
