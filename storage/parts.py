"""The parts of a snapshot as bytes: made of rows, and turned into rows again once they are proved
whole. The format is in `snapshot.py`.
"""

import struct
from typing import Final

import msgspec
from google_crc32c import extend

from stepraft.storage.keys import Family
from stepraft.storage.kv import Row
from stepraft.storage.snapshot import SnapshotError, SnapshotPart

_HEADER: Final = struct.Struct(">BI")
_ARRAY_32: Final = 0xDD
"""MessagePack's marker of an array with a length of 32 bits."""
_DIGEST: Final = struct.Struct(">I")
_LOCAL: Final = Family.LOCAL.value

_encode_row = msgspec.msgpack.Encoder().encode
_decode_rows = msgspec.msgpack.Decoder(list[tuple[bytes, bytes]]).decode


def encoded_row(row: Row) -> bytes:
    """Return a row as it stands in a part."""
    return _encode_row(row)


def join(cursor: bytes, rows: list[bytes], last_key: bytes, *, is_last: bool) -> SnapshotPart:
    """Return the part that begins at `cursor` and holds `rows`, encoded by `encoded_row`.

    `last_key`: that of the last of them; if there is none, that of the cursor.
    """
    body = b"".join(rows)
    digest = extend(digest_at(cursor), body)
    return SnapshotPart(
        cursor=cursor,
        data=_HEADER.pack(_ARRAY_32, len(rows)) + body,
        next_cursor=_DIGEST.pack(digest) + last_key,
        digest=digest,
        is_last=is_last,
    )


def rows_of(part: SnapshotPart, cursor: bytes) -> list[Row]:
    """Return the rows of the part that has to begin at `cursor`.

    Errors: SnapshotError when it begins elsewhere or is not as it was read.
    """
    if part.cursor != cursor:
        raise SnapshotError(
            f"a part of the snapshot begins at {part.cursor!r}, and has to begin at {cursor!r}"
        )
    try:
        digest = extend(digest_at(cursor), part.data[_HEADER.size :])
        rows = _decode_rows(part.data)
    except msgspec.MsgspecError as error:
        raise SnapshotError("a part of the snapshot is damaged: it holds no rows") from error
    last_key = rows[-1][0] if rows else key_at(cursor)
    if digest != part.digest or part.next_cursor != _DIGEST.pack(digest) + last_key:
        raise SnapshotError("a part of the snapshot is damaged: its rows do not match its digest")
    if any(key.startswith(_LOCAL) for key, _ in rows):
        raise SnapshotError("a part of the snapshot holds rows that are a node's own")
    return rows


def digest_at(cursor: bytes) -> int:
    """Return the digest of the rows before a cursor.

    Errors: SnapshotError when it is none.
    """
    if not cursor:
        return 0
    if len(cursor) < _DIGEST.size:
        raise SnapshotError(f"{cursor!r} is no place in a snapshot")
    return int(_DIGEST.unpack_from(cursor)[0])


def key_at(cursor: bytes) -> bytes:
    """Return the last key before a cursor, b"" at the beginning."""
    return cursor[_DIGEST.size :]
