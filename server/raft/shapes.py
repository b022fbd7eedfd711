"""Our journal and network in the shape in which pysyncobj calls them."""

from typing import Any

from stepraft.server.raft.journal import Journal
from stepraft.server.raft.library import LibraryTransportBase, Node
from stepraft.server.raft.messages import RaftMessage, RequestVote, Vote
from stepraft.server.raft.network import Network


class LibraryNode(Node):  # type: ignore[misc]
    """A node as the library knows it; equal by id, with the same hash in every process."""

    def __init__(self, node_id: str) -> None:
        super().__init__(node_id)
        self._stable_hash = int.from_bytes(node_id.encode()[-8:], "big")

    def __hash__(self) -> int:
        return self._stable_hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LibraryNode) and self.id == other.id


class LibraryJournal:
    """The calls that pysyncobj still makes once the corrections stand."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def add(self, command: bytes, index: int, term: int) -> None:
        self._journal.append(index, [(term, command)])

    def setCurrentTerm(self, term: int, vote: str | None) -> None:  # noqa: N802
        self._journal.save_vote(term, vote)

    def setRaftCommitIndex(self, index: int) -> None:  # noqa: N802
        """Not kept: a node that starts knows only what it has applied to be committed."""

    def onOneSecondTimer(self) -> None:  # noqa: N802
        """Nothing waits for a timer here."""


class LibraryTransport(LibraryTransportBase):  # type: ignore[misc]
    """Puts the library's own messages (dicts) into the fixed schema."""

    def __init__(self, network: Network) -> None:
        super().__init__(None, None, [])
        self._network = network
        self.is_called = False
        """Whether the node stands because its leader asked it to."""

    def send(self, node: Node, message: dict[str, Any]) -> bool:
        return self._network.send(node.id, self._typed(message))

    def _typed(self, message: dict[str, Any]) -> RaftMessage:
        match message["type"]:
            case "request_vote":
                return RequestVote(
                    term=message["term"],
                    last_index=message["last_log_index"],
                    last_term=message["last_log_term"],
                    is_called=self.is_called,
                )
            case "response_vote":
                return Vote(term=message["term"])
            case other:
                raise AssertionError(f"the library sends {other!r}, which the corrections replace")
