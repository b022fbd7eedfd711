"""The term and the vote of a node, on disk before anybody hears of them.

Two copies are written one after the other, each whole and synced. A power cut can tear only the one
that is being written, and a vote that was cut short was never cast; bytes that rot in one copy
later are covered by the other. When both are bad, the node cannot know how it voted and must not
start.
"""

from typing import Final

import msgspec
from msgspec import Struct

from stepraft.server.raft.checksums import crc32c
from stepraft.server.raft.contract import StartError
from stepraft.server.raft.disk import Disk

NAMES: Final = ("vote.a", "vote.b")


class Identity(Struct, frozen=True):
    """Whose folder it is."""

    cluster_id: str
    node_id: str


class Ballot(Struct, frozen=True):
    """The highest term seen and who got this node's vote in it (None: nobody yet)."""

    identity: Identity
    number: int
    term: int
    vote: str | None


class BallotFile:
    """Keeps the ballot of one node."""

    def __init__(self, disk: Disk, identity: Identity) -> None:
        """Read the ballot back. Errors: StartError when no copy is sound, or it is another's."""
        self._disk = disk
        self.ballot = Ballot(identity=identity, number=0, term=0, vote=None)
        found = [name for name in NAMES if name in disk.names()]
        sound = [ballot for name in found if (ballot := _decode(disk.read(name))) is not None]
        if found and not sound:
            raise StartError(
                f"{' and '.join(found)}: damaged, so this node cannot know how it voted"
            )
        for ballot in sound:
            check_identity(ballot.identity, identity, NAMES[0])
        if sound:
            self.ballot = max(sound, key=lambda ballot: ballot.number)

    def cast(self, term: int, vote: str | None) -> None:
        """Keep `term` and `vote`; both are durable on return."""
        number = self.ballot.number + 1
        ballot = Ballot(identity=self.ballot.identity, number=number, term=term, vote=vote)
        content = _encode(ballot)
        for name in NAMES:
            self._disk.create(name, content, len(content))
        self.ballot = ballot


def check_identity(found: Identity, expected: Identity, name: str) -> None:
    """Refuse a file of another cluster or node. Errors: StartError, which names both."""
    if found.cluster_id != expected.cluster_id:
        raise StartError(
            f"{name}: belongs to cluster {found.cluster_id!r}, this node to {expected.cluster_id!r}"
        )
    if found.node_id != expected.node_id:
        raise StartError(f"{name}: belongs to node {found.node_id!r}, this is {expected.node_id!r}")


def _encode(ballot: Ballot) -> bytes:
    body = msgspec.msgpack.encode(ballot)
    return crc32c(body).to_bytes(4, "little") + body


def _decode(content: bytes) -> Ballot | None:
    body = content[4:]
    if len(content) < 4 or crc32c(body).to_bytes(4, "little") != content[:4]:
        return None
    return msgspec.msgpack.decode(body, type=Ballot)
