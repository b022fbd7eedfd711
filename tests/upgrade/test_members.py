"""What members learn of each other's programs: the feature level each supports, and whether they
can talk at all.
"""

import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from stepraft.server.raft import messages
from stepraft.server.raft.connection import frame_of
from stepraft.server.raft.messages import PROTOCOL_NEWEST, PROTOCOL_OLDEST, Hello
from stepraft.server.raft.settings import RaftSettings
from tests.server.raft.conftest import WAIT_S, Group


class Programs(Group):
    """Real nodes, each of a program that supports another feature level."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, 3)
        self.supported = dict.fromkeys(self.members, 1)

    def settings(self, node_id: str) -> RaftSettings:
        level = self.supported[node_id]
        return msgspec.structs.replace(super().settings(node_id), supported_level=level)

    def known_to(self, node_id: str) -> dict[str, int]:
        """The level that each of the others supports, as far as a node knows."""
        return {peer.node_id: peer.supported_level for peer in self.nodes[node_id].status().peers}

    def await_known(self, node_id: str, levels: dict[str, int]) -> None:
        self.until(lambda: self.known_to(node_id) == levels or None)


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    made = Programs(tmp_path)
    yield made
    made.close()


def test_members_know_what_the_others_support_while_they_are_connected(programs: Programs) -> None:
    programs.supported.update(n1=2, n2=3)
    programs.start()
    programs.await_known("n1", {"n2": 3, "n3": 1})
    programs.await_known("n3", {"n1": 2, "n2": 3})

    programs.stop("n2")
    programs.await_known("n1", {"n2": 0, "n3": 1})
    programs.supported["n2"] = 1
    programs.start("n2")

    programs.await_known("n1", {"n2": 1, "n3": 1})
    programs.await_known("n2", {"n1": 2, "n3": 1})


@pytest.mark.parametrize(
    ("oldest", "newest"),
    [
        pytest.param(PROTOCOL_NEWEST + 1, PROTOCOL_NEWEST + 3, id="too new"),
        pytest.param(PROTOCOL_OLDEST - 1, PROTOCOL_OLDEST - 1, id="too old"),
    ],
)
def test_both_ends_learn_what_the_other_speaks_where_they_have_no_protocol_in_common(
    oldest: int, newest: int, programs: Programs, caplog: pytest.LogCaptureFixture
) -> None:
    programs.start("n1")
    host, port = programs.members["n1"].split(":")
    hello = Hello(newest=newest, cluster_id="tests", node_id="n2", oldest=oldest)

    with (
        caplog.at_level(logging.WARNING),
        socket.create_connection((host, int(port)), timeout=WAIT_S) as link,
    ):
        link.sendall(frame_of(messages.encode(hello)))
        answer = b""
        while received := link.recv(4096):
            answer += received

    told = messages.decode(answer[4:])
    assert isinstance(told, Hello)
    assert (told.oldest, told.newest) == (PROTOCOL_OLDEST, PROTOCOL_NEWEST)
    [text] = [each for each in caplog.messages if each.startswith("connection refused")]
    assert text == (
        f"connection refused: the other end speaks protocol versions {oldest} to {newest}, this "
        f"node {PROTOCOL_OLDEST} to {PROTOCOL_NEWEST}"
    )
