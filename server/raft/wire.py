"""Bytes over one socket, never blocking: plain here, encrypted in `tls_wire`."""

import socket
from typing import Final, Protocol

RECEIVE_BYTES: Final = 256 << 10
"""How much is read from a socket at once."""


class Wire(Protocol):
    """One end of a connection over a non-blocking socket.

    Errors of what reads or writes: OSError, and the connection is of no more use.
    """

    is_blocked: bool
    """Whether the socket takes no more for now: `flush` when it can be written."""

    is_drained: bool
    """Whether the last `receive` took everything that had come."""

    def fileno(self) -> int:
        """The descriptor of the socket."""

    def connect_error(self) -> int:
        """The number of the error that kept the socket from connecting; 0: it is connected."""

    def flush(self) -> None:
        """Go on with what the wire itself has to send."""

    def send(self, buffers: list[memoryview]) -> int:
        """Take bytes from the front of `buffers`, and return how many; 0: none for now."""

    def receive(self) -> memoryview | None:
        """Return bytes that came, none once the other end has closed; None: nothing for now.

        They stand in a buffer that the next call writes to.
        """

    def may_be(self, node_id: str) -> bool:
        """Whether the other end can be that node, as far as the wire knows."""

    def close(self) -> None:
        """Close the socket; what is not sent by now is lost."""


class PlainWire:
    """Plain TCP: it proves nobody's identity and hides nothing."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._received = memoryview(bytearray(RECEIVE_BYTES))
        self.is_blocked = False
        self.is_drained = False

    def fileno(self) -> int:
        return self._link.fileno()

    def connect_error(self) -> int:
        return self._link.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    def flush(self) -> None:
        self.is_blocked = False

    def send(self, buffers: list[memoryview]) -> int:
        try:
            return self._link.sendmsg(buffers)
        except BlockingIOError:
            self.is_blocked = True
            return 0

    def receive(self) -> memoryview | None:
        try:
            count = self._link.recv_into(self._received)
        except BlockingIOError:
            return None
        self.is_drained = count < RECEIVE_BYTES
        return self._received[:count]

    def may_be(self, node_id: str) -> bool:
        return True

    def close(self) -> None:
        self._link.close()
