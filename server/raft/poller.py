"""Waits for sockets, for a deadline, or for a word from another thread."""

import os
import select
import weakref
from collections.abc import Callable
from typing import Final

READ: Final = select.EPOLLIN
WRITE: Final = select.EPOLLOUT

OnEvent = Callable[[], None]


class Poller:
    """One thread polls; `wake` may be called by any thread."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._handlers: dict[int, OnEvent] = {}
        self._wake_up = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._is_woken = False
        # Open while anybody could still call `wake`: a number used again would be another file.
        weakref.finalize(self, os.close, self._wake_up)
        self._epoll.register(self._wake_up, READ)
        self._handlers[self._wake_up] = self._on_wake

    def register(self, descriptor: int, on_event: OnEvent, events: int) -> None:
        """Call `on_event` when the descriptor is ready, or broken."""
        self._epoll.register(descriptor, events)
        self._handlers[descriptor] = on_event

    def modify(self, descriptor: int, events: int) -> None:
        """Wait for other events."""
        self._epoll.modify(descriptor, events)

    def unregister(self, descriptor: int) -> None:
        """Forget a descriptor, before it is closed."""
        self._epoll.unregister(descriptor)
        del self._handlers[descriptor]

    def wake(self) -> None:
        """End the wait at once; cheap when it has been ended already."""
        if not self._is_woken:
            self._is_woken = True
            os.eventfd_write(self._wake_up, 1)

    def poll(self, timeout_s: float) -> None:
        """Wait for at most `timeout_s` and call the handlers of what is ready."""
        for descriptor, _ in self._epoll.poll(max(0.0, timeout_s)):
            # A handler may have closed another descriptor of the same round.
            handler = self._handlers.get(descriptor)
            if handler is not None:
                handler()

    def close(self) -> None:
        """Stop polling; `wake` does nothing any more."""
        self._epoll.close()

    def _on_wake(self) -> None:
        os.eventfd_read(self._wake_up)
        # After the read and before the queues are looked at: a wake from now on counts again.
        self._is_woken = False
