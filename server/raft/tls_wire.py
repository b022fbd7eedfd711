"""A wire under TLS 1.3: both ends prove by certificate which node of which cluster they are.

The encryption works on memory (`ssl.MemoryBIO`), so the socket is read and written here and nothing
blocks: whatever was read is decrypted at once, so that nothing waits where no poller would see it,
and what a socket does not take waits as ciphertext.

A certificate names its node by a URI among its subject's alternative names,
`stepraft://{cluster}/{node}`. It is looked at before a single byte of a message is decrypted.
"""

import contextlib
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from stepraft.server.raft.wire import RECEIVE_BYTES

_RECORD_BYTES: Final = 16 << 10
"""The most that one record of TLS holds."""

_ENCRYPT_BYTES: Final = 256 << 10
"""How much is encrypted ahead of what the socket takes."""

Welcome = Callable[[frozenset[str]], str | None]
"""Returns what is wrong with the nodes that a certificate names; None: nothing."""


class TlsContexts(Protocol):
    """The contexts for new connections; they change when certificates are renewed."""

    @property
    def for_dialling(self) -> ssl.SSLContext:
        """The context of connections that this node opens."""

    @property
    def for_accepting(self) -> ssl.SSLContext:
        """The context of connections that are opened to this node."""


class TlsFault(OSError):
    """The other end is not to be trusted, or does not trust this one; the text says why."""


def node_uri(cluster_id: str, node_id: str) -> str:
    """The name of a node in its certificate."""
    return f"stepraft://{cluster_id}/{node_id}"


def named_nodes(certificate: Mapping[str, Any] | None, cluster_id: str) -> frozenset[str]:
    """The nodes of a cluster that a certificate names, as `SSLObject.getpeercert` returns it."""
    names = (certificate or {}).get("subjectAltName", ())
    front = node_uri(cluster_id, "")
    return frozenset(
        name.removeprefix(front) for kind, name in names if kind == "URI" and name.startswith(front)
    )


def reason_of(error: ssl.SSLError) -> str:
    """What went wrong, in plain words where the library has some."""
    verdict = getattr(error, "verify_message", None)
    if verdict:
        return f"the certificate is refused: {verdict}"
    return (error.reason or str(error)).lower().replace("_", " ")


class TlsWire:
    """One end of an encrypted connection; the one that dials begins the handshake."""

    def __init__(
        self,
        link: socket.socket,
        context: ssl.SSLContext,
        *,
        is_dialled: bool,
        cluster_id: str,
        welcome: Welcome,
    ) -> None:
        self._link = link
        self._cluster_id = cluster_id
        self._welcome = welcome
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=not is_dialled)
        self._received = memoryview(bytearray(RECEIVE_BYTES))
        self._decrypted = memoryview(bytearray(RECEIVE_BYTES + _RECORD_BYTES))
        self._unsent = memoryview(b"")
        self._node_ids: frozenset[str] = frozenset()
        self._is_secure = False
        self._is_ended = False
        self.is_blocked = False
        self.is_drained = False

    def fileno(self) -> int:
        return self._link.fileno()

    def connect_error(self) -> int:
        return self._link.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    def flush(self) -> None:
        if not self._is_secure:
            self._shake_hands()
        self._send_ciphertext()

    def send(self, buffers: list[memoryview]) -> int:
        if not self._is_secure:
            return 0
        plain = _front_of(buffers)
        try:
            self._tls.write(plain)
        except ssl.SSLError as error:
            raise TlsFault(reason_of(error)) from error
        self._send_ciphertext()
        return len(plain)

    def receive(self) -> memoryview | None:
        try:
            count = self._link.recv_into(self._received)
        except BlockingIOError:
            return None
        self.is_drained = count < RECEIVE_BYTES
        # Without a close_notify too: a message that was cut off is seen by its length.
        self._is_ended = not count
        self._incoming.write(self._received[:count])
        if not self._is_secure:
            self._shake_hands()
        size = self._decrypt() if self._is_secure else 0
        # The handshake, or a change of keys, has something to say.
        self._send_ciphertext()
        return self._decrypted[:size] if size or self._is_ended else None

    def may_be(self, node_id: str) -> bool:
        return node_id in self._node_ids

    def close(self) -> None:
        if self._is_secure:
            # Writes the close_notify; the other end's is not waited for.
            with contextlib.suppress(OSError):
                self._tls.unwrap()
            with contextlib.suppress(OSError):
                self._send_ciphertext()
        self._link.close()

    def _shake_hands(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError as error:
            # The alert tells the other end why.
            with contextlib.suppress(OSError):
                self._send_ciphertext()
            raise TlsFault(reason_of(error)) from error
        self._node_ids = named_nodes(self._tls.getpeercert(), self._cluster_id)
        fault = self._welcome(self._node_ids)
        if fault is not None:
            raise TlsFault(fault)
        self._is_secure = True

    def _decrypt(self) -> int:
        """Decrypt every whole record that came, and return the size; a part of one is kept by TLS.

        All of it finds room: records only get shorter, and at most a part of one was left before.
        """
        size = 0
        try:
            while self._incoming.pending:
                room = self._decrypted[size:]
                # With a buffer it returns how much it wrote there.
                count: int = self._tls.read(_RECORD_BYTES, room)  # type: ignore[assignment]
                if not count:
                    self._is_ended = True
                    break
                size += count
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            raise TlsFault(reason_of(error)) from error
        return size

    def _send_ciphertext(self) -> None:
        while self._unsent or self._outgoing.pending:
            if not self._unsent:
                self._unsent = memoryview(self._outgoing.read())
            try:
                count = self._link.send(self._unsent)
            except BlockingIOError:
                self.is_blocked = True
                return
            self._unsent = self._unsent[count:]
        self.is_blocked = False


def _front_of(buffers: list[memoryview]) -> memoryview:
    """As much as is encrypted at once: small messages share a record."""
    if len(buffers) == 1:
        return buffers[0][:_ENCRYPT_BYTES]
    taken, room = [], _ENCRYPT_BYTES
    for buffer in buffers:
        taken.append(buffer[:room])
        room -= len(taken[-1])
        if not room:
            break
    return memoryview(b"".join(taken))
