"""One corrected node whose clock and peers the test plays."""

from collections.abc import Mapping
from math import inf
from pathlib import Path
from typing import Any

from stepraft.server.raft.barriers import Barriers
from stepraft.server.raft.contract import Role
from stepraft.server.raft.corrections import CorrectedRaft
from stepraft.server.raft.exposed import LEADER
from stepraft.server.raft.journal import Journal
from stepraft.server.raft.membership import Membership
from stepraft.server.raft.messages import (
    Append,
    Hello,
    PreVoteAnswer,
    RaftMessage,
    Vote,
)
from stepraft.server.raft.proposals import Proposals
from stepraft.server.raft.settings import RaftSettings
from tests.server.raft.machine import ListMachine

MEMBERS = {"n1": "127.0.0.1:7001", "n2": "127.0.0.1:7002", "n3": "127.0.0.1:7003"}
GENESIS = Membership.of_voters(MEMBERS, {})
ONE, TWO, THREE = (b"\0one", b"\0two", b"\0three")


class Sent:
    """A network that keeps what is sent."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, RaftMessage]] = []
        self.peers: dict[str, str] = {}

    def set_peers(self, addresses: Mapping[str, str]) -> None:
        self.peers = dict(addresses)

    def send(self, node_id: str, message: RaftMessage) -> bool:
        self.messages.append((node_id, message))
        return True

    def tick(self, now: float) -> float:
        return inf

    def take(self) -> list[tuple[str, RaftMessage]]:
        taken, self.messages = self.messages, []
        return taken


class Alone:
    """One corrected node, n1 of three, whose clock and peers the test plays.

    `knows_members`: its machine has a membership, so that a reign needs no entry to say it.
    `hears`: whose hellos it has heard, from folders as fresh as its own.
    """

    def __init__(
        self,
        journal: Journal,
        clock: list[float],
        *,
        knows_members: bool = True,
        hears: tuple[str, ...] = ("n2", "n3"),
        machine: ListMachine | None = None,
        rejoin: bool = False,
        members: tuple[str, ...] = tuple(MEMBERS),
    ) -> None:
        self.clock = clock
        self.sent = Sent()
        self.machine = machine or ListMachine()
        if knows_members:
            self.machine.membership = GENESIS.encode()
        self.journal = journal
        self.proposals = Proposals(entries_max=10, bytes_max=1000)
        self.barriers = Barriers()
        self.roles: list[Role] = []
        settings = RaftSettings(
            node_id="n1",
            cluster_id="tests",
            members={node_id: MEMBERS[node_id] for node_id in members},
            listen=MEMBERS["n1"],
            folder=Path("unused"),
            rejoin=rejoin,
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
        for node_id in hears:
            self.connect(node_id)

    def poll(self, timeout_s: float) -> None:
        """A tick ends at once."""

    def connect(self, node_id: str, *, is_fresh: bool = True) -> None:
        self.raft.on_connected(node_id, Hello(1, "tests", node_id, is_fresh=is_fresh))

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
