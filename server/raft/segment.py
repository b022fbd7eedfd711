"""The head of a journal file: what it is, whose it is, which one of the row, what is before it."""

from typing import Final

import msgspec
from msgspec import Struct

from stepraft.server.raft.checksums import crc32c
from stepraft.server.raft.contract import DamageError, StartError
from stepraft.server.raft.membership_log import Landmark
from stepraft.server.raft.vote import Identity, check_identity

FORMAT: Final = 1
HEAD_BYTES: Final = 4096
"""Records begin at this offset."""

_MAGIC: Final = b"SRJOURNL"
_SUFFIX: Final = ".journal"


class Base(Struct, frozen=True):
    """The entry behind which a log began anew: it is committed, and in no segment."""

    index: int
    term: int


class Head(Struct, frozen=True):
    """What a segment says of itself; with a `base`, all segments before it count for nothing.

    `memberships`: the newest membership entries of the log when the segment was begun, so that
    they are known when the segments that hold them are gone.
    """

    format: int
    number: int
    identity: Identity
    base: Base | None = None
    memberships: tuple[Landmark, ...] = ()


def name_of(number: int) -> str:
    """The file of segment `number`, counted from 1."""
    return f"{number:010d}{_SUFFIX}"


def is_segment(name: str) -> bool:
    """Whether a file is a segment by its name."""
    return name.endswith(_SUFFIX)


def encode_head(
    number: int, identity: Identity, base: Base | None, memberships: tuple[Landmark, ...]
) -> bytes:
    """The first `HEAD_BYTES` of a segment."""
    head = Head(format=FORMAT, number=number, identity=identity, base=base, memberships=memberships)
    body = msgspec.msgpack.encode(head)
    prefix = _MAGIC + crc32c(body).to_bytes(4, "little") + len(body).to_bytes(4, "little")
    assert len(prefix) + len(body) <= HEAD_BYTES, "the head of a segment has outgrown its place"
    return (prefix + body).ljust(HEAD_BYTES, b"\0")


def check_head(content: bytes, name: str, identity: Identity) -> Head:
    """Read the head. Errors: StartError when it is damaged, newer or another's."""
    if content[:8] != _MAGIC:
        raise DamageError(f"{name}: damaged at offset 0: not a journal")
    length = int.from_bytes(content[12:16], "little")
    body = content[16 : 16 + length]
    if crc32c(body).to_bytes(4, "little") != content[8:12]:
        raise DamageError(f"{name}: damaged at offset 16: the head does not match its checksum")
    head = msgspec.msgpack.decode(body, type=Head)
    if head.format != FORMAT:
        raise StartError(f"{name}: format {head.format}, this version reads format {FORMAT}")
    check_identity(head.identity, identity, name)
    if name_of(head.number) != name:
        raise DamageError(f"{name}: holds segment {head.number}, so it was renamed")
    return head
