"""Snapshots of machines whose state is the list of all that they applied."""

from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct

from stepraft.server.raft.checksums import crc32c
from stepraft.storage.snapshot import SnapshotError, SnapshotHead, SnapshotPart

Row = tuple[int, bytes]
"""Term and entry."""


class Incoming(Struct):
    """What has come of a snapshot; the first `durable_count` rows survive the process."""

    head: SnapshotHead
    rows: list[Row]
    cursor: bytes = b""
    durable_count: int = 0
    durable_cursor: bytes = b""
    is_whole: bool = False


def chained(checksum: int, row: Row) -> int:
    """The checksum of a machine after one more row."""
    return crc32c(msgspec.msgpack.encode(row), checksum)


def checksum_of(rows: Sequence[Row]) -> int:
    """The checksum of a machine that applied all of these."""
    checksum = 0
    for row in rows:
        checksum = chained(checksum, row)
    return checksum


class ListSource:
    """The rows of one moment; a cursor is the number of rows before it, and their checksum."""

    def __init__(self, head: SnapshotHead, rows: Sequence[Row]) -> None:
        self.head = head
        self._rows = tuple(rows)
        self.is_closed = False

    def read(self, cursor: bytes, size: int) -> SnapshotPart:
        assert not self.is_closed
        try:
            start, digest = msgspec.msgpack.decode(cursor) if cursor else (0, 0)
        except msgspec.DecodeError as error:
            raise SnapshotError("no cursor") from error
        stop, total = start, 0
        while stop < len(self._rows) and total < size:
            total += len(self._rows[stop][1]) + 1
            digest = chained(digest, self._rows[stop])
            stop += 1
        return SnapshotPart(
            cursor=cursor,
            data=msgspec.msgpack.encode(self._rows[start:stop]),
            next_cursor=msgspec.msgpack.encode((stop, digest)),
            digest=digest,
            is_last=stop == len(self._rows),
        )

    def close(self) -> None:
        self.is_closed = True


class ListTarget:
    """Takes parts in; `on_install` is called with a snapshot that is whole and sound."""

    def __init__(
        self,
        incoming: Incoming,
        on_install: Callable[[Incoming], None],
        on_discard: Callable[[], None],
    ) -> None:
        self._incoming = incoming
        self._on_install = on_install
        self._on_discard = on_discard

    @property
    def head(self) -> SnapshotHead:
        return self._incoming.head

    @property
    def cursor(self) -> bytes:
        return self._incoming.cursor

    def write(self, part: SnapshotPart) -> None:
        incoming = self._incoming
        rows = msgspec.msgpack.decode(part.data, type=list[Row])
        if part.cursor != incoming.cursor:
            raise SnapshotError("a part is missing")
        if checksum_of([*incoming.rows, *rows]) != part.digest:
            raise SnapshotError("the digest is wrong")
        incoming.rows += rows
        incoming.cursor = part.next_cursor
        incoming.is_whole = part.is_last

    def install(self) -> None:
        self._on_install(self._incoming)

    def discard(self) -> None:
        self._on_discard()
