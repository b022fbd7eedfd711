"""A snapshot on its way out: the replicated rows of a store as they were at one moment, read in
parts. Nothing is copied: the store keeps the rows of the moment until it is closed.
"""

from collections.abc import Iterator
from itertools import chain

from stepraft.storage import keys, parts, queries, restart
from stepraft.storage.format import found_row
from stepraft.storage.keys import Family
from stepraft.storage.kv import Readable, ReadView, Row
from stepraft.storage.snapshot import SnapshotHead, SnapshotPart

_LOCAL = Family.LOCAL.value
_BEHIND_LOCAL = bytes((_LOCAL[0] + 1,))


class StoreSource:
    """A `SnapshotSource`. It owns `view`, and may be used in any one thread."""

    def __init__(self, view: ReadView) -> None:
        self.head = head_of(view)
        self._view = view
        self._rows: Iterator[Row] = iter(())
        self._next: Row | None = None
        self._cursor: bytes | None = None

    def read(self, cursor: bytes, size: int) -> SnapshotPart:
        """Return the part that begins at `cursor`: about `size` bytes, at least one row if any is
        left.

        Errors: SnapshotError when `cursor` is none; StoreError.
        """
        parts.digest_at(cursor)
        if cursor != self._cursor:
            self._rows = self._behind(parts.key_at(cursor))
            self._next = next(self._rows, None)
        rows, last_key = self._take(size)
        part = parts.join(
            cursor, rows, last_key or parts.key_at(cursor), is_last=self._next is None
        )
        self._cursor = part.next_cursor
        return part

    def close(self) -> None:
        """Let the moment go; closing it again does nothing."""
        self._rows, self._next, self._cursor = iter(()), None, None
        self._view.close()

    def _take(self, size: int) -> tuple[list[bytes], bytes]:
        """Return the next rows, encoded, and the last key: as many as fit, but at least one."""
        taken: list[bytes] = []
        last_key = b""
        while self._next is not None:
            row = parts.encoded_row(self._next)
            size -= len(row)
            if size < 0 and taken:
                break
            taken.append(row)
            last_key = self._next[0]
            self._next = next(self._rows, None)
        return taken, last_key

    def _behind(self, key: bytes) -> Iterator[Row]:
        """Give the replicated rows behind `key`, in key order."""
        low = key + b"\0" if key else b""
        return chain(self._view.sweep(low, _LOCAL), self._view.sweep(max(low, _BEHIND_LOCAL), None))


def head_of(store: Readable) -> SnapshotHead:
    """Return what moment the rows of a store are of."""
    position, row = restart.written_position(store), found_row(store)
    return SnapshotHead(
        index=position.applied_index,
        term=position.term,
        checksum=position.checksum,
        cluster_id=row.cluster_id,
        format_version=row.version,
        feature_level=queries.feature_level(store),
        membership=store.get(keys.MEMBERS) or b"",
    )
