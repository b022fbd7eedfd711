"""Snapshots: all replicated rows of one moment, in parts, and a store that is filled with them.

    data    MessagePack array of rows [key, value], with a header of 5 bytes
    cursor  b"" before the first row, else: digest so far, key of the last row given

A row is never divided. The digest is CRC-32C chained over the bytes of all rows so far, without the
headers: where a snapshot is cut into parts makes no difference to it. It rides in the cursor, so
that reading goes on at any cursor without what came before, on any replica that has the same
moment: they hold the same rows (see `Family.LOCAL` for those that are left out).
"""

from typing import Protocol

from msgspec import Struct


class SnapshotError(Exception):
    """A snapshot cannot be taken, taken on or used: the text says why. The store is as it was."""


class SnapshotHead(Struct, frozen=True, array_like=True):
    """What moment a snapshot is of. Equal heads have equal rows, on whichever node they were read.

    `index`, `term`: of the last entry in it. `checksum`: the machine's at that entry. `cluster_id`:
    whose it is. `format_version`, `feature_level`: what a program must know to use it.
    `membership`: the members at that entry, encoded; b"" when the log has named none by then.
    """

    index: int
    term: int
    checksum: int
    cluster_id: str
    format_version: int
    feature_level: int
    membership: bytes


class SnapshotPart(Struct, frozen=True, array_like=True):
    """A run of rows.

    `cursor`: where it begins, b"" for the first. `data`: its rows; no more bytes than were asked
    for, unless a single row has more. `next_cursor`: where the next part begins. `digest`: CRC-32C
    over all rows from the first to the end of this part. `is_last`: no row follows.
    """

    cursor: bytes
    data: bytes
    next_cursor: bytes
    digest: int
    is_last: bool


class SnapshotSource(Protocol):
    """The rows of one moment. It keeps them from being dropped: close it."""

    @property
    def head(self) -> SnapshotHead:
        """What moment it is of."""

    def read(self, cursor: bytes, size: int) -> SnapshotPart:
        """Return the part that begins at `cursor`: about `size` bytes, at least one row if any is
        left. Cheap where the last part ended, one look-up elsewhere; equal arguments give equal
        parts.

        Errors: SnapshotError when `cursor` is none; StoreError.
        """

    def close(self) -> None:
        """Let the moment go; closing it again does nothing."""


class SnapshotTarget(Protocol):
    """A new state on its way in, beside the present one, which is served until `install`."""

    @property
    def head(self) -> SnapshotHead:
        """What moment it is to be."""

    @property
    def cursor(self) -> bytes:
        """Where to go on: behind the last part written; after a restart, behind one that is
        certainly on the disk.
        """

    def write(self, part: SnapshotPart) -> None:
        """Take the part that begins at `cursor`. A part that was refused has changed nothing.

        Errors: SnapshotError when it does not begin there, or its digest or its rows are wrong;
        StoreError.
        """

    def install(self) -> None:
        """Make it the state, after the last part: on return that is durable, and the machine's
        `applied_index` is `head.index`. A crash before that leaves the old state, whole.

        Errors: SnapshotError when parts are missing, or the machine has got ahead meanwhile;
        StoreError.
        """

    def discard(self) -> None:
        """Drop what has come so far."""
