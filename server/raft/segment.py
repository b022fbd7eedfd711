"""The head of a journal file: what it is, whose it is, and which one of the row."""

from typing import Final

import msgspec
from msgspec import Struct

from stepraft.server.raft.checksums import crc32c
from stepraft.server.raft.contract import StartError
from stepraft.server.raft.vote import Identity, check_identity

FORMAT: Final = 1
HEAD_BYTES: Final = 4096
"""Records begin at this offset."""

_MAGIC: Final = b"SRJOURNL"
_SUFFIX: Final = ".journal"


class _Head(Struct, frozen=True):
    format: int
    number: int
    identity: Identity


def name_of(number: int) -> str:
    """The file of segment `number`, counted from 1."""
    return f"{number:010d}{_SUFFIX}"


def is_segment(name: str) -> bool:
    """Whether a file is a segment by its name."""
    return name.endswith(_SUFFIX)


def encode_head(number: int, identity: Identity) -> bytes:
    """The first `HEAD_BYTES` of a segment."""
    body = msgspec.msgpack.encode(_Head(format=FORMAT, number=number, identity=identity))
    prefix = _MAGIC + crc32c(body).to_bytes(4, "little") + len(body).to_bytes(4, "little")
    return (prefix + body).ljust(HEAD_BYTES, b"\0")


def check_head(content: bytes, name: str, identity: Identity) -> int:
    """The number of the segment. Errors: StartError when it is damaged, newer or another's."""
    if content[:8] != _MAGIC:
        raise StartError(f"{name}: damaged at offset 0: not a journal")
    length = int.from_bytes(content[12:16], "little")
    body = content[16 : 16 + length]
    if crc32c(body).to_bytes(4, "little") != content[8:12]:
        raise StartError(f"{name}: damaged at offset 16: the head does not match its checksum")
    head = msgspec.msgpack.decode(body, type=_Head)
    if head.format != FORMAT:
        raise StartError(f"{name}: format {head.format}, this version reads format {FORMAT}")
    check_identity(head.identity, identity, name)
    if name_of(head.number) != name:
        raise StartError(f"{name}: holds segment {head.number}, so it was renamed")
    return head.number
