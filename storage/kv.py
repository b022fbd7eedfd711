"""The store as a Protocol: ordered byte keys, atomic writes, consistent reads."""

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Protocol, Self

Row = tuple[bytes, bytes]
"""A key and its value."""

Write = tuple[bytes, bytes | None]
"""A key and its new value; None deletes the row."""


class StoreError(Exception):
    """The store cannot be used, or failed: the text says which folder, and why."""


class StoreDamagedError(StoreError):
    """What the store holds is damaged, and cannot be mended here."""


class Readable(Protocol):
    """What can be read from a store, and from a snapshot of it."""

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a row, or None when there is none."""

    def scan(
        self, prefix: bytes, *, start: bytes | None = None, reverse: bool = False
    ) -> Iterator[Row]:
        """Return the rows whose keys have `prefix`, in key order, or backwards.

        `start`: the first key to give, if it is there; those before it in the direction of the scan
        are left out. The rows are those of the moment of the call.
        """


class ReadView(Readable, Protocol):
    """A snapshot: reads see one moment. Close it, or use it in a `with`: until then it keeps old
    rows from being dropped.
    """

    def sweep(self, low: bytes, high: bytes | None) -> Iterator[Row]:
        """Return the rows from `low` on, below `high` (None: all), in key order, for one who reads
        everything once: what is kept in memory for others stays there.
        """

    def close(self) -> None:
        """Let the snapshot go."""

    def __enter__(self) -> Self:
        """Return the snapshot itself."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the snapshot."""


class KeyValueStore(Readable, Protocol):
    """A store: one thread writes, any thread reads."""

    def write(self, items: Iterable[Write]) -> None:
        """Write all items or none, later ones over earlier ones. Survives the process, not yet the
        machine: see `sync`.

        Errors: StoreError.
        """

    def sync(self) -> None:
        """Return when all earlier writes survive a loss of power.

        Errors: StoreError.
        """

    def snapshot(self) -> ReadView:
        """Return the rows as they are now."""

    def bytes_on_disk(self) -> int:
        """Return how much room the store takes; 0 for one in memory."""

    def close(self) -> None:
        """End the use of the store; closing it again does nothing."""


class ReplaceableStore(KeyValueStore, Protocol):
    """A store whose rows can be replaced as a whole: another one is filled beside it, and takes its
    place in one step. All of this is for the thread that writes.

    Whoever holds this object reads the new rows from that step on. A snapshot or a scan from before
    goes on with the old ones.
    """

    def stage(self) -> KeyValueStore:
        """Return a new, empty store to fill; one that was begun before is dropped.

        Errors: StoreError.
        """

    def staged(self) -> tuple[KeyValueStore, bytes] | None:
        """Return the store that is being filled and its last mark, also when it was begun before a
        restart; None when there is none, it has no mark, or it is damaged.
        """

    def mark(self, mark: bytes) -> None:
        """Make what was written to the staged store durable, then the note that it has come this
        far. Not as a row: rewritten among rows in order, it would make files overlap that have
        nothing in common, and compaction sort them all again.

        Errors: StoreError.
        """

    def unstage(self) -> None:
        """Drop the store that is being filled, if there is one.

        Errors: StoreError.
        """

    def switch(self) -> None:
        """Put the staged store in this one's place. A loss of power leaves either of them, whole;
        on return it is the new one.

        Errors: StoreError; which of them is in place then shows at the next start.
        """


def key_range(prefix: bytes, start: bytes | None, *, reverse: bool) -> tuple[bytes, bytes | None]:
    """Return the bounds of a scan: the lowest key in it, and the first key above it (None: there is
    no bound).
    """
    low, high = prefix, _end_of(prefix)
    if start is None:
        return low, high
    if not reverse:
        return max(low, start), high
    behind_start = start + b"\0"
    return low, behind_start if high is None else min(high, behind_start)


def _end_of(prefix: bytes) -> bytes | None:
    """Return the first key above all keys with `prefix`."""
    stem = prefix.rstrip(b"\xff")
    return stem[:-1] + bytes((stem[-1] + 1,)) if stem else None
