"""Threads for plain functions, which do not keep the process from ending."""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


class _Job(Generic[Result]):
    """One call, and who waits for it."""

    def __init__(self, work: Callable[[], Result], loop: asyncio.AbstractEventLoop) -> None:
        self._work = work
        self._loop = loop
        self.future: asyncio.Future[Result] = loop.create_future()

    def do(self, freed: Callable[[], None]) -> None:
        """Run in a thread; the loop hears of the result and of the thread that is free again."""
        result = self._work()

        def deliver() -> None:
            freed()
            if not self.future.done():
                self.future.set_result(result)

        try:
            self._loop.call_soon_threadsafe(deliver)
        except RuntimeError:
            # The loop was closed before a function that took too long came back.
            return


class Threads:
    """Runs functions, each in a thread of its own; threads that are free are used again.

    The threads are daemons: unlike those of concurrent.futures, one that hangs does not keep the
    process from ending after its task was handed back. Used from one event loop.
    """

    def __init__(self) -> None:
        self._jobs: SimpleQueue[_Job[Any] | None] = SimpleQueue()
        self._started = 0
        self._free = 0

    async def run(self, work: Callable[[], Result]) -> Result:
        """Return what `work` returns; it must not raise."""
        job = _Job(work, asyncio.get_running_loop())
        if self._free:
            self._free -= 1
        else:
            self._started += 1
            name = f"stepraft-task-{self._started}"
            threading.Thread(target=self._serve, name=name, daemon=True).start()
        self._jobs.put(job)
        return await job.future

    def close(self) -> None:
        """Let each thread end once it is free."""
        for _ in range(self._started):
            self._jobs.put(None)

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.do(self._freed)

    def _freed(self) -> None:
        self._free += 1
