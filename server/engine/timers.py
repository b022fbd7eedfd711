"""The leader's timers: the earliest ones in memory, the rest in the store.

A timer that a leader loses with its epoch is in the store, where the next one finds it. No timer
fires before its time by the node's clock.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable
from typing import Final

from stepraft.interpreter.contexts import due_ms
from stepraft.server.clock import HybridClock
from stepraft.storage import queries
from stepraft.storage.kv import KeyValueStore

_LOADED_MAX: Final = 10_000
_SLEEP_S_MAX: Final = 3600.0


class Timers:
    """Calls `fire(timer_id)` for each armed timer once it is due. For one epoch, in its event loop."""

    def __init__(
        self, store: KeyValueStore, clock: HybridClock, fire: Callable[[str], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._fire = fire
        self._loop = asyncio.get_running_loop()
        self._heap: list[str] = []
        self._far: deque[tuple[int, str]] = deque()
        self._loaded_to: str | None = ""
        self._wakeup: asyncio.TimerHandle | None = None
        self._load()
        self._sleep()

    def arm(self, timer_id: str, number: int) -> None:
        """Note a timer that entry `number` arms; one behind those in memory is read from the store
        in its turn.
        """
        if self._loaded_to is not None and timer_id > self._loaded_to:
            self._far.append((number, timer_id))
            return
        heapq.heappush(self._heap, timer_id)
        if self._heap[0] == timer_id:
            self._sleep()

    def committed(self, number: int) -> None:
        """Entry `number` is in the store, and so are its timers."""
        while self._far and self._far[0][0] <= number:
            self._far.popleft()

    def close(self) -> None:
        """Fire nothing any more."""
        if self._wakeup is not None:
            self._wakeup.cancel()
        self._heap.clear()

    def _load(self) -> None:
        """Read the next timers behind those that were in memory; those not yet in the store join
        them.
        """
        assert self._loaded_to is not None, "all timers are in memory"
        loaded = queries.timer_ids(self._store, after=self._loaded_to, limit=_LOADED_MAX)
        uncommitted = [timer_id for _, timer_id in self._far if timer_id > self._loaded_to]
        self._far.clear()
        self._loaded_to = loaded[-1] if len(loaded) == _LOADED_MAX else None
        for timer_id in {*loaded, *uncommitted}:
            heapq.heappush(self._heap, timer_id)

    def _sleep(self) -> None:
        if self._wakeup is not None:
            self._wakeup.cancel()
            self._wakeup = None
        if self._heap:
            delay_s = (due_ms(self._heap[0]) - self._clock.now_ms()) / 1000
            self._wakeup = self._loop.call_later(min(max(delay_s, 0.0), _SLEEP_S_MAX), self._strike)

    def _strike(self) -> None:
        self._wakeup = None
        now_ms = self._clock.now_ms()
        while self._heap and due_ms(self._heap[0]) <= now_ms:
            self._fire(heapq.heappop(self._heap))
            if not self._heap and self._loaded_to is not None:
                self._load()
        self._sleep()
