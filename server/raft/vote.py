"""The term and the vote of a node, on disk before anybody hears of them.

Two copies are written one after the other, each whole and synced. A power cut can tear only the one
that is being written, and a vote that was cut short was never cast; bytes that rot in one copy
later are covered by the other. When both are bad, the node cannot know how it voted and must not
start.

Once there, the files are written in place: a vote needs no new room, so that a node whose disk is
full to the last byte still votes.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import Struct

from stepraft.server.raft.checksums import crc32c
from stepraft.server.raft.contract import DamageError, StartError
from stepraft.server.raft.disk import Disk

NAMES: Final = ("vote.a", "vote.b")
FILE_BYTES: Final = 4096
_HEAD_BYTES: Final = 8
"""CRC-32C of all that follows, then the length of the ballot; zeros fill the file."""


class Identity(Struct, frozen=True):
    """Whose folder it is."""

    cluster_id: str
    node_id: str


class Admission(StrEnum):
    """Whether a node may vote, stand and be counted: formation.py has the rules."""

    FORMING = "forming"
    """The folder is new: not before all members of the new group have been heard."""

    ADMITTED = "admitted"
    ABSTAINING = "abstaining"
    """What was promised may be lost: not before a leader says so."""


class Ballot(Struct, frozen=True):
    """The highest term seen and who got this node's vote in it (None: nobody yet)."""

    identity: Identity
    number: int
    term: int
    vote: str | None
    admission: Admission = Admission.ADMITTED


class BallotFile:
    """Keeps the ballot of one node."""

    def __init__(self, disk: Disk, identity: Identity) -> None:
        """Read the ballot back. Errors: StartError when no copy is sound, or it is another's."""
        self._disk = disk
        self.ballot = Ballot(identity, 0, 0, None, Admission.FORMING)
        found = [name for name in NAMES if name in disk.names()]
        sound = [ballot for name in found if (ballot := _decode(disk.read(name))) is not None]
        if found and not sound:
            raise DamageError(
                f"{' and '.join(found)}: damaged, so this node cannot know how it voted"
            )
        for ballot in sound:
            check_identity(ballot.identity, identity, NAMES[0])
        if sound:
            self.ballot = max(sound, key=lambda ballot: ballot.number)
            self._repair()

    def cast(self, term: int, vote: str | None) -> None:
        """Keep `term` and `vote`; both are durable on return."""
        self._write(term, vote, self.ballot.admission)

    def admit(self, admission: Admission) -> None:
        """Keep whether this node may vote; durable on return."""
        self._write(self.ballot.term, self.ballot.vote, admission)

    def _write(self, term: int, vote: str | None, admission: Admission) -> None:
        ballot = Ballot(self.ballot.identity, self.ballot.number + 1, term, vote, admission)
        self._put(NAMES, _encode(ballot))
        self.ballot = ballot

    def _repair(self) -> None:
        """Make both copies the same, and durable, the worse one first.

        A crash may have left one of them half written: the next write begins with the other, and
        must not find it the only one. Or it is whole, and not on the disk yet: what is read now is
        spoken of soon.
        """
        content = _encode(self.ballot)
        self._put(sorted(NAMES, key=lambda name: self._holds(name, content)), content)

    def _holds(self, name: str, content: bytes) -> bool:
        return name in self._disk.names() and self._disk.read(name).startswith(content)

    def _put(self, names: Sequence[str], content: bytes) -> None:
        present = self._disk.names()
        for name in names:
            if name in present:
                self._write_in_place(name, content)
            else:
                self._disk.create(name, content, FILE_BYTES)

    def _write_in_place(self, name: str, content: bytes) -> None:
        file = self._disk.open(name)
        try:
            file.write(0, content)
            file.sync()
        finally:
            file.close()


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
    content = len(body).to_bytes(4, "little") + body
    assert len(content) + 4 <= FILE_BYTES, "the names of cluster and nodes are short"
    return crc32c(content).to_bytes(4, "little") + content


def _decode(content: bytes) -> Ballot | None:
    end = _HEAD_BYTES + int.from_bytes(content[4:_HEAD_BYTES], "little")
    if len(content) < end or crc32c(content[4:end]).to_bytes(4, "little") != content[:4]:
        return None
    return msgspec.msgpack.decode(content[_HEAD_BYTES:end], type=Ballot)
