"""One request for tasks: waits for the first, then for those that are on their way with it."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from stepraft.interpreter.decision import Delivery
from stepraft.server.engine.dispatcher import Session
from stepraft.server.service.workers import Admitted


class Poll:
    """A worker takes up to `tasks_max` tasks and waits up to `wait_s` seconds for the first."""

    def __init__(self, worker: Admitted, tasks_max: int, wait_s: float) -> None:
        self._worker = worker
        self._wait_s = wait_s
        self._is_patient = True
        self._deliveries: list[Delivery] = []
        self._changed = asyncio.Event()
        self._session = Session(
            queues=worker.queues,
            worker=worker.worker,
            lease_ms=worker.lease_ms,
            credit=tasks_max,
            deliver=self._deliver,
            revoke=lambda _: None,
            settled=self._changed.set,
        )

    async def run(self) -> list[Delivery]:
        """Return what was handed out; if the caller goes away meanwhile, it is handed back.

        Errors: NO_LEADER when the reign ends before anything came.
        """
        dispatcher = self._worker.epoch.dispatcher
        dispatcher.open(self._session)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._wait_s):
                    await self._until(lambda: bool(self._deliveries) or not self._is_patient)
            self._session.credits = 0
            await self._until(lambda: self._session.on_their_way == 0)
        except BaseException:
            for delivery in self._deliveries:
                dispatcher.hand_back(delivery.task_id, delivery.delivery)
            raise
        finally:
            dispatcher.close(self._session)
        return self._deliveries

    def wake(self) -> None:
        """Look whether the reign is over."""
        self._changed.set()

    def give_up(self) -> None:
        """Wait no longer for a task that may come."""
        self._is_patient = False
        self._changed.set()

    def _deliver(self, delivery: Delivery) -> None:
        self._deliveries.append(delivery)
        self._changed.set()

    async def _until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            self._worker.require_reign()
            self._changed.clear()
            await self._changed.wait()
