"""A store on disk that can be replaced as a whole: numbered LevelDB folders, and a file that names
the one in use.

    store/active          "stepraft store 1: 0000000007 (4f1e92aa)": layout, folder, CRC-32C
    store/0000000007/     the LevelDB in use
    store/0000000008/     the one that is being filled to take its place
    store/mark            how far that is: CRC-32C u32, then what its filler notes
    store/0000000006.gone one that is being removed
    store/lock            held while a process uses the folder

Only the renaming of `active` replaces a store, so that there is always one, whole. The numbers of
folders grow; one that is neither in use nor next is left over from a crash, and removed at the
start.
"""

import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from google_crc32c import value as crc32c

from stepraft.storage import files
from stepraft.storage.kv import ReadView, Row, StoreDamagedError, StoreError, Write
from stepraft.storage.leveldb import LevelDbStore

LAYOUT: Final = 1
"""The layout that this program makes and reads."""

_ACTIVE: Final = "active"
_LOCK: Final = "lock"
_MARK: Final = "mark"
_GONE: Final = ".gone"
_CRC_BYTES: Final = 4
_LEVEL_DB: Final = re.compile(r"\d{10}(\.gone)?")
_POINTER: Final = re.compile(r"(stepraft store (\d+): (\d{10})) \(([0-9a-f]{8})\)\n")

_open_to_fill: Final = partial(LevelDbStore, write_buffer_bytes=4 << 20)
"""A small buffer: a writer that is faster than the disk waits for one to be written, not long."""


class FolderStore:
    """A `ReplaceableStore` in one folder, which one process at a time may have open.

    `open_level_db` opens one LevelDB.
    Errors: StoreError when the folder is in use, damaged, of another layout, or cannot be made.
    """

    def __init__(
        self, folder: Path, open_level_db: Callable[[Path], LevelDbStore] = LevelDbStore
    ) -> None:
        self._folder = folder
        self._open_level_db = open_level_db
        self._staged: LevelDbStore | None = None
        self._lock: int | None = _hold(folder)
        try:
            self._number = self._read_pointer() or self._begin()
            self._active = self._open_active()
            self._sweep()
        except BaseException:
            self._let_go()
            raise

    # The store in use

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a row, or None when there is none.

        Errors: StoreError when what is read is damaged.
        """
        return self._active.get(key)

    def scan(
        self, prefix: bytes, *, start: bytes | None = None, reverse: bool = False
    ) -> Iterator[Row]:
        """Return the rows whose keys have `prefix`, as they are now.

        Errors: StoreError, from the iterator, when what is read is damaged.
        """
        return self._active.scan(prefix, start=start, reverse=reverse)

    def write(self, items: Iterable[Write]) -> None:
        """Write all items or none.

        Errors: StoreError.
        """
        self._active.write(items)

    def sync(self) -> None:
        """Return when all earlier writes survive a loss of power.

        Errors: StoreError.
        """
        self._active.sync()

    def snapshot(self) -> ReadView:
        """Return the rows as they are now."""
        return self._active.snapshot()

    def bytes_on_disk(self) -> int:
        """Return how much room the store takes, with the one that is being filled."""
        staged = self._staged
        return self._active.bytes_on_disk() + (0 if staged is None else staged.bytes_on_disk())

    def close(self) -> None:
        """End the use of the folder; closing it again does nothing."""
        self._active.close()
        if self._staged is not None:
            self._staged.close()
            self._staged = None
        self._let_go()

    # The store that is to take its place

    def stage(self) -> LevelDbStore:
        """Return a new, empty store to fill; one that was begun before is dropped.

        Errors: StoreError.
        """
        self.unstage()
        self._staged = _open_to_fill(self._path(self._number + 1))
        return self._staged

    def staged(self) -> tuple[LevelDbStore, bytes] | None:
        """Return the store that is being filled and its last mark, also when it was begun before a
        restart; None when there is none, it has no mark, or it is damaged.
        """
        path, mark = self._path(self._number + 1), self._read_mark()
        if mark is None or not path.exists():
            return None
        if self._staged is None:
            try:
                self._staged = _open_to_fill(path)
            except StoreError:
                return None  # It was never used, and a new one is as good.
        return self._staged, mark

    def mark(self, mark: bytes) -> None:
        """Make what was written to the staged store durable, then the note that it has come this
        far.

        Errors: StoreError.
        """
        assert self._staged is not None, "nothing is staged"
        self._staged.sync()
        self._replace_file(_MARK, crc32c(mark).to_bytes(_CRC_BYTES) + mark)

    def unstage(self) -> None:
        """Drop the store that is being filled, if there is one.

        Errors: StoreError.
        """
        if self._staged is not None:
            self._staged.close()
            self._staged = None
        path = self._path(self._number + 1)
        self._remove_mark()
        if path.exists():
            self._remove(path)

    def switch(self) -> None:
        """Put the staged store in this one's place: its rows reach the disk before its name does.

        Errors: StoreError.
        """
        assert self._staged is not None, "nothing is staged"
        self._staged.close()
        self._staged = None
        new = self._open_level_db(self._path(self._number + 1))
        new.sync()
        self._point_to(self._number + 1)
        old, self._active = self._active, new
        self._number += 1
        self._remove_mark()
        old.remove_when_unused()

    # The folder

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:010d}"

    def _begin(self) -> int:
        """Make the first LevelDB, then the file that names it: a crash in between leaves an empty
        one.
        """
        if (self._folder / "CURRENT").exists():
            raise StoreError(
                f"the store in {self._folder} has the layout of versions before the first release, "
                "which this program does not read"
            )
        first = self._path(1)
        if any(path != first for path in self._level_dbs()) or not self._is_empty(first):
            raise StoreDamagedError(
                f"the store in {self._folder} is damaged: its file active is missing"
            )
        self._point_to(1)
        return 1

    def _is_empty(self, path: Path) -> bool:
        """Whether a LevelDB has no rows; it is made if it is not there."""
        found = self._open_level_db(path)
        first = next(found.scan(b""), None)
        found.close()
        return first is None

    def _open_active(self) -> LevelDbStore:
        path = self._path(self._number)
        if not path.exists():
            raise StoreDamagedError(
                f"the store in {self._folder} is damaged: its folder {path.name} is missing"
            )
        return self._open_level_db(path)

    def _read_pointer(self) -> int | None:
        path = self._folder / _ACTIVE
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"cannot open the store in {self._folder}: {error}") from error
        found = _POINTER.fullmatch(content.decode(errors="replace"))
        if found is None or _checksum(found[1]) != found[4]:
            raise StoreDamagedError(
                f"the store in {self._folder} is damaged: its file active is no name"
            )
        if int(found[2]) != LAYOUT:
            raise StoreError(
                f"the store in {self._folder} has layout {found[2]}, and this program knows layout "
                f"{LAYOUT}: use the version of the program that wrote it, or a newer one"
            )
        return int(found[3])

    def _point_to(self, number: int) -> None:
        text = f"stepraft store {LAYOUT}: {number:010d}"
        self._replace_file(_ACTIVE, f"{text} ({_checksum(text)})\n".encode())

    def _replace_file(self, name: str, content: bytes) -> None:
        """Make a file hold `content`, durably, and the names that were there before."""
        try:
            files.sync_path(self._folder)
            files.replace_file(self._folder / name, content)
        except OSError as error:
            raise StoreError(f"cannot write to the store in {self._folder}: {error}") from error

    def _read_mark(self) -> bytes | None:
        """Return the mark of the staged store; None when there is none, or it is damaged."""
        try:
            content = (self._folder / _MARK).read_bytes()
        except OSError:
            return None
        checksum, mark = content[:_CRC_BYTES], content[_CRC_BYTES:]
        return mark if crc32c(mark).to_bytes(_CRC_BYTES) == checksum else None

    def _remove_mark(self) -> None:
        try:
            (self._folder / _MARK).unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"cannot write to the store in {self._folder}: {error}") from error

    def _sweep(self) -> None:
        """Remove what crashes have left over."""
        kept = {self._path(self._number)}
        if self._read_mark() is not None:
            kept.add(self._path(self._number + 1))
        for path in self._level_dbs():
            if path not in kept:
                self._remove(path)

    def _level_dbs(self) -> list[Path]:
        return [path for path in self._folder.iterdir() if _LEVEL_DB.fullmatch(path.name)]

    def _remove(self, path: Path) -> None:
        """Remove a folder; a crash on the way leaves nothing that could be taken for a store."""
        try:
            gone = path if path.suffix == _GONE else path.rename(path.with_suffix(_GONE))
            shutil.rmtree(gone)
        except OSError as error:
            raise StoreError(f"cannot remove {path}: {error}") from error

    def _let_go(self) -> None:
        if self._lock is not None:
            files.let_go(self._lock)
            self._lock = None


def _hold(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return files.hold(folder / _LOCK)
    except BlockingIOError as error:
        raise StoreError(f"the store in {folder} is in use: another process has it") from error
    except OSError as error:
        raise StoreError(f"cannot open the store in {folder}: {error}") from error


def _checksum(text: str) -> str:
    return f"{crc32c(text.encode()):08x}"
