"""Keeps what this program writes, for later programs to be tried on:

    python -m tests.upgrade

A level that is released is never written again.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from stepraft.interpreter.features import RELEASED, SUPPORTED
from tests.upgrade.kept import data_of, folder_of, keep_recording, keep_shapes
from tests.upgrade.recording import record
from tests.upgrade.shapes import shapes


def main() -> int:
    """Write the files of this program's level; return the exit code."""
    if SUPPORTED <= RELEASED:
        print(
            f"level {SUPPORTED} is released, and stays as it was kept: what is new belongs to "
            f"level {SUPPORTED + 1} (docs/upgrades.md)",
            file=sys.stderr,
        )
        return 1
    folder_of(SUPPORTED).mkdir(parents=True, exist_ok=True)
    keep_shapes(SUPPORTED, shapes())
    with TemporaryDirectory() as folder:
        keep_recording(SUPPORTED, record(Path(folder), data_of(SUPPORTED)))
    print(f"level {SUPPORTED} is kept in {folder_of(SUPPORTED)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
