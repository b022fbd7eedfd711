"""A node of the product whose disk and clock a run can make worse; see worse.py.

    python -m tests.chaos.node CONTROLS --config FILE

What is replaced: `os.pwrite`, `os.fsync` and `os.fdatasync`, by which the journal and the vote are
written and the store is synced, and `time.time`. All before the product is imported.
"""

import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.chaos.worse import Dials, Ledger


def tamper(controls: Path) -> None:
    """Replace what reaches the disk and the clock."""
    dials, ledger = Dials(controls), Ledger(controls)
    _replace_clock(dials)
    _replace_files(dials, ledger)


def _replace_clock(dials: Dials) -> None:
    read_s = time.time
    time.time = lambda: read_s() + dials.clock_ms / 1000


def _replace_files(dials: Dials, ledger: Ledger) -> None:
    write = os.pwrite

    def pwrite(descriptor: int, data: bytes, offset: int) -> int:
        ledger.written(_path_of(descriptor), offset, len(data))
        return write(descriptor, data, offset)

    def slowly(sync: Callable[[int], None]) -> Callable[[int], None]:
        def wait_and_sync(descriptor: int) -> None:
            if dials.sync_us:
                time.sleep(dials.sync_us / 1e6)
            size = os.fstat(descriptor).st_size
            sync(descriptor)
            ledger.synced(_path_of(descriptor), size)

        return wait_and_sync

    replaced: Any = os
    replaced.pwrite = pwrite
    replaced.fsync = slowly(os.fsync)
    replaced.fdatasync = slowly(os.fdatasync)


def _path_of(descriptor: int) -> str:
    return str(Path(f"/proc/self/fd/{descriptor}").readlink())


def main() -> int:
    """Run a node until it is asked to stop."""
    tamper(Path(sys.argv[1]))
    server = import_module("stepraft.server.__main__")
    return int(server.main(sys.argv[2:]))


if __name__ == "__main__":
    sys.exit(main())
