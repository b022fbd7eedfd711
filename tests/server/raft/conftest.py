"""Groups of real nodes on loopback, and disks and journals for single tests."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue
from threading import Event
from typing import TypeVar

import pytest

from stepraft.server.raft.consensus import Consensus
from stepraft.server.raft.contract import Condition, ProposalKind, ProposalResult, Role
from stepraft.server.raft.disk import Folder
from stepraft.server.raft.journal import Journal
from stepraft.server.raft.library import syncobj
from stepraft.server.raft.membership import AddMember, Change, ChangeKind, ChangeResult
from stepraft.server.raft.settings import RaftSettings
from stepraft.server.raft.tls_wire import TlsContexts
from stepraft.server.raft.vote import Identity
from tests.server.raft.machine import ListMachine
from tests.server.raft.single import Alone

T = TypeVar("T")

WAIT_S = 20.0
_LOOKS_PER_S = 200


class Group:
    """Real nodes in this process, each with its thread, sockets and folder."""

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        self.members = {f"n{i}": f"127.0.0.1:{port}" for i, port in enumerate(_ports(count), 1)}
        self.machines: dict[str, ListMachine] = {}
        self.nodes: dict[str, Consensus] = {}
        self.roles: dict[str, list[Role]] = {node_id: [] for node_id in self.members}
        self.failures: Queue[str] = Queue()
        self.removed: Queue[str] = Queue()

    def settings(self, node_id: str) -> RaftSettings:
        return RaftSettings(
            node_id=node_id,
            cluster_id="tests",
            members=self.members,
            listen=self.members[node_id],
            folder=self._folder / node_id,
        )

    def tls(self, node_id: str) -> TlsContexts | None:
        return None

    def start(self, *node_ids: str) -> None:
        for node_id in node_ids or tuple(self.members):
            machine = self.machines[node_id] = ListMachine()
            node = Consensus(
                self.settings(node_id),
                machine,
                self.roles[node_id].append,
                on_failure=lambda node_id=node_id: self.failures.put(node_id),  # type: ignore[misc]
                tls=self.tls(node_id),
                on_removed=lambda node_id=node_id: self.removed.put(node_id),  # type: ignore[misc]
            )
            node.start()
            self.nodes[node_id] = node

    def invite(self, node_id: str) -> AddMember:
        """A further node, not started, and the change that lets it join."""
        raft, grpc = (f"127.0.0.1:{port}" for port in _ports(2))
        self.members = self.members | {node_id: raft}
        self.roles[node_id] = []
        return AddMember(node_id, raft, grpc)

    def apply(self, entry: bytes) -> None:
        """Get an entry applied, whoever leads; one that was refused is in no log, so ask again."""

        def look() -> bool | None:
            result = self.propose(self.leader(), entry)
            assert result.kind is not ProposalKind.UNKNOWN
            return result.kind is ProposalKind.APPLIED or None

        self.until(look)

    def reshape(self, change: Change) -> None:
        """Get a change done, whoever leads; to ask again does no harm."""
        self.until(lambda: self.change(self.leader(), change).kind is ChangeKind.DONE or None)

    def change(self, node_id: str, change: Change) -> ChangeResult:
        results: Queue[ChangeResult] = Queue()
        self.nodes[node_id].change_membership(change, results.put)
        return results.get(timeout=WAIT_S)

    def transfer(self, node_id: str, target: str | None) -> ChangeResult:
        results: Queue[ChangeResult] = Queue()
        self.nodes[node_id].transfer_leadership(target, results.put)
        return results.get(timeout=WAIT_S)

    def await_voters(self, *node_ids: str) -> None:
        """Wait until every running node knows that exactly these vote, and all have full parts."""

        def look() -> bool | None:
            found = [node.status() for node in self.nodes.values()]
            is_so = all(
                status.membership.voters == node_ids and status.condition is Condition.NORMAL
                for status in found
            )
            return is_so or None

        self.until(look)

    def stop(self, node_id: str) -> None:
        self.nodes.pop(node_id).stop()

    def close(self) -> None:
        for node_id in list(self.nodes):
            self.stop(node_id)

    def leader(self) -> str:
        """The leader that all running nodes follow, once there is one."""
        return self.until(self._agreed_leader)

    def propose(self, node_id: str, entry: bytes) -> ProposalResult:
        results: Queue[ProposalResult] = Queue()
        self.nodes[node_id].propose(entry, results.put)
        return results.get(timeout=WAIT_S)

    def barrier(self, node_id: str) -> bool:
        results: Queue[bool] = Queue()
        self.nodes[node_id].barrier(results.put)
        return results.get(timeout=WAIT_S)

    def until(self, look: Callable[[], T | None]) -> T:
        """What `look` returns, once it is not None."""
        pause = Event()
        for _ in range(int(WAIT_S * _LOOKS_PER_S)):
            found = look()
            if found is not None:
                return found
            pause.wait(1 / _LOOKS_PER_S)
        pytest.fail(f"nothing came: {[node.status() for node in self.nodes.values()]}")

    def entries(self, node_id: str) -> list[bytes]:
        """The proposals that a node has applied, without Raft's own entries."""
        return [entry for entry in self.machines[node_id].log if entry]

    def await_entries(self, entries: list[bytes]) -> None:
        """Wait until every running node has applied exactly these."""
        self.until(lambda: all(self.entries(node_id) == entries for node_id in self.nodes) or None)

    def _agreed_leader(self) -> str | None:
        seen = {node.status().leader_id for node in self.nodes.values()}
        leader = seen.pop()
        return leader if not seen and leader in self.nodes else None


@pytest.fixture
def group(tmp_path: Path) -> Iterator[Group]:
    """Three nodes, not started."""
    group = Group(tmp_path, 3)
    yield group
    group.close()


@pytest.fixture
def lone(tmp_path: Path) -> Iterator[Group]:
    """A group of one node, not started."""
    group = Group(tmp_path, 1)
    yield group
    group.close()


IDENTITY = Identity(cluster_id="tests", node_id="n1")

OpenJournal = Callable[..., Journal]


@pytest.fixture
def open_journal(tmp_path: Path) -> Iterator[OpenJournal]:
    """Opens the journal in the test's folder anew, closing the one before."""
    opened: list[Journal] = []

    def open_it(
        identity: Identity = IDENTITY, segment_bytes: int = 64 << 10, tail_bytes: int = 1 << 20
    ) -> Journal:
        while opened:
            opened.pop().close()
        folder = Folder(tmp_path / "raft", fsync=False)
        try:
            journal = Journal(folder, identity, segment_bytes=segment_bytes, tail_bytes=tail_bytes)
        except BaseException:
            folder.close()
            raise
        opened.append(journal)
        return journal

    yield open_it
    while opened:
        opened.pop().close()


@pytest.fixture
def node(open_journal: OpenJournal, monkeypatch: pytest.MonkeyPatch) -> Alone:
    clock = [1000.0]
    monkeypatch.setattr(syncobj, "monotonicTime", lambda: clock[0])
    return Alone(open_journal(), clock)


def _ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
