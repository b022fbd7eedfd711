"""One corrected node whose clock and peers the test plays."""

from math import inf
from pathlib import Path
from typing import Any

from stepraft.server.raft.barriers import Barriers
from stepraft.server.raft.contract import Role
from stepraft.server.raft.corrections import CorrectedRaft
from stepraft.server.raft.exposed import LEADER
from stepraft.server.raft.journal import Journal
from stepraft.server.raft.messages import (
    Append,
    PreVoteAnswer,
    RaftMessage,
    Vote,
)
from stepraft.server.raft.proposals import Proposals
from stepraft.server.raft.settings import RaftSettings
from tests.server.raft.machine import ListMachine

MEMBERS = {"n1": "127.0.0.1:7001", "n2": "127.0.0.1:7002", "n3": "127.0.0.1:7003"}
ONE, TWO, THREE = (b"\0one", b"\0two", b"\0three")


class Sent:
    """A network that keeps what is sent."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, RaftMessage]] = []

    def send(self, node_id: str, message: RaftMessage) -> bool:
        self.messages.append((node_id, message))
        return True

    def tick(self, now: float) -> float:
        return inf

    def take(self) -> list[tuple[str, RaftMessage]]:
        taken, self.messages = self.messages, []
        return taken


class Alone:
    """One corrected node, n1 of three, whose clock and peers the test plays."""

    def __init__(self, journal: Journal, clock: list[float]) -> None:
        self.clock = clock
        self.sent = Sent()
        self.machine = ListMachine()
        self.journal = journal
        self.proposals = Proposals(entries_max=10, bytes_max=1000)
        self.barriers = Barriers()
        self.roles: list[Role] = []
        settings = RaftSettings(
            node_id="n1",
            cluster_id="tests",
            members=MEMBERS,
            listen=MEMBERS["n1"],
            folder=Path("unused"),
        )
        self.raft = CorrectedRaft(
            settings,
            self.journal,
            self.sent,
            self,
            self.machine,
            self.proposals,
            self.barriers,
            self.roles.append,
        )
        for node_id in ("n2", "n3"):
            self.raft.on_connected(node_id)

    def poll(self, timeout_s: float) -> None:
        """A tick ends at once."""

    def hear(self, node_id: str, *messages: RaftMessage) -> None:
        for message in messages:
            self.raft.on_message(node_id, message)

    def tick(self, passed_s: float = 0.0) -> list[tuple[str, RaftMessage]]:
        self.clock[0] += passed_s
        self.raft.doTick()
        return self.sent.take()

    def lead(self) -> None:
        """Win an election with the help of n2, who has the first entry of the term."""
        self.tick(1.0)
        self.hear("n2", PreVoteAnswer(self.raft.term, self.raft.term, True))
        self.tick()
        self.hear("n2", Vote(self.raft.term))
        assert self.raft.state == LEADER
        self.sent.take()


def append(*entries: tuple[int, bytes], **changes: int) -> Append:
    fields: dict[str, Any] = {
        "term": 1,
        "previous_index": 1,
        "previous_term": 0,
        "commit_index": 1,
        "floor_index": 0,
        "round": 1,
    }
    return Append(**(fields | changes), entries=list(entries))


def log_of(node: Alone) -> list[bytes]:
    return [data for _, data in node.journal.entries(2, 100, 1 << 20)]
