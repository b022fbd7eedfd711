"""The event loop of one simulated process: it stands still with its process, and ends with it."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from random import Random
from typing import Any

from stepraft.server.raft.members import Removed
from stepraft.testing import VirtualLoop
from tests.simulation.raft.disks import Death


class ProcessLoop(VirtualLoop):
    """Runs callbacks within another loop, whose time is that of all processes.

    `hand_over_s`: how long a callback from another thread takes at most; they stay in order.
    `on_end`: called with the Death or the Removed that ends a callback, and the process with it.
    """

    def __init__(
        self,
        world: VirtualLoop,
        chance: Random,
        on_end: Callable[[BaseException], None],
        *,
        hand_over_s: float,
    ) -> None:
        super().__init__()
        self.hand_over_s = hand_over_s
        self.is_alive = True
        self._on_end = on_end
        self._world = world
        self._chance = chance
        self._is_paused = False
        self._held: deque[asyncio.Handle] = deque()
        self._handed_over_at = 0.0

    # The process

    def pause(self) -> None:
        """Stand still, as a process does that is sent SIGSTOP."""
        self._is_paused = True

    def resume(self) -> None:
        """Go on with all that is late."""
        self._is_paused = False
        held, self._held = self._held, deque()
        for handle in held:
            self._world.call_soon(self._run_handle, handle)

    @property
    def is_paused(self) -> bool:
        """Whether the process stands still."""
        return self._is_paused

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Within, this is the running loop: for calls from outside."""
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(self)
        try:
            yield
        finally:
            asyncio._set_running_loop(before)

    # What asyncio asks of a loop

    def time(self) -> float:
        return self._world.time()

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._world.call_soon(self._run_handle, handle)
        return handle

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        at = self.time() + self._chance.random() * self.hand_over_s
        self._handed_over_at = max(self._handed_over_at, at)
        self._world.call_at(self._handed_over_at, self._run_handle, handle)
        return handle

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._world.call_at(when, self._run_handle, handle)
        return handle

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """What a dead process fails at interests nobody."""
        if not self.is_alive:
            return
        error = context.get("exception")
        if isinstance(error, Death | Removed):
            self._on_end(error)
        else:
            self._world.call_exception_handler(context)

    def _run_handle(self, handle: asyncio.Handle) -> None:
        if handle.cancelled() or not self.is_alive:
            return
        if self._is_paused:
            self._held.append(handle)
            return
        asyncio._set_running_loop(self)
        handle._run()
        asyncio._set_running_loop(self._world)
