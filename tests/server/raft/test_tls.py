"""The Raft port under TLS: members find each other, and nobody else gets a word in."""

import resource
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from stepraft.server.raft import messages
from stepraft.server.raft.connection import frame_of
from stepraft.server.raft.contract import ProposalKind
from stepraft.server.raft.messages import Hello, PreVote
from stepraft.server.raft.settings import MIB, RaftSettings
from stepraft.server.settings import TlsSection
from stepraft.server.tls import Certificates
from tests.certificates import (
    calling_context,
    files_of,
    make_authority,
    make_client,
    make_node,
    serving_context,
)
from tests.server.raft.conftest import WAIT_S, Group

HANDSHAKE_S = 0.5


class TlsGroup(Group):
    """Three nodes with certificates of one authority."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, 3)
        self.certificates_folder = folder / "certificates"
        self.authority = make_authority(self.certificates_folder)
        self.certificates: dict[str, Certificates] = {}
        for node_id in self.members:
            self.renew(node_id)

    def renew(self, node_id: str) -> None:
        make_node(self.certificates_folder, self.authority, node_id)

    def files(self, name: str) -> TlsSection:
        return files_of(self.certificates_folder, name)

    def settings(self, node_id: str) -> RaftSettings:
        return msgspec.structs.replace(
            super().settings(node_id),
            is_encrypted=True,
            handshake_timeout_s=HANDSHAKE_S,
            # A machine that is busy with other tests must not be taken for a leader that is gone.
            election_timeout_min_s=1.0,
            election_timeout_max_s=2.0,
            quorum_timeout_s=3.0,
            silence_timeout_s=3.0,
        )

    def tls(self, node_id: str) -> Certificates:
        loaded = Certificates(self.files(node_id), "tests", node_id)
        self.certificates[node_id] = loaded
        return loaded

    def port(self, node_id: str) -> tuple[str, int]:
        host, port = self.members[node_id].split(":")
        return host, int(port)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsGroup]:
    """Three nodes that have elected a leader; the tests share them, since nothing harms them."""
    group = TlsGroup(tmp_path_factory.mktemp("running"))
    group.start()
    group.leader()
    yield group
    group.close()


@pytest.fixture
def unharmed(running: TlsGroup) -> Iterator[TlsGroup]:
    """The running nodes; at the end they still follow the same leader, which still commits."""
    leader = running.leader()
    term = running.nodes[leader].status().term
    yield running
    assert running.failures.empty()
    assert running.propose(leader, b"still there").kind is ProposalKind.APPLIED
    assert {node.status().term for node in running.nodes.values()} == {term}
    entries = running.entries(leader)
    running.await_entries(entries)


@pytest.fixture
def group(tmp_path: Path) -> Iterator[TlsGroup]:
    """Three nodes, not started."""
    group = TlsGroup(tmp_path)
    yield group
    group.close()


def hello(node_id: str = "n2") -> bytes:
    said = Hello(
        newest=messages.PROTOCOL_NEWEST,
        cluster_id="tests",
        node_id=node_id,
        oldest=messages.PROTOCOL_OLDEST,
    )
    return frame_of(messages.encode(said))


def who_says(said: bytes) -> str | None:
    """Return the node whose hello it is; None where nothing was said."""
    if not said:
        return None
    message = messages.decode(said[4:])
    assert isinstance(message, Hello)
    return message.node_id


def answer_to(sent: bytes, link: socket.socket) -> bytes:
    """Return all that came back until the other end closed."""
    came = b""
    try:
        link.sendall(sent)
        while data := link.recv(4096):
            came += data
    except (ssl.SSLError, ConnectionError):
        pass
    return came


def call(target: tuple[str, int], sent: bytes, context: ssl.SSLContext) -> bytes:
    """Return what came back over TLS; nothing where the handshake failed."""
    with socket.create_connection(target, timeout=WAIT_S) as plain:
        try:
            link = context.wrap_socket(plain)
        except (ssl.SSLError, ConnectionError):
            return b""
        with link:
            return answer_to(sent, link)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(hello(), id="a hello"),
        pytest.param(b"\x80\x04\x95" + bytes(20), id="a pickle"),
        pytest.param(b"\xff\xff\xff\x7f" + bytes(100), id="a length of 2 GiB"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="http"),
        pytest.param(b"\x16\x03\x01\xff\xff" + bytes(1 << 16), id="a record longer than any"),
    ],
)
def test_clear_text_is_cut_off(sent: bytes, unharmed: TlsGroup) -> None:
    with socket.create_connection(unharmed.port("n1"), timeout=WAIT_S) as stranger:
        answer = answer_to(sent, stranger)

    # At most an alert of TLS: seven bytes of type 21.
    assert answer == b"" or (answer[0], len(answer)) == (21, 7)


Made = Callable[[TlsGroup, Path], TlsSection]


def of_another_authority(_: TlsGroup, folder: Path) -> TlsSection:
    return make_node(folder, make_authority(folder), "n2")


def ended(group: TlsGroup, folder: Path) -> TlsSection:
    return make_node(folder, group.authority, "n2", age_days=30, days=10)


def not_begun(group: TlsGroup, folder: Path) -> TlsSection:
    return make_node(folder, group.authority, "n2", age_days=-10)


def of_another_cluster(group: TlsGroup, folder: Path) -> TlsSection:
    return make_node(folder, group.authority, "n2", "other")


def of_no_member(group: TlsGroup, folder: Path) -> TlsSection:
    return make_node(folder, group.authority, "n9")


def of_the_node_itself(group: TlsGroup, _: Path) -> TlsSection:
    return group.files("n1")


def of_a_client(group: TlsGroup, folder: Path) -> TlsSection:
    return make_client(folder, group.authority, "n2")


@pytest.mark.parametrize(
    "made",
    [
        of_another_authority,
        ended,
        not_begun,
        of_another_cluster,
        of_no_member,
        of_the_node_itself,
        of_a_client,
    ],
)
def test_who_has_no_certificate_of_another_member_is_cut_off(
    made: Made, unharmed: TlsGroup, tmp_path: Path
) -> None:
    context = calling_context(made(unharmed, tmp_path))

    assert call(unharmed.port("n1"), hello(), context) == b""


def test_who_shows_no_certificate_is_told_that_one_is_required(unharmed: TlsGroup) -> None:
    with (
        socket.create_connection(unharmed.port("n1"), timeout=WAIT_S) as plain,
        calling_context().wrap_socket(plain) as link,
        pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"),
    ):
        link.recv(1)


def test_an_older_tls_is_refused(unharmed: TlsGroup) -> None:
    context = calling_context(unharmed.files("n2"))
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    with (
        socket.create_connection(unharmed.port("n1"), timeout=WAIT_S) as plain,
        pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"),
    ):
        context.wrap_socket(plain)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(hello("n3"), id="the hello of another member"),
        pytest.param(b"\xff\xff\xff\x7f" + bytes(100), id="a length of 2 GiB"),
        pytest.param(b"\x80\x04\x95" + bytes(20), id="a pickle"),
        pytest.param(frame_of(messages.encode(PreVote(99, 1, 1))), id="no hello"),
    ],
)
def test_a_member_that_does_not_keep_to_the_rules_is_cut_off(
    sent: bytes, unharmed: TlsGroup
) -> None:
    context = calling_context(unharmed.files("n2"))

    assert call(unharmed.port("n1"), sent, context) == b""


def test_a_member_is_answered(group: TlsGroup) -> None:
    group.start("n1")
    context = calling_context(group.files("n2"))
    with (
        socket.create_connection(group.port("n1"), timeout=WAIT_S) as plain,
        context.wrap_socket(plain) as link,
    ):
        link.sendall(hello("n2"))
        answer = link.recv(4096)

        assert link.version() == "TLSv1.3"
        # A session that could be resumed would not look at the certificates again.
        assert link.session is None or not link.session.has_ticket
    assert who_says(answer) == "n1"


def test_callers_that_say_nothing_are_cut_off_in_the_end(unharmed: TlsGroup) -> None:
    callers = [socket.create_connection(unharmed.port("n1"), timeout=WAIT_S) for _ in range(300)]
    try:
        assert [caller.recv(1) for caller in callers] == [b""] * len(callers)
    finally:
        for caller in callers:
            caller.close()


def test_a_handshake_that_goes_on_for_too_long_is_cut_off(unharmed: TlsGroup) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = calling_context().wrap_bio(incoming, outgoing)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()

    with socket.create_connection(unharmed.port("n1"), timeout=WAIT_S) as caller:
        caller.sendall(outgoing.read()[:-1])

        assert caller.recv(1) == b""


def test_the_port_survives_a_time_without_descriptors(unharmed: TlsGroup) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    callers = [socket.socket() for _ in range(5)]
    try:
        for caller in callers:
            caller.settimeout(WAIT_S)
        resource.setrlimit(resource.RLIMIT_NOFILE, (callers[-1].fileno() + 1, hard))
        for caller in callers:
            caller.connect(unharmed.port("n1"))
        assert callers[-1].recv(1) == b""
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for caller in callers:
            caller.close()


def of_a_member_that_was_not_dialled(group: TlsGroup, _: Path) -> TlsSection:
    return group.files("n1")


@pytest.mark.parametrize(
    ("made", "is_told"),
    [
        pytest.param(of_another_authority, False, id="another authority"),
        pytest.param(ended, False, id="ended"),
        pytest.param(of_a_member_that_was_not_dialled, False, id="another member"),
        pytest.param(of_a_client, False, id="client"),
        pytest.param(lambda group, _: group.files("n2"), True, id="the member"),
    ],
)
def test_who_answers_for_a_member_is_told_nothing_without_its_certificate(
    made: Made, is_told: bool, group: TlsGroup, tmp_path: Path
) -> None:
    context = serving_context(made(group, tmp_path / "impostor"))
    with socket.create_server(group.port("n2")) as listener:
        listener.settimeout(WAIT_S)
        group.start("n3")
        plain, _ = listener.accept()
        plain.settimeout(WAIT_S)
        with plain:
            heard = _hear(plain, context)

    assert who_says(heard) == ("n3" if is_told else None)


def _hear(plain: socket.socket, context: ssl.SSLContext) -> bytes:
    try:
        with context.wrap_socket(plain, server_side=True) as link:
            return link.recv(4096)
    except (ssl.SSLError, ConnectionError):
        return b""


def test_large_entries_are_replicated(running: TlsGroup) -> None:
    leader = running.leader()
    before = running.entries(leader)
    large = [bytes([number]) * (8 * MIB) for number in range(3)]

    results = [running.propose(leader, entry) for entry in large]

    assert {result.kind for result in results} == {ProposalKind.APPLIED}
    running.await_entries(before + large)


def test_a_renewed_certificate_is_shown_without_a_restart_and_members_come_back(
    group: TlsGroup,
) -> None:
    group.start()
    group.propose(group.leader(), b"one")
    first = shown_by(group, "n1")
    for node_id in group.members:
        group.renew(node_id)
        group.certificates[node_id].look()

    second = shown_by(group, "n1")
    group.stop("n2")
    group.start("n2")

    assert first != second
    group.await_entries([b"one"])
    group.propose(group.leader(), b"two")
    group.await_entries([b"one", b"two"])


def shown_by(group: TlsGroup, node_id: str) -> bytes:
    """Return the certificate that a node shows to who connects."""
    context = calling_context(group.files("n3"))
    with (
        socket.create_connection(group.port(node_id), timeout=WAIT_S) as plain,
        context.wrap_socket(plain) as link,
    ):
        shown = link.getpeercert(binary_form=True)
    assert shown is not None
    return shown


def test_why_a_member_is_not_let_in_is_logged_once_a_second(
    group: TlsGroup, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    group.start("n1")
    context = calling_context(ended(group, tmp_path / "ended"))

    for _ in range(5):
        call(group.port("n1"), hello(), context)

    refusals = [text for text in caplog.messages if "no TLS connection" in text]
    assert refusals == [
        "no TLS connection with a caller: the certificate is refused: certificate has expired"
    ]
