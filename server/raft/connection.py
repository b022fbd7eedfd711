"""One connection that carries whole messages over a wire, without ever blocking.

A frame is a length (u32, little-endian) and a message. What cannot be sent at once waits in a queue
with a bound; a peer that is too slow for it loses the connection and gets everything anew.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from stepraft.server.raft.messages import MESSAGE_BYTES_MAX, BadMessage, Message, decode
from stepraft.server.raft.poller import READ, WRITE, Poller
from stepraft.server.raft.tls_wire import TlsFault
from stepraft.server.raft.wire import Wire

_RECEIVE_ROUNDS: Final = 16
_BUFFERS_MAX: Final = 64
_LENGTH_BYTES: Final = 4
HELLO_BYTES_MAX: Final = 4096


class Connection:
    """A connected or connecting socket; closed by an error, by a bad message, or by `close`."""

    def __init__(
        self,
        wire: Wire,
        poller: Poller,
        *,
        is_connecting: bool,
        queue_bytes_max: int,
        on_open: Callable[["Connection"], None],
        on_message: Callable[["Connection", Message], None],
        on_close: Callable[["Connection", str], None],
    ) -> None:
        self._wire = wire
        self._poller = poller
        self._is_connecting = is_connecting
        self._queue_bytes_max = queue_bytes_max
        self._on_open = on_open
        self._on_message = on_message
        self._on_close = on_close
        self._received = bytearray()
        self._queue: deque[memoryview] = deque()
        self._queued_bytes = 0
        self._events = READ | WRITE if is_connecting else READ
        self.is_open = True
        self.message_bytes_max = HELLO_BYTES_MAX
        """Small until the peer is known."""
        self.has_heard = False
        """Whether bytes came since this was last set to False."""
        self.tls_fault = ""
        """Why the two ends do not trust each other, if they do not."""

        poller.register(wire.fileno(), self._on_event, self._events)

    @property
    def queued_bytes(self) -> int:
        """What waits to be sent."""
        return self._queued_bytes

    def may_be(self, node_id: str) -> bool:
        """Whether the other end can be that node, as far as the wire knows."""
        return self._wire.may_be(node_id)

    def send(self, frame: bytes) -> bool:
        """Queue a frame and send what can be sent; False when the connection is closed."""
        if self._queued_bytes + len(frame) > self._queue_bytes_max:
            self.close(f"{self._queued_bytes} bytes wait to be sent")
        if not self.is_open:
            return False
        self._queue.append(memoryview(frame))
        self._queued_bytes += len(frame)
        if not self._is_connecting and not self._events & WRITE:
            self._flush()
        return self.is_open

    def close(self, reason: str) -> None:
        """Close and tell; does nothing the second time."""
        if not self.is_open:
            return
        self.is_open = False
        self._poller.unregister(self._wire.fileno())
        self._wire.close()
        self._queue.clear()
        self._queued_bytes = 0
        self._on_close(self, reason)

    def _on_event(self) -> None:
        if self._is_connecting:
            self._finish_connecting()
            return
        if self._has_to_send():
            self._flush()
        if self.is_open:
            self._receive()
        # What came may have been what the wire waited for.
        if self.is_open and self._has_to_send():
            self._flush()

    def _has_to_send(self) -> bool:
        return bool(self._queue) or self._wire.is_blocked

    def _finish_connecting(self) -> None:
        error = self._wire.connect_error()
        if error:
            self.close(f"cannot connect: error {error}")
            return
        self._is_connecting = False
        self._on_open(self)
        if self.is_open:
            self._flush()

    def _flush(self) -> None:
        try:
            self._wire.flush()
            while self._queue and not self._wire.is_blocked:
                buffers = [self._queue[i] for i in range(min(len(self._queue), _BUFFERS_MAX))]
                count = self._wire.send(buffers)
                if not count:
                    break
                self._drop_sent(count)
        except OSError as error:
            self._break(error)
            return
        self._wait_for(READ | WRITE if self._wire.is_blocked else READ)

    def _break(self, error: OSError) -> None:
        if isinstance(error, TlsFault):
            self.tls_fault = str(error)
        self.close(str(error))

    def _drop_sent(self, count: int) -> None:
        self._queued_bytes -= count
        while count:
            first = self._queue[0]
            if count < len(first):
                self._queue[0] = first[count:]
                return
            count -= len(first)
            self._queue.popleft()

    def _wait_for(self, events: int) -> None:
        if events != self._events:
            self._events = events
            self._poller.modify(self._wire.fileno(), events)

    def _receive(self) -> None:
        # Bounded, so that one peer that sends without pause cannot hold up the others.
        for _ in range(_RECEIVE_ROUNDS):
            try:
                data = self._wire.receive()
            except OSError as error:
                self._break(error)
                return
            if data is None:
                return
            if not data:
                self.close("the peer closed the connection")
                return
            self.has_heard = True
            self._received += data
            self._deliver()
            if not self.is_open or self._wire.is_drained:
                return

    def _deliver(self) -> None:
        """Hand over every whole frame; messages copy what they keep of the buffer."""
        offset = 0
        end = len(self._received)
        with memoryview(self._received) as view:
            while self.is_open and end - offset >= _LENGTH_BYTES:
                length = int.from_bytes(view[offset : offset + _LENGTH_BYTES], "little")
                if length > self.message_bytes_max:
                    self.close(
                        f"a message of {length} bytes, the limit is {self.message_bytes_max}"
                    )
                    return
                start = offset + _LENGTH_BYTES
                if end - start < length:
                    break
                try:
                    message = decode(view[start : start + length])
                except BadMessage as error:
                    self.close(f"not a message: {error}")
                    return
                self._on_message(self, message)
                offset = start + length
        del self._received[:offset]


def frame_of(encoded: bytes) -> bytes:
    """A message as it goes over the wire. Errors: ValueError above `MESSAGE_BYTES_MAX`."""
    if len(encoded) > MESSAGE_BYTES_MAX:
        raise ValueError(f"a message of {len(encoded)} bytes, the limit is {MESSAGE_BYTES_MAX}")
    return len(encoded).to_bytes(_LENGTH_BYTES, "little") + encoded
