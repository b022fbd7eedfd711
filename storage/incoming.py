"""A snapshot on its way in: a store is filled beside the one in use, and takes its place when it is
whole.

How far it is stands in the mark of the store that is being filled, which is never on the disk
without the rows that it speaks for. Rows behind it that a crash left are written again, the same.
The node's own rows come last, so that rows are written in the order of their keys: then LevelDB has
nothing to sort.
"""

from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from stepraft.storage import keys, parts
from stepraft.storage.format import found_row, write_of
from stepraft.storage.kv import KeyValueStore, ReplaceableStore, Write
from stepraft.storage.outgoing import head_of
from stepraft.storage.rows import SnapshotRow
from stepraft.storage.snapshot import SnapshotError, SnapshotHead, SnapshotPart

_MARK_BYTES: Final = 4 << 20
"""How much is taken between two marks: what a crash costs, and a sync waits for."""


class _Mark(Struct, frozen=True, array_like=True):
    """How far a staged store is: it has all rows of the snapshot before `cursor`."""

    head: SnapshotHead
    cursor: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode_row = msgspec.msgpack.Decoder(SnapshotRow).decode
_decode_mark = msgspec.msgpack.Decoder(_Mark).decode


class StoreTarget:
    """A `SnapshotTarget` that fills the staged store of `store`.

    `check`: raises SnapshotError when the snapshot is of no use any more. `on_installed` is called
    when it has become the store.
    Errors: StoreError.
    """

    def __init__(
        self,
        store: ReplaceableStore,
        head: SnapshotHead,
        check: Callable[[SnapshotHead], None],
        on_installed: Callable[[], None],
    ) -> None:
        self.head = head
        self._store = store
        self._check = check
        self._on_installed = on_installed
        self._is_whole = False
        self._is_over = False
        self._unmarked_bytes = 0
        self._staged, self.cursor = _resumed(store, head) or (store.stage(), b"")

    @property
    def is_over(self) -> bool:
        """Whether it was installed or discarded: nothing more can be done with it."""
        return self._is_over

    def write(self, part: SnapshotPart) -> None:
        """Take the part that begins at `cursor`. A part that was refused has changed nothing.

        Errors: SnapshotError when it does not begin there, or its digest or its rows are wrong;
        StoreError.
        """
        self._refuse_if_over()
        rows = parts.rows_of(part, self.cursor)
        if self._is_whole and rows:
            raise SnapshotError("a part of the snapshot comes behind the last one")
        self._staged.write(rows)
        self.cursor = part.next_cursor
        self._is_whole = self._is_whole or part.is_last
        self._unmarked_bytes += len(part.data)
        if self._is_whole or self._unmarked_bytes >= _MARK_BYTES:
            self._store.mark(_encode(_Mark(self.head, self.cursor)))
            self._unmarked_bytes = 0

    def install(self) -> None:
        """Make it the state, after the last part: durable on return.

        Errors: SnapshotError when parts are missing, it is not what its head says, or it is of no
        use any more; StoreError.
        """
        self._refuse_if_over()
        if not self._is_whole:
            raise SnapshotError("the snapshot cannot be installed: its last part is missing")
        self._check(self.head)
        self._staged.write(self._own_rows())
        found = head_of(self._staged)
        if found != self.head:
            raise SnapshotError(f"the snapshot is to be {self.head}, and is {found}")
        self._is_over = True
        self._store.switch()
        self._on_installed()

    def discard(self) -> None:
        """Drop what has come so far."""
        if not self._is_over:
            self._is_over = True
            self._store.unstage()

    def _refuse_if_over(self) -> None:
        if self._is_over:
            raise SnapshotError("the snapshot was installed or discarded")

    def _own_rows(self) -> list[Write]:
        """Return the rows that make the staged store this node's, and durable as it is."""
        row = replace(found_row(self._store), version=self.head.format_version)
        return [
            write_of(row),
            (keys.SNAPSHOT, _encode(SnapshotRow(head=self.head))),
            (keys.SYNCED, self._staged.get(keys.POSITION)),
        ]


def drop_overtaken(store: ReplaceableStore, applied_index: int) -> None:
    """Drop a snapshot that was begun, perhaps before a restart, and is not ahead any more.

    Errors: StoreError.
    """
    found = _found(store)
    if found is not None and found[1].head.index <= applied_index:
        store.unstage()


def installed_index(store: KeyValueStore) -> int:
    """Return the index of the snapshot that a store began as, 0 for one that began empty."""
    value = store.get(keys.SNAPSHOT)
    return 0 if value is None else _decode_row(value).head.index


def _resumed(store: ReplaceableStore, head: SnapshotHead) -> tuple[KeyValueStore, bytes] | None:
    """Return the store that a snapshot with this head was filling, and its cursor."""
    found = _found(store)
    if found is None or found[1].head != head:
        return None
    staged, mark = found
    return staged, mark.cursor


def _found(store: ReplaceableStore) -> tuple[KeyValueStore, _Mark] | None:
    """Return the staged store and how far it is; None when no program like this one left any."""
    found = store.staged()
    if found is None:
        return None
    try:
        return found[0], _decode_mark(found[1])
    except msgspec.MsgspecError:
        return None
