"""pysyncobj, the consensus library underneath: the one file that imports it.

The corrections replace private methods of one known version, so any other source is refused: what a
later version means by the same names, nobody has checked. Errors at import: ImportError.
"""

import hashlib
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pysyncobj.syncobj as syncobj
from pysyncobj.config import SyncObjConf
from pysyncobj.node import Node
from pysyncobj.transport import Transport as LibraryTransportBase
from pysyncobj.version import VERSION

EXPECTED_VERSION: Final = "0.3.17"
EXPECTED_SHA256: Final = "e8bdf06797085d734df86e24ab4802fe87893dff77268565ec036f7ad4a1cfe4"

__all__ = ["LibraryTransportBase", "Node", "SyncObj", "SyncObjConf", "chance", "now", "syncobj"]

SyncObj: Any = syncobj.SyncObj


def check(version: str, source: bytes) -> None:
    """Refuse what is not the audited source. Errors: ImportError."""
    if version != EXPECTED_VERSION:
        raise ImportError(f"pysyncobj {version} is installed, this server needs {EXPECTED_VERSION}")
    found = hashlib.sha256(source).hexdigest()
    if found != EXPECTED_SHA256:
        raise ImportError(
            f"pysyncobj {version}: syncobj.py has SHA-256 {found}, "
            f"the audited file {EXPECTED_SHA256}"
        )


def _source_of(module: ModuleType) -> bytes:
    assert module.__file__ is not None, "a module without a file cannot be checked"
    return Path(module.__file__).read_bytes()


def now() -> float:
    """The library's clock in seconds: monotonic, of no meaning outside this process."""
    return float(syncobj.monotonicTime())


def chance() -> float:
    """A random number from 0 to 1, of the library's generator."""
    return float(syncobj.random.random())


check(VERSION, _source_of(syncobj))
