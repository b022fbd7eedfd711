"""Two connections over encrypted wires: every byte arrives, in order, whatever the sockets take."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from stepraft.server.raft import messages
from stepraft.server.raft.connection import Connection, frame_of
from stepraft.server.raft.messages import MESSAGE_BYTES_MAX, Append, Message, StaleTerm
from stepraft.server.raft.poller import Poller
from stepraft.server.raft.settings import MIB
from stepraft.server.raft.tls_wire import TlsWire, named_nodes
from stepraft.server.tls import Certificates
from tests.certificates import calling_context, make_authority, make_node
from tests.server.raft.conftest import WAIT_S

POLLS_MAX = 20_000


class End:
    """One end of a connection, and what came of it."""

    def __init__(self, link: socket.socket, poller: Poller, own: Certificates, other: str) -> None:
        link.setblocking(False)
        self.received: list[Message] = []
        self.reasons: list[str] = []
        is_dialled = other == "n1"
        self.wire = TlsWire(
            link,
            own.for_dialling if is_dialled else own.for_accepting,
            is_dialled=is_dialled,
            cluster_id="tests",
            welcome=lambda node_ids: None if other in node_ids else f"not {other}",
        )
        self.connection = Connection(
            self.wire,
            poller,
            is_connecting=is_dialled,
            queue_bytes_max=2 * MESSAGE_BYTES_MAX,
            on_open=lambda _: None,
            on_message=lambda _, message: self.received.append(message),
            on_close=lambda _, reason: self.reasons.append(reason),
        )
        self.connection.message_bytes_max = MESSAGE_BYTES_MAX


class Pair:
    """n2, which dialled, and n1; sockets of the system with little room in them."""

    def __init__(self, folder: Path) -> None:
        authority = make_authority(folder)
        certificates = {
            node_id: Certificates(make_node(folder, authority, node_id), "tests", node_id)
            for node_id in ("n1", "n2")
        }
        self.poller = Poller()
        links = socket.socketpair()
        for link in links:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.dialler = End(links[0], self.poller, certificates["n2"], "n1")
        self.accepter = End(links[1], self.poller, certificates["n1"], "n2")

    def run_until_received(self, count: int) -> None:
        """Let both ends work until each has received so many messages."""
        for _ in range(POLLS_MAX):
            if all(len(end.received) == count for end in (self.dialler, self.accepter)):
                return
            self.poller.poll(WAIT_S / POLLS_MAX)
        pytest.fail(f"{len(self.dialler.received)}, {len(self.accepter.received)} of {count}")

    def close(self) -> None:
        for end in (self.dialler, self.accepter):
            end.connection.close("over")
        self.poller.close()


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    yield made
    made.close()


def large(number: int) -> Append:
    data = bytes([number]) * (8 * MIB)
    return Append(
        term=number,
        previous_index=1,
        previous_term=1,
        commit_index=1,
        floor_index=1,
        round=1,
        entries=[(number, data)],
    )


def send(end: End, sent: list[Message]) -> None:
    for message in sent:
        assert end.connection.send(frame_of(messages.encode(message)))


def test_large_messages_pass_both_ways_at_once(pair: Pair) -> None:
    there: list[Message] = [large(number) for number in (1, 2, 3)]
    back: list[Message] = [large(number) for number in (4, 5, 6)]

    send(pair.dialler, there)
    send(pair.accepter, back)
    pair.run_until_received(3)

    assert pair.accepter.received == there
    assert pair.dialler.received == back


def test_many_small_messages_share_records_and_arrive_in_order(pair: Pair) -> None:
    there: list[Message] = [StaleTerm(number) for number in range(5000)]

    send(pair.dialler, there)
    send(pair.accepter, there)
    pair.run_until_received(len(there))

    assert pair.accepter.received == pair.dialler.received == there


def test_what_is_encrypted_ahead_of_a_slow_peer_is_bounded(pair: Pair) -> None:
    send(pair.dialler, [StaleTerm(0)])
    send(pair.accepter, [StaleTerm(0)])
    pair.run_until_received(1)

    send(pair.dialler, [large(1), large(2)])

    assert pair.dialler.connection.queued_bytes > 15 * MIB


def test_the_other_end_is_told_of_the_close(pair: Pair) -> None:
    send(pair.dialler, [StaleTerm(0)])
    send(pair.accepter, [StaleTerm(0)])
    pair.run_until_received(1)

    pair.dialler.connection.close("done")
    while not pair.accepter.reasons:
        pair.poller.poll(WAIT_S)

    assert pair.accepter.reasons == ["the peer closed the connection"]


class Caller:
    """TLS by hand over a plain socket, to see what the other end says of the encryption itself."""

    def __init__(self, link: socket.socket, context: ssl.SSLContext, poller: Poller) -> None:
        self._link = link
        self._poller = poller
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing)
        link.settimeout(WAIT_S)

    def shake_hands(self, first: bytes = b"") -> None:
        """Become secure, and say something together with the last word of the handshake."""
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                self.say()
                self._incoming.write(self._link.recv(65_536))
            else:
                if first:
                    self.tls.write(first)
                self.say()
                return

    def say(self) -> None:
        """Pass on what is encrypted, and let the other end work on it."""
        self._link.sendall(self._outgoing.read())
        self._poller.poll(WAIT_S)

    def hear(self) -> None:
        """Take in all that the other end has sent until it closed."""
        while data := self._link.recv(65_536):
            self._incoming.write(data)
        self._incoming.write_eof()


@pytest.fixture
def caller(tmp_path: Path) -> Iterator[tuple[Caller, End]]:
    """A caller with the certificate of n2, and n1, which it calls."""
    authority = make_authority(tmp_path)
    own = Certificates(make_node(tmp_path, authority, "n1"), "tests", "n1")
    poller = Poller()
    link, accepted = socket.socketpair()
    end = End(accepted, poller, own, "n2")
    context = calling_context(make_node(tmp_path, authority, "n2"))
    with link:
        yield Caller(link, context, poller), end
    end.connection.close("over")
    poller.close()


def test_a_close_is_said_under_the_encryption(caller: tuple[Caller, End]) -> None:
    called, end = caller
    called.shake_hands()

    end.connection.close("done")
    called.hear()

    # Without a close_notify it would be an unexpected end of file.
    assert called.tls.read(10) == b""


def test_a_close_said_under_the_encryption_is_one(caller: tuple[Caller, End]) -> None:
    called, end = caller
    called.shake_hands()

    with pytest.raises(ssl.SSLWantReadError):
        called.tls.unwrap()
    called.say()

    assert end.reasons == ["the peer closed the connection"]


def test_a_message_that_comes_with_the_end_of_the_handshake_is_received(
    caller: tuple[Caller, End],
) -> None:
    called, end = caller

    called.shake_hands(frame_of(messages.encode(StaleTerm(7))))

    assert end.received == [StaleTerm(7)]


def test_only_uris_of_the_cluster_name_nodes() -> None:
    names = (
        ("URI", "stepraft://tests/n1"),
        ("URI", "stepraft://other/n2"),
        ("URI", "stepraft://tests.example/n3"),
        ("DNS", "stepraft://tests/n4"),
        ("URI", "stepraft://tests/n5"),
    )

    assert named_nodes({"subjectAltName": names}, "tests") == {"n1", "n5"}
    assert named_nodes({}, "tests") == named_nodes(None, "tests") == frozenset()
