"""A store on disk: LevelDB. The only file that knows it."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import plyvel  # type: ignore[import-untyped]

from stepraft.storage.kv import ReadView, Row, StoreError, Write, key_range

_MEBIBYTE: Final = 1 << 20


class LevelDbStore:
    """A `KeyValueStore` in one folder, which one process at a time may have open.

    `write_buffer_bytes`: how much is gathered in memory before a sorted file is written. `block_cache_bytes`: for blocks
    that are read again. `bloom_bits`: per key, so that a look-up of what is not there rarely reads a file.
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
            raise StoreError(_why_not_opened(folder, error)) from error

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a row, or None when there is none.

        Errors: StoreError when what is read is damaged.
        """
        try:
            value: bytes | None = self._db.get(key, verify_checksums=True)
        except plyvel.Error as error:
            raise StoreError(f"cannot read from the store in {self._folder}: {error}") from error
        return value

    def scan(
        self, prefix: bytes, *, start: bytes | None = None, reverse: bool = False
    ) -> Iterator[Row]:
        """Return the rows whose keys have `prefix`, as they are now.

        Errors: plyvel.Error from the iterator when what is read is damaged.
        """
        return _scan(self._db, prefix, start, reverse=reverse)

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
            raise StoreError(f"cannot write to the store in {self._folder}: {error}") from error

    def sync(self) -> None:
        """Return when all earlier writes survive a loss of power.

        LevelDB's own synced write covers its newest log file only: the one before it may still be on its way into a
        sorted file, unsynced. So each log file is synced, and the folder that names them.

        Errors: StoreError.
        """
        try:
            for log in self._folder.glob("*.log"):
                _sync_path(log)
            _sync_path(self._folder)
        except OSError as error:
            raise StoreError(f"cannot sync the store in {self._folder}: {error}") from error

    def snapshot(self) -> ReadView:
        """Return the rows as they are now."""
        return _Snapshot(self._db.snapshot())

    def bytes_on_disk(self) -> int:
        """Return how much room the files of the store take."""
        return sum(_size_of(path) for path in self._folder.iterdir())

    def close(self) -> None:
        """End the use of the folder; closing it again does nothing."""
        self._db.close()


class _Snapshot:
    """The rows of one moment."""

    def __init__(self, snapshot: Any) -> None:
        self._snapshot = snapshot

    def get(self, key: bytes) -> bytes | None:
        value: bytes | None = self._snapshot.get(key, verify_checksums=True)
        return value

    def scan(
        self, prefix: bytes, *, start: bytes | None = None, reverse: bool = False
    ) -> Iterator[Row]:
        return _scan(self._snapshot, prefix, start, reverse=reverse)

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


def _scan(source: Any, prefix: bytes, start: bytes | None, *, reverse: bool) -> Iterator[Row]:
    low, high = key_range(prefix, start, reverse=reverse)
    rows: Iterator[Row] = source.iterator(
        start=low, stop=high, reverse=reverse, verify_checksums=True
    )
    return rows


def _refuse_headless(folder: Path) -> None:
    """Refuse files without the one that names them: LevelDB would begin anew on top of them."""
    has_files = any(folder.glob("*.ldb")) or any(folder.glob("*.log"))
    if has_files and not (folder / "CURRENT").exists():
        raise StoreError(f"the store in {folder} is damaged: its file CURRENT is missing")


def _why_not_opened(folder: Path, error: Exception) -> str:
    if isinstance(error, plyvel.CorruptionError):
        return f"the store in {folder} is damaged: {error}"
    if "lock" in str(error).lower():
        return f"the store in {folder} is in use by another process: {error}"
    return f"cannot open the store in {folder}: {error}"


def _sync_path(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return  # Its rows have gone into a sorted file, which LevelDB has synced.
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0  # Compaction has dropped it since the folder was listed.
