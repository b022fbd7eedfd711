"""A store on disk: LevelDB. The only file that knows it."""

import shutil
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import plyvel

from stepraft.storage.files import sync_path
from stepraft.storage.kv import ReadView, Row, StoreDamagedError, StoreError, Write, key_range

_MEBIBYTE: Final = 1 << 20


class LevelDbStore:
    """A `KeyValueStore` in one folder, which one process at a time may have open. `folders.py`
    makes a `ReplaceableStore` of them.

    `write_buffer_bytes`: how much is gathered in memory before a sorted file is written.
    `block_cache_bytes`: for blocks that are read again. `bloom_bits`: per key, so that a look-up of
    what is not there rarely reads a file.
    Errors: StoreError when the folder is in use, damaged, or cannot be made.
    """

    def __init__(
        self,
        folder: Path,
        *,
        write_buffer_bytes: int = 32 * _MEBIBYTE,
        block_cache_bytes: int = 64 * _MEBIBYTE,
        bloom_bits: int = 10,
    ) -> None:
        self._folder = folder
        _refuse_headless(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db: Any = plyvel.DB(
                str(folder),
                create_if_missing=True,
                write_buffer_size=write_buffer_bytes,
                lru_cache_size=block_cache_bytes,
                bloom_filter_bits=bloom_bits,
            )
        except (OSError, plyvel.Error) as error:
            raise _why_not_opened(folder, error) from error

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a row, or None when there is none.

        Errors: StoreError when what is read is damaged.
        """
        return _get(self._db, key)

    def scan(
        self, prefix: bytes, *, start: bytes | None = None, reverse: bool = False
    ) -> Iterator[Row]:
        """Return the rows whose keys have `prefix`, as they are now.

        Errors: StoreError, from the iterator, when what is read is damaged.
        """
        return _scan(self, self._db, prefix, start, reverse=reverse)

    def write(self, items: Iterable[Write]) -> None:
        """Write all items or none.

        Errors: StoreError.
        """
        batch = self._db.write_batch()
        put, delete = batch.put, batch.delete
        for key, value in items:
            if value is None:
                delete(key)
            else:
                put(key, value)
        try:
            batch.write()
        except plyvel.Error as error:
            raise StoreError(
                f"cannot write to the store in {self._folder}: {_text(error)}"
            ) from error

    def sync(self) -> None:
        """Return when all earlier writes survive a loss of power.

        LevelDB's own synced write covers its newest log file only: the one before it may still be
        on its way into a sorted file, unsynced. So each log file is synced, and the folder that
        names them.

        Errors: StoreError.
        """
        try:
            for log in self._folder.glob("*.log"):
                sync_path(log)
            sync_path(self._folder)
        except OSError as error:
            raise StoreError(f"cannot sync the store in {self._folder}: {error}") from error

    def snapshot(self) -> ReadView:
        """Return the rows as they are now."""
        return _Snapshot(self, self._db.snapshot())

    def bytes_on_disk(self) -> int:
        """Return how much room the files of the store take; 0 when it was removed meanwhile."""
        try:
            return sum(_size_of(path) for path in self._folder.iterdir())
        except FileNotFoundError:
            return 0

    def close(self) -> None:
        """End the use of the folder; closing it again does nothing."""
        self._db.close()

    def remove_when_unused(self) -> None:
        """Close and remove the folder as soon as nobody holds this object, or a snapshot or scan of
        it: closing it under a reader in another thread would end the process.

        What is left when the process ends before that is the caller's to clear away.
        """
        finalizer = weakref.finalize(self, _close_and_remove, self._db, self._folder)
        finalizer.atexit = False


class _Snapshot:
    """The rows of one moment. It holds the store, which must not be removed before it."""

    def __init__(self, store: LevelDbStore, snapshot: Any) -> None:
        self._store = store
        self._snapshot = snapshot

    def get(self, key: bytes) -> bytes | None:
        return _get(self._snapshot, key)

    def scan(
        self, prefix: bytes, *, start: bytes | None = None, reverse: bool = False
    ) -> Iterator[Row]:
        return _scan(self._store, self._snapshot, prefix, start, reverse=reverse)

    def sweep(self, low: bytes, high: bytes | None) -> Iterator[Row]:
        rows = self._snapshot.raw_iterator(verify_checksums=True, fill_cache=False)
        return _forward(self._store, rows, low, high)

    def close(self) -> None:
        self._snapshot.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _get(source: Any, key: bytes) -> bytes | None:
    try:
        value: bytes | None = source.get(key, verify_checksums=True)
    except plyvel.Error as error:
        raise _unreadable(error) from error
    return value


def _scan(
    store: LevelDbStore, source: Any, prefix: bytes, start: bytes | None, *, reverse: bool
) -> Iterator[Row]:
    """Return the rows of a scan; the iterator that is made here fixes their moment.

    A raw iterator, because those with bounds end a scan without an error at a damaged block, and
    lose the row at the lower bound where a reverse scan begins with it.
    """
    low, high = key_range(prefix, start, reverse=reverse)
    rows = source.raw_iterator(verify_checksums=True)
    scan = _backward if reverse else _forward
    return scan(store, rows, low, high)


def _forward(store: LevelDbStore, rows: Any, low: bytes, high: bytes | None) -> Iterator[Row]:
    """Give the rows from `low` on, below `high`. It holds `store`, as a snapshot does."""
    try:
        rows.seek(low)
        while rows.valid():
            key = rows.key()
            if high is not None and key >= high:
                return
            yield key, rows.value()
            rows.next()
    except plyvel.Error as error:
        raise _unreadable(error) from error
    finally:
        rows.close()


def _backward(store: LevelDbStore, rows: Any, low: bytes, high: bytes | None) -> Iterator[Row]:
    """Give the same backwards."""
    try:
        _seek_below(rows, high)
        while rows.valid():
            key = rows.key()
            if key < low:
                return
            yield key, rows.value()
            rows.prev()
    except plyvel.Error as error:
        raise _unreadable(error) from error
    finally:
        rows.close()


def _seek_below(rows: Any, high: bytes | None) -> None:
    """Go to the last row below `high`."""
    if high is None:
        rows.seek_to_last()
        return
    rows.seek(high)
    if rows.valid():
        rows.prev()
    else:
        rows.seek_to_last()


def _unreadable(error: Exception) -> StoreError:
    return StoreError(f"cannot read from the store: {_text(error)}")


def _refuse_headless(folder: Path) -> None:
    """Refuse files without the one that names them: LevelDB would begin anew on top of them."""
    has_files = any(folder.glob("*.ldb")) or any(folder.glob("*.log"))
    if has_files and not (folder / "CURRENT").exists():
        raise StoreDamagedError(f"the store in {folder} is damaged: its file CURRENT is missing")


def _why_not_opened(folder: Path, error: Exception) -> StoreError:
    if isinstance(error, plyvel.CorruptionError):
        return StoreDamagedError(f"the store in {folder} is damaged: {_text(error)}")
    if "/LOCK: " in _text(error):
        return StoreError(f"the store in {folder} is in use: {_text(error)}")
    return StoreError(f"cannot open the store in {folder}: {_text(error)}")


def _text(error: Exception) -> str:
    """Return what LevelDB says, which comes as bytes."""
    told = error.args[0] if error.args else b""
    return told.decode(errors="replace") if isinstance(told, bytes) else str(error)


def _close_and_remove(db: Any, folder: Path) -> None:
    db.close()
    shutil.rmtree(folder, ignore_errors=True)


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0  # Compaction has dropped it since the folder was listed.
