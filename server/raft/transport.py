"""Raft's network over TCP: members only, one connection for each pair, dialled by the higher id
(and by the lower one when the higher does not come).

A connection begins with a Hello from both ends, within a deadline; a stranger, another cluster or
another version is closed out before anything else is read. With certificates every connection is
mutual TLS, and who names no member in its certificate is closed out before even the Hello is read.
Plain TCP proves nobody's identity: RaftSettings refuses addresses other than loopback unless the
network is declared trusted.
"""

import errno
import logging
import os
import random
import socket
from collections.abc import Callable, Mapping
from math import inf
from typing import Final

from msgspec import Struct

from stepraft.server.raft import messages
from stepraft.server.raft.connection import Connection, frame_of
from stepraft.server.raft.contract import StartError
from stepraft.server.raft.messages import MESSAGE_BYTES_MAX, Hello, Message, Ping, RaftMessage
from stepraft.server.raft.network import Events
from stepraft.server.raft.poller import READ, Poller
from stepraft.server.raft.resolver import Resolver
from stepraft.server.raft.settings import RaftSettings, split_address
from stepraft.server.raft.tls_wire import TlsContexts, TlsWire
from stepraft.server.raft.wire import PlainWire, Wire

_log: Final = logging.getLogger(__name__)

_RETRY_MIN_S: Final = 0.1
_RETRY_MAX_S: Final = 0.3
_PATIENCE_S: Final = 1.0
"""How long the lower id waits to be dialled. Then it dials, too: the other may not know where this
node has moved to, and learns it from nobody else if this one leads.
"""
_STRANGERS_MAX: Final = 8
_PINGS_PER_SILENCE: Final = 4
_REFUSALS_LOGGED_EVERY_S: Final = 1.0
_SOCKET_BUFFER_BYTES: Final = 1 << 20


class _Peer(Struct, kw_only=True):
    """Another member; times are seconds of the Raft clock, infinite when nothing is due.

    `has_opened`: what this node dialled has been taken, and a hello is on its way.
    """

    node_id: str
    host: str
    port: int
    is_ours_to_dial: bool
    connection: Connection | None = None
    has_opened: bool = False
    is_established: bool = False
    heard_at: float = 0.0
    ping_at: float = inf
    dial_at: float = 0.0
    give_up_at: float = inf


class Transport:
    """The sockets of one node; lives in the Raft thread. `tls`: None is plain TCP."""

    def __init__(
        self,
        settings: RaftSettings,
        poller: Poller,
        now: Callable[[], float],
        tls: TlsContexts | None = None,
    ) -> None:
        assert (tls is not None) is settings.is_encrypted, "settings.is_encrypted: does not hold"
        self._settings = settings
        self._tls = tls
        self._poller = poller
        self._now = now
        self._resolver = Resolver()
        self._peers: dict[str, _Peer] = {}
        self._strangers: dict[Connection, float] = {}
        self._events: Events | None = None
        self._listener: socket.socket | None = None
        self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self._check_at = 0.0
        self._ticked_at = 0.0
        self._refusal_logged_at = -inf
        self._last_message: RaftMessage | None = None
        self._last_frame = b""

    def start(self, events: Events) -> None:
        """Listen. Errors: StartError when the port cannot be had."""
        self._events = events
        host, port = split_address(self._settings.listen, "listen")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(64)
        except OSError as error:
            listener.close()
            raise StartError(f"listen: {self._settings.listen}: {error.strerror}") from error
        listener.setblocking(False)
        self._listener = listener
        self._poller.register(listener.fileno(), self._accept, READ)

    def set_peers(self, addresses: Mapping[str, str]) -> None:
        """Connect to these nodes and to no others; who moved is dialled there from now on."""
        for node_id in [node_id for node_id in self._peers if node_id not in addresses]:
            connection = self._peers[node_id].connection
            if connection is not None:
                connection.close("it is no member any more")
            del self._peers[node_id]
        for node_id, address in addresses.items():
            host, port = split_address(address, node_id)
            peer = self._peers.setdefault(node_id, self._new_peer(node_id))
            if (peer.host, peer.port) != (host, port):
                peer.host, peer.port = host, port
                peer.dial_at = 0.0 if peer.is_ours_to_dial else self._now() + _PATIENCE_S
        self._check_at = 0.0

    def send(self, node_id: str, message: RaftMessage) -> bool:
        """Send to a member; False when it is not connected."""
        peer = self._peers.get(node_id)
        if peer is None or peer.connection is None or not peer.is_established:
            return False
        if message is not self._last_message:
            self._last_frame = frame_of(messages.encode(message))
            self._last_message = message
        return peer.connection.send(self._last_frame)

    def tick(self, now: float) -> float:
        """Dial, ping and time out; returns when something is due next."""
        was_away = now - self._ticked_at > self._settings.silence_timeout_s / 2
        self._ticked_at = now
        if was_away:
            # It was this node that was silent (a slow disk): what came meanwhile is still unread.
            for peer in self._peers.values():
                peer.heard_at = now
        if now >= self._check_at:
            for stranger, give_up_at in list(self._strangers.items()):
                if now >= give_up_at:
                    stranger.close("no hello in time")
            for peer in self._peers.values():
                self._check(peer, now)
            self._check_at = min(
                [_due(peer) for peer in self._peers.values()] + list(self._strangers.values()),
                default=inf,
            )
        return self._check_at

    def close(self) -> None:
        """Close all sockets, without telling anybody."""
        self._events = None
        for connection in [*self._strangers, *(peer.connection for peer in self._peers.values())]:
            if connection is not None:
                connection.close("stopped")
        if self._listener is not None:
            self._poller.unregister(self._listener.fileno())
            self._listener.close()
        os.close(self._spare)

    # Time

    def _check(self, peer: _Peer, now: float) -> None:
        connection = peer.connection
        if connection is None:
            if now >= peer.dial_at:
                self._dial(peer, now)
        elif not peer.is_established:
            if now >= peer.give_up_at:
                connection.close("no answer in time")
        else:
            if connection.has_heard:
                connection.has_heard = False
                peer.heard_at = now
            if now >= peer.ping_at:
                peer.ping_at = now + self._settings.silence_timeout_s / _PINGS_PER_SILENCE
                connection.send(_PING_FRAME)
            if now >= peer.heard_at + self._settings.silence_timeout_s:
                connection.close("silent for too long")

    def _dial(self, peer: _Peer, now: float) -> None:
        peer.dial_at = _next_dial_at(peer, now)
        address = self._resolver.resolve(peer.host)
        if address is None:
            return
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        link = socket.socket(family, socket.SOCK_STREAM)
        link.setblocking(False)
        error = link.connect_ex((address, peer.port))
        if error not in (0, errno.EINPROGRESS):
            link.close()
            return
        peer.give_up_at = now + self._settings.connect_timeout_s
        peer.has_opened = False
        peer.connection = self._adopt(link, dialled=peer)

    # Sockets

    def _adopt(self, link: socket.socket, *, dialled: _Peer | None) -> Connection:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BUFFER_BYTES)
        return Connection(
            self._wire(link, dialled),
            self._poller,
            is_connecting=dialled is not None,
            queue_bytes_max=2 * MESSAGE_BYTES_MAX,
            on_open=self._on_open,
            on_message=self._on_message,
            on_close=self._on_close,
        )

    def _wire(self, link: socket.socket, dialled: _Peer | None) -> Wire:
        if self._tls is None:
            return PlainWire(link)

        def welcome(node_ids: frozenset[str]) -> str | None:
            welcomed = self._peers.keys() if dialled is None else {dialled.node_id}
            if node_ids & welcomed:
                return None
            expected = "another member" if dialled is None else repr(dialled.node_id)
            return f"the certificate does not name {expected} of this cluster"

        is_dialled = dialled is not None
        return TlsWire(
            link,
            self._tls.for_dialling if is_dialled else self._tls.for_accepting,
            is_dialled=is_dialled,
            cluster_id=self._settings.cluster_id,
            welcome=welcome,
        )

    def _accept(self) -> None:
        assert self._listener is not None
        try:
            link, _ = self._listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._turn_one_away()
            return
        link.setblocking(False)
        if len(self._strangers) >= _STRANGERS_MAX:
            next(iter(self._strangers)).close("too many strangers")
        stranger = self._adopt(link, dialled=None)
        give_up_at = self._now() + self._settings.handshake_timeout_s
        self._strangers[stranger] = give_up_at
        self._check_at = min(self._check_at, give_up_at)

    def _turn_one_away(self) -> None:
        """Without a descriptor the caller would wait and the poller spin: use the spare."""
        assert self._listener is not None
        os.close(self._spare)
        try:
            link, _ = self._listener.accept()
            link.close()
        except OSError:
            pass
        self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    # Connections

    def _on_open(self, connection: Connection) -> None:
        peer = self._peer_of(connection)
        assert peer is not None, "only a dialled connection opens"
        peer.give_up_at = self._now() + self._settings.handshake_timeout_s
        peer.has_opened = True
        connection.send(self._hello())

    def _on_message(self, connection: Connection, message: Message) -> None:
        peer = self._peer_of(connection)
        if peer is not None and peer.is_established:
            self._on_member_message(peer, connection, message)
        elif isinstance(message, Hello):
            self._on_hello(connection, message)
        else:
            self._refuse(connection, "did not begin with a hello")

    def _on_member_message(self, peer: _Peer, connection: Connection, message: Message) -> None:
        if isinstance(message, Hello):
            connection.close("a second hello")
        elif not isinstance(message, Ping) and self._events is not None:
            self._events.on_message(peer.node_id, message)

    def _on_hello(self, connection: Connection, hello: Hello) -> None:
        fault = self._fault(connection, hello)
        if fault is not None:
            if messages.protocol_fault(hello) is not None and connection in self._strangers:
                # So that both ends can say what each of them speaks.
                connection.send(self._hello())
            self._refuse(connection, fault)
            return
        peer = self._peers[hello.node_id]
        if connection in self._strangers:
            if peer.connection is not None:
                peer.connection.close("the member connected anew")
            del self._strangers[connection]
            connection.send(self._hello())
        self._establish(peer, connection, hello)

    def _fault(self, connection: Connection, hello: Hello) -> str | None:
        fault = messages.protocol_fault(hello)
        if fault is not None:
            return fault
        if hello.cluster_id != self._settings.cluster_id:
            return f"belongs to cluster {hello.cluster_id!r}, not {self._settings.cluster_id!r}"
        peer = self._peers.get(hello.node_id)
        if peer is None:
            return f"says it is {hello.node_id!r}, which is no other member"
        if not connection.may_be(hello.node_id):
            return f"says it is {hello.node_id!r}, which its certificate does not name"
        if connection in self._strangers:
            # Both dialled at once: one of the two connections has to give way on both sides.
            is_answered = peer.connection is not None and peer.has_opened
            is_crossed = is_answered and peer.is_ours_to_dial and not peer.is_established
            return "dials while it is dialled" if is_crossed else None
        return (
            None if peer.connection is connection else f"is {hello.node_id!r}, another was dialled"
        )

    def _establish(self, peer: _Peer, connection: Connection, hello: Hello) -> None:
        if not connection.is_open:
            return
        now = self._now()
        connection.message_bytes_max = MESSAGE_BYTES_MAX
        peer.connection = connection
        peer.is_established = True
        peer.heard_at = peer.ping_at = now
        self._check_at = now
        if self._events is not None:
            self._events.on_connected(peer.node_id, hello)

    def _on_close(self, connection: Connection, reason: str) -> None:
        is_stranger = self._strangers.pop(connection, None) is not None
        peer = None if is_stranger else self._peer_of(connection)
        if connection.tls_fault:
            other = "a caller" if peer is None else peer.node_id
            self._log_refusal(f"no TLS connection with {other}: {connection.tls_fault}")
        if peer is None:
            return
        was_established, peer.is_established = peer.is_established, False
        peer.connection = None
        now = self._now()
        peer.dial_at = _next_dial_at(peer, now)
        self._check_at = now
        if was_established and self._events is not None:
            _log.info("connection to %s lost: %s", peer.node_id, reason)
            self._events.on_disconnected(peer.node_id)

    def _refuse(self, connection: Connection, fault: str) -> None:
        self._log_refusal(f"connection refused: the other end {fault}")
        connection.close(fault)

    def _log_refusal(self, text: str) -> None:
        now = self._now()
        if now - self._refusal_logged_at >= _REFUSALS_LOGGED_EVERY_S:
            self._refusal_logged_at = now
            _log.warning("%s", text)

    def _peer_of(self, connection: Connection) -> _Peer | None:
        for peer in self._peers.values():
            if peer.connection is connection:
                return peer
        return None

    def _new_peer(self, node_id: str) -> _Peer:
        is_ours_to_dial = self._settings.node_id > node_id
        return _Peer(node_id=node_id, host="", port=0, is_ours_to_dial=is_ours_to_dial)

    def _hello(self) -> bytes:
        hello = Hello(
            newest=messages.PROTOCOL_NEWEST,
            cluster_id=self._settings.cluster_id,
            node_id=self._settings.node_id,
            oldest=messages.PROTOCOL_OLDEST,
            supported_level=self._settings.supported_level,
            is_fresh=self._events is not None and self._events.is_fresh,
        )
        return frame_of(messages.encode(hello))


_PING_FRAME: Final = frame_of(messages.encode(Ping()))


def _due(peer: _Peer) -> float:
    if peer.connection is None:
        return peer.dial_at
    return peer.ping_at if peer.is_established else peer.give_up_at


def _next_dial_at(peer: _Peer, now: float) -> float:
    return now + _retry_s() + (0.0 if peer.is_ours_to_dial else _PATIENCE_S)


def _retry_s() -> float:
    return random.uniform(_RETRY_MIN_S, _RETRY_MAX_S)
