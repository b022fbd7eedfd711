"""What strangers get at the Raft port: nothing, and soon."""

import resource
import socket
from pathlib import Path

import pytest
from msgspec.structs import replace

from stepraft.server.raft import messages
from stepraft.server.raft.connection import frame_of
from stepraft.server.raft.contract import RoleKind
from stepraft.server.raft.messages import Append, Hello, PreVote
from stepraft.server.raft.settings import RaftSettings
from tests.server.raft.conftest import WAIT_S, Group


@pytest.fixture
def target(group: Group) -> tuple[str, int]:
    """The port of a running node without its peers, so that it is waiting for the higher ids."""
    group.start("n1")
    host, port = group.members["n1"].split(":")
    return host, int(port)


def said(**changes: object) -> bytes:
    fields = {"newest": 1, "cluster_id": "tests", "node_id": "n2"}
    return frame_of(messages.encode(Hello(**(fields | changes))))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"\x80\x04\x95" + bytes(20), id="a pickle"),
        pytest.param(b"\xff\xff\xff\x7f", id="a length of 2 GiB"),
        pytest.param(frame_of(bytes([0x93, 99, 1, 1])), id="an unknown message"),
        pytest.param(frame_of(messages.encode(PreVote(1, 1, 1))), id="no hello"),
        pytest.param(
            frame_of(messages.encode(Append(99, 1, 0, 9, 0, 1, [(99, b"\0evil")]))),
            id="entries without a hello",
        ),
        pytest.param(said(node_id="readonly"), id="no member"),
        pytest.param(said(node_id="n1"), id="the node itself"),
        pytest.param(said(cluster_id="other"), id="another cluster"),
        pytest.param(said(oldest=2, newest=3), id="no protocol version in common"),
        pytest.param(said() + said(), id="two hellos"),
    ],
)
def test_who_is_no_member_is_closed_out(sent: bytes, target: tuple[str, int], group: Group) -> None:
    with socket.create_connection(target, timeout=WAIT_S) as stranger:
        stranger.sendall(sent)
        while stranger.recv(4096):
            pass
    status = group.nodes["n1"].status()

    assert (status.term, status.last_index) == (0, 1)
    assert group.failures.empty()


def test_a_member_answers_a_hello_with_its_own(target: tuple[str, int]) -> None:
    expected = frame_of(messages.encode(Hello(1, "tests", "n1", is_fresh=True)))
    with socket.create_connection(target, timeout=WAIT_S) as peer:
        peer.sendall(said())

        assert peer.recv(len(expected), socket.MSG_WAITALL) == expected


def test_who_comes_after_too_many_silent_callers_is_served(target: tuple[str, int]) -> None:
    callers = [socket.create_connection(target, timeout=WAIT_S) for _ in range(12)]
    try:
        assert callers[0].recv(1) == b""
        callers[-1].sendall(said())
        assert callers[-1].recv(1) != b""
    finally:
        for caller in callers:
            caller.close()


def test_the_port_survives_a_time_without_descriptors(
    group: Group, target: tuple[str, int]
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    callers = [socket.socket() for _ in range(5)]
    try:
        for caller in callers:
            caller.settimeout(WAIT_S)
        resource.setrlimit(resource.RLIMIT_NOFILE, (callers[-1].fileno() + 1, hard))
        for caller in callers:
            caller.connect(target)
        assert callers[-1].recv(1) == b""
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for caller in callers:
            caller.close()
    group.start("n2", "n3")

    assert group.leader() in group.members
    assert RoleKind.LEADER in {role.kind for roles in group.roles.values() for role in roles}


class _Misled(Group):
    """The higher ids look for n1 where nobody is, as if n1 had moved."""

    def settings(self, node_id: str) -> RaftSettings:
        settings = super().settings(node_id)
        if node_id == "n1":
            return settings
        return replace(settings, members=settings.members | {"n1": "127.0.0.1:1"})


def test_a_member_that_is_looked_for_elsewhere_dials_the_others(tmp_path: Path) -> None:
    group = _Misled(tmp_path, 2)
    try:
        group.start()

        assert group.leader() in group.members
    finally:
        group.close()
