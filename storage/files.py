"""What a store asks of the file system beyond pathlib: files that survive a loss of power, and
folders that one process holds.
"""

import fcntl
import os
from pathlib import Path
from typing import Final

_NEW: Final = ".new"


def sync_path(path: Path) -> None:
    """Return when a file's bytes, or a folder's names, survive a loss of power. What is gone needs
    no sync.

    Errors: OSError.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, content: bytes) -> None:
    """Make `path` hold `content`, durably: a loss of power leaves the old content or the new.

    Errors: OSError.
    """
    new = path.with_name(path.name + _NEW)
    new.write_bytes(content)
    sync_path(new)
    new.rename(path)
    sync_path(path.parent)


def hold(path: Path) -> int:
    """Take the lock that is the file `path`, and return its descriptor: closing it lets it go.

    Errors: BlockingIOError when another holds it; OSError.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def let_go(descriptor: int) -> None:
    """Let the lock go that `hold` has taken."""
    os.close(descriptor)
