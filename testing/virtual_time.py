"""Virtual time: an event loop in which nothing sleeps, and its clock.

The loop runs callbacks in the order in which they were asked for, and moves its time only when told
to. It has no sockets, no threads and no real waiting, so that a run depends on nothing but the
program.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar

_T = TypeVar("_T")

EPOCH_MS = 1_767_225_600_000
"""Where virtual time begins: 2026-01-01T00:00:00Z in Unix milliseconds."""


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop whose time is moved by hand. `time()` counts seconds from 0.

    An exception that a callback raises, or that a future keeps and nobody asks for, is raised by
    the call that runs the loop.
    """

    def __init__(self) -> None:
        self._is_running = False
        super().__init__()
        self._runnable: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._timers_made = 0
        self._now_s = 0.0
        self._failures: list[BaseException] = []

    # Running

    def settle(self) -> None:
        """Run all that can run without time passing."""
        self._is_running = True
        asyncio._set_running_loop(self)
        try:
            while self._take_due():
                self._runnable.popleft()._run()
                if self._failures:
                    raise self._failures.pop()
        finally:
            self._is_running = False
            asyncio._set_running_loop(None)

    def advance(self, seconds: float) -> None:
        """Let time pass, and run each timer when it is due."""
        end_s = self._now_s + seconds
        self.settle()
        while (due_s := self.next_due_s()) is not None and due_s <= end_s:
            self._now_s = max(self._now_s, due_s)
            self.settle()
        self._now_s = end_s

    def next_due_s(self) -> float | None:
        """Return when the next timer is due, None when there is none."""
        while self._timers and self._timers[0][2].cancelled():
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def run_until_complete(self, future: Coroutine[Any, Any, _T] | asyncio.Future[_T]) -> _T:  # type: ignore[override]
        """Run a coroutine to its end; time moves on when it waits.

        Errors: RuntimeError when it waits for what never comes.
        """
        task: asyncio.Future[_T] = (
            future if isinstance(future, asyncio.Future) else self.create_task(future)
        )
        self.settle()
        while not task.done():
            due_s = self.next_due_s()
            if due_s is None:
                raise RuntimeError(f"{task!r} waits for what never comes")
            self._now_s = max(self._now_s, due_s)
            self.settle()
        return task.result()

    def _take_due(self) -> bool:
        """Make the timers that are due ready; return whether anything is."""
        while (due_s := self.next_due_s()) is not None and due_s <= self._now_s:
            self._runnable.append(heapq.heappop(self._timers)[2])
        while self._runnable and self._runnable[0].cancelled():
            self._runnable.popleft()
        return bool(self._runnable)

    # What asyncio asks of a loop

    def time(self) -> float:
        """Return the seconds that have passed."""
        return self._now_s

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Run a callback after those that are ready now."""
        handle = asyncio.Handle(callback, args, self, context)
        self._runnable.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_later(  # type: ignore[override]
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Run a callback when `delay` seconds have passed."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Run a callback at a time; of those due at once the one asked for first comes first."""
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._timers_made += 1
        heapq.heappush(self._timers, (when, self._timers_made, handle))
        return handle

    def create_future(self) -> asyncio.Future[Any]:
        """Return a future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]
        self,
        coro: Coroutine[Any, Any, _T],
        *,
        name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[_T]:
        """Run a coroutine beside others."""
        return asyncio.Task(coro, loop=self, name=name, context=context)

    def run_in_executor(  # type: ignore[override]
        self, executor: None, func: Callable[..., _T], *args: Any
    ) -> asyncio.Future[_T]:
        """Call `func` at once: there are no threads here."""
        future: asyncio.Future[_T] = self.create_future()
        future.set_result(func(*args))
        return future

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what went wrong, for the call that runs the loop to raise."""
        error = context.get("exception")
        self._failures.append(
            error if isinstance(error, BaseException) else RuntimeError(context["message"])
        )

    def is_running(self) -> bool:
        """Whether callbacks run now."""
        return self._is_running

    def is_closed(self) -> bool:
        """Return False: there is nothing to close."""
        return False

    def __del__(self) -> None:
        """Warn of nothing: there is nothing to close."""

    def get_debug(self) -> bool:
        """Return False: asyncio's checks of slow callbacks mean nothing here."""
        return False

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """A timer was canceled: it is skipped when its time comes."""


class VirtualClock:
    """Unix milliseconds that follow a loop's time; `offset_ms` is how far it is ahead, and may be
    changed.
    """

    def __init__(self, loop: VirtualLoop, offset_ms: int = 0) -> None:
        self._loop = loop
        self._last_ms = 0
        self.offset_ms = offset_ms

    def now_ms(self) -> int:
        """Return Unix milliseconds; never less than before."""
        now_ms = EPOCH_MS + self.offset_ms + round(self._loop.time() * 1000)
        self._last_ms = max(self._last_ms, now_ms)
        return self._last_ms
