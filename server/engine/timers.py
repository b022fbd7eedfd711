"""The leader's timers: the earliest ones in memory, the rest in the store.

A timer that a leader loses with its epoch is in the store, where the next one finds it. No timer
fires before its time by the node's clock.
"""

import asyncio
import heapq
from collections.abc import Callable
from typing import Final, NamedTuple

from stepraft.interpreter.contexts import due_ms
from stepraft.server.clock import HybridClock
from stepraft.storage import queries
from stepraft.storage.kv import KeyValueStore

_LOADED_MAX: Final = 10_000
_SLEEP_S_MAX: Final = 3600.0


class _Armed(NamedTuple):
    """A timer, and the entry that arms it: 0 for one that was read from the store."""

    timer_id: str
    number: int


class Timers:
    """Calls `fire(timer_id)` for each armed timer once it is due. For one epoch, in its event loop.

    At most twice `loaded_max` timers are in memory: all that are armed up to the time `_loaded_to`
    (None: all that there are). Of the later ones only those are known that are not in the store
    yet, since the store cannot give them.
    """

    def __init__(
        self,
        store: KeyValueStore,
        clock: HybridClock,
        fire: Callable[[str], None],
        loaded_max: int = _LOADED_MAX,
    ) -> None:
        self._store = store
        self._clock = clock
        self._fire = fire
        self._loaded_max = loaded_max
        self._loop = asyncio.get_running_loop()
        self._heap: list[_Armed] = []
        self._later: list[_Armed] = []
        self._loaded_to: str | None = ""
        self._committed = 0
        self._wakeup: asyncio.TimerHandle | None = None
        self._load()
        self._sleep()

    def arm(self, timer_id: str, number: int) -> None:
        """Note a timer that entry `number` arms."""
        armed = _Armed(timer_id, number)
        if self._loaded_to is not None and timer_id > self._loaded_to:
            self._later.append(armed)
            return
        heapq.heappush(self._heap, armed)
        if len(self._heap) > 2 * self._loaded_max:
            self._spill()
        if self._heap[0] is armed:
            self._sleep()

    def committed(self, number: int) -> None:
        """Entry `number` is in the store, and so are its timers."""
        self._committed = number
        if self._later:
            self._later = [armed for armed in self._later if armed.number > number]

    def close(self) -> None:
        """Fire nothing any more."""
        if self._wakeup is not None:
            self._wakeup.cancel()
        self._heap.clear()

    def _load(self) -> None:
        """Read the next timers from the store, and join those to them that are not in it yet."""
        assert self._loaded_to is not None, "all timers are in memory"
        loaded = queries.timer_ids(self._store, after=self._loaded_to, limit=self._loaded_max)
        self._loaded_to = loaded[-1] if len(loaded) == self._loaded_max else None
        joining = [armed for armed in self._later if not self._is_later(armed)]
        self._later = [armed for armed in self._later if self._is_later(armed)]
        known = {armed.timer_id for armed in joining}
        joining.extend(_Armed(timer_id, 0) for timer_id in loaded if timer_id not in known)
        self._heap.extend(joining)
        heapq.heapify(self._heap)

    def _is_later(self, armed: _Armed) -> bool:
        return self._loaded_to is not None and armed.timer_id > self._loaded_to

    def _spill(self) -> None:
        """Let the later half go: the store has it, or soon will have."""
        self._heap.sort()
        kept, dropped = self._heap[: self._loaded_max], self._heap[self._loaded_max :]
        self._heap = kept
        self._loaded_to = kept[-1].timer_id
        self._later.extend(armed for armed in dropped if armed.number > self._committed)

    def _sleep(self) -> None:
        if self._wakeup is not None:
            self._wakeup.cancel()
            self._wakeup = None
        if self._heap:
            delay_s = (due_ms(self._heap[0].timer_id) - self._clock.now_ms()) / 1000
            self._wakeup = self._loop.call_later(min(max(delay_s, 0.0), _SLEEP_S_MAX), self._strike)

    def _strike(self) -> None:
        self._wakeup = None
        now_ms = self._clock.now_ms()
        while self._heap and due_ms(self._heap[0].timer_id) <= now_ms:
            self._fire(heapq.heappop(self._heap).timer_id)
            if not self._heap and self._loaded_to is not None:
                self._load()
        self._sleep()
