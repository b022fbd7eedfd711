"""Who waits for an execution's history to grow."""

import asyncio
from collections.abc import Iterable


class Watchers:
    """Wakes those who wait; a wake-up is a hint, and the history is read again after it."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}

    def subscribe(self, execution_id: str) -> asyncio.Event:
        """Return an event that is set whenever the execution's history grows; clear it before
        reading.
        """
        event = asyncio.Event()
        self._waiting.setdefault(execution_id, set()).add(event)
        return event

    def unsubscribe(self, execution_id: str, event: asyncio.Event) -> None:
        """Stop waking `event`."""
        events = self._waiting[execution_id]
        events.remove(event)
        if not events:
            del self._waiting[execution_id]

    def notify(self, execution_ids: Iterable[str]) -> None:
        """Wake those who wait for any of these executions."""
        if not self._waiting:
            return
        for execution_id in execution_ids:
            for event in self._waiting.get(execution_id, ()):
                event.set()

    def notify_all(self) -> None:
        """Wake all: the reign that they read in is over."""
        self.notify(tuple(self._waiting))
