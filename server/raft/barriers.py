"""Reads that must see every acknowledged write: the leader proves that it still leads.

A barrier notes the commit index, waits until a majority has answered a message that was sent after
that, and until the machine has applied as far. Barriers that come together share one round.

Source: D. Ongaro, "Consensus: Bridging Theory and Practice", section 6.4.
"""

from collections import deque
from collections.abc import Callable
from threading import Lock

from msgspec import Struct

Done = Callable[[bool], None]


class _Round(Struct, frozen=True):
    number: int
    read_index: int
    deadline: float
    dones: list[Done]


class Barriers:
    """The barriers of one node; all but `ask` belong to the Raft thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._is_closed = False
        self._queue: list[tuple[Done, float]] = []
        self._rounds: deque[_Round] = deque()

    def ask(self, done: Done, deadline: float) -> bool:
        """Queue a barrier; False when closed, and `done` is then forgotten."""
        with self._lock:
            if not self._is_closed:
                self._queue.append((done, deadline))
            return not self._is_closed

    @property
    def has_queued(self) -> bool:
        """Whether a round should be opened."""
        return bool(self._queue)

    def open_round(self, number: int, read_index: int) -> None:
        """All that is queued is confirmed by answers to round `number`."""
        with self._lock:
            queued, self._queue = self._queue, []
        deadline = min(deadline for _, deadline in queued)
        self._rounds.append(_Round(number, read_index, deadline, [done for done, _ in queued]))

    def settle(self, confirmed_round: int, applied_index: int, now: float) -> None:
        """Answer what a majority confirmed and the machine applied, and what waited too long."""
        while self._rounds:
            first = self._rounds[0]
            is_settled = first.number <= confirmed_round and first.read_index <= applied_index
            if not is_settled and now < first.deadline:
                break
            self._rounds.popleft()
            for done in first.dones:
                done(is_settled)
        while self._queue and self._queue[0][1] <= now:
            with self._lock:
                done, _ = self._queue.pop(0)
            done(False)

    def abandon(self) -> None:
        """This node leads no more."""
        with self._lock:
            queued, self._queue = self._queue, []
        rounds, self._rounds = self._rounds, deque()
        for done in [done for each in rounds for done in each.dones] + [done for done, _ in queued]:
            done(False)

    def close(self) -> None:
        """Take no more, and answer all."""
        with self._lock:
            self._is_closed = True
        self.abandon()
