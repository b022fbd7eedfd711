"""The few things that the journal asks of a file system, so that a simulation can be one.

Whatever `create`, `remove` and `sync` returned from survives a power cut. An error of the system is
raised as it comes (OSError): after it nobody can say what is on the disk, and the node has to stop.
"""

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Protocol

from stepraft.server.raft.contract import StartError

_TEMPORARY = ".new"


class DiskFile(Protocol):
    """One open file of a disk; offsets and lengths in bytes."""

    def write(self, offset: int, data: bytes) -> None:
        """Write all of `data`; durable after `sync` only."""

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes; fewer where the file ends."""

    def cut(self, offset: int, size: int) -> None:
        """Fill the file with zeros from `offset` on, at least up to `size`; durable on return."""

    def sync(self) -> None:
        """Make every earlier write durable."""

    def close(self) -> None:
        """Let the file go."""


class Disk(Protocol):
    """One folder of files."""

    def names(self) -> list[str]:
        """The files, in the order of their names."""

    def read(self, name: str) -> bytes:
        """The whole file."""

    def create(self, name: str, content: bytes, size: int) -> None:
        """Make or replace the file as a whole: `content`, then zeros up to `size` bytes."""

    def open(self, name: str) -> DiskFile:
        """Open a file that exists."""

    def remove(self, name: str) -> None:
        """Remove the file."""

    def free_bytes(self) -> int:
        """How much more may be written."""

    def close(self) -> None:
        """Let the folder go."""


class Folder:
    """A real folder, held by one process at a time.

    `fsync=False` skips every wait for the device. Errors: StartError when another process holds it.
    """

    def __init__(self, path: Path, *, fsync: bool) -> None:
        self._path = path
        self._fsync = fsync
        path.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise StartError(f"{path}: another process uses this folder") from None
        for leftover in path.glob(f"*{_TEMPORARY}"):
            leftover.unlink()

    def names(self) -> list[str]:
        return sorted(entry.name for entry in self._path.iterdir() if entry.name != "lock")

    def read(self, name: str) -> bytes:
        return (self._path / name).read_bytes()

    def create(self, name: str, content: bytes, size: int) -> None:
        temporary = self._path / (name + _TEMPORARY)
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            _write_all(descriptor, 0, content)
            _reserve(descriptor, size)
            if self._fsync:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.rename(self._path / name)
        self._sync_names()

    def open(self, name: str) -> DiskFile:
        return _File(os.open(self._path / name, os.O_RDWR | os.O_CLOEXEC), fsync=self._fsync)

    def remove(self, name: str) -> None:
        (self._path / name).unlink()
        self._sync_names()

    def free_bytes(self) -> int:
        found = os.statvfs(self._path)
        return found.f_bavail * found.f_frsize

    def close(self) -> None:
        os.close(self._lock)

    def _sync_names(self) -> None:
        if not self._fsync:
            return
        descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class _File:
    """A file of a `Folder`."""

    def __init__(self, descriptor: int, *, fsync: bool) -> None:
        self._descriptor = descriptor
        self._fsync = fsync

    def write(self, offset: int, data: bytes) -> None:
        _write_all(self._descriptor, offset, data)

    def read(self, offset: int, length: int) -> bytes:
        return os.pread(self._descriptor, length, offset)

    def cut(self, offset: int, size: int) -> None:
        os.ftruncate(self._descriptor, offset)
        _reserve(self._descriptor, size)
        if self._fsync:
            os.fsync(self._descriptor)

    def sync(self) -> None:
        # fdatasync syncs the size, too, where a write changed it.
        if self._fsync:
            os.fdatasync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


def _write_all(descriptor: int, offset: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        offset += written
        rest = rest[written:]


def _reserve(descriptor: int, size: int) -> None:
    """Take the space now: a full disk shows when a segment is made, not in the middle of it."""
    if size > os.fstat(descriptor).st_size:
        # Some file systems cannot reserve: there the space is taken by the writes themselves.
        with contextlib.suppress(OSError):
            os.posix_fallocate(descriptor, 0, size)
