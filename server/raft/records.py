"""One log entry as bytes in a segment, and how damage is told from a write that was cut short.

    magic u32 | crc u32 | length u32 | durable u32 | index u64 | term u64 | data

The CRC (CRC-32C, seeded with the number of the segment) covers all that follows it. CRC-32C rather
than zlib's CRC-32: it finds more errors at the sizes of log entries and is made by the processor
itself (eight times faster per MiB here).

`durable` is the offset up to which the segment was known to be on disk when the record was written.
A power cut may leave any part of the unsynced end unwritten, even with whole records behind the
hole. So a bad record is the torn end of the log unless a good one behind it says that this place
had been synced: then bytes were lost that a disk had promised to keep, and the node must not start.
"""

from collections.abc import Iterable
from struct import Struct as Layout
from typing import Final

from msgspec import Struct

from stepraft.server.raft.checksums import crc32c

_PREFIX: Final = Layout("<4sI")
_BODY: Final = Layout("<IIQQ")
_MAGIC: Final = b"\xf5SR\x01"
HEADER_BYTES: Final = _PREFIX.size + _BODY.size


class Record(Struct, frozen=True):
    """A record read back; `offset` is its first byte, `end` the first byte after it."""

    offset: int
    end: int
    durable: int
    index: int
    term: int
    data: bytes


class Scan(Struct, frozen=True):
    """The records of a segment, in order.

    `end` is where the next record belongs. `bad_offset` is None for a clean segment; else the
    first byte that is no record, and `is_torn` says whether it can be a write cut short.
    """

    records: list[Record]
    end: int
    bad_offset: int | None
    is_torn: bool


def encode(
    first_index: int, entries: Iterable[tuple[int, bytes]], durable: int, seed: int
) -> tuple[bytes, list[int]]:
    """Records of consecutive entries (term, data), and the size of each in bytes."""
    parts: list[bytes] = []
    sizes: list[int] = []
    pack_body, pack_prefix = _BODY.pack, _PREFIX.pack
    for index, (term, data) in enumerate(entries, first_index):
        body = pack_body(len(data), durable, index, term) + data
        parts.append(pack_prefix(_MAGIC, crc32c(body, seed)))
        parts.append(body)
        sizes.append(HEADER_BYTES + len(data))
    return b"".join(parts), sizes


def size_of(header: bytes) -> int:
    """How many bytes the record with this header says that it has; `decode` tells if it is true."""
    length, _, _, _ = _BODY.unpack_from(header.ljust(HEADER_BYTES, b"\0"), _PREFIX.size)
    return HEADER_BYTES + int(length)


def decode(buffer: bytes, offset: int, seed: int) -> Record | None:
    """The record at `offset`, or None when there is no whole and sound one."""
    body_offset = offset + _PREFIX.size
    if offset + HEADER_BYTES > len(buffer):
        return None
    magic, crc = _PREFIX.unpack_from(buffer, offset)
    length, durable, index, term = _BODY.unpack_from(buffer, body_offset)
    end = offset + HEADER_BYTES + length
    if magic != _MAGIC or end > len(buffer):
        return None
    if crc32c(buffer[body_offset:end], seed) != crc:
        return None
    return Record(offset, end, durable, index, term, buffer[offset + HEADER_BYTES : end])


def scan(buffer: bytes, start: int, seed: int) -> Scan:
    """Read all records from `start` on; what follows the last one must be zeros."""
    used = len(buffer.rstrip(b"\0"))
    records: list[Record] = []
    offset = start
    while offset < used:
        record = decode(buffer, offset, seed)
        if record is None:
            is_torn = not _was_durable(buffer, offset, seed)
            return Scan(records=records, end=offset, bad_offset=offset, is_torn=is_torn)
        records.append(record)
        offset = record.end
    return Scan(records=records, end=offset, bad_offset=None, is_torn=False)


def _was_durable(buffer: bytes, bad_offset: int, seed: int) -> bool:
    """Whether a sound record behind the bad place knew that place to be on disk."""
    candidate = buffer.find(_MAGIC, bad_offset + 1)
    while candidate >= 0:
        record = decode(buffer, candidate, seed)
        if record is not None and record.durable > bad_offset:
            return True
        candidate = buffer.find(_MAGIC, candidate + 1)
    return False
