"""Applies the log of a node to an empty store: imported here, and a script for other releases.

replaying.py FOLDER    prints the index and the checksum that the log leads to
"""

import sys
from pathlib import Path
from typing import Final

from stepraft.server.raft import kinds
from stepraft.server.raft.disk import Folder
from stepraft.server.raft.journal import Journal
from stepraft.server.raft.vote import Identity
from stepraft.storage.machine import Machine
from stepraft.storage.memory import MemoryStore

IDENTITY: Final = Identity(cluster_id="local", node_id="n1")
_SEGMENT_BYTES: Final = 32 << 20
_ALL: Final = 1 << 30


def entries(journal_folder: Path) -> list[tuple[int, bytes]]:
    """Return all entries of a journal that was never compacted: term, and kind with data."""
    disk = Folder(journal_folder, fsync=False)
    journal = Journal(disk, IDENTITY, segment_bytes=_SEGMENT_BYTES, tail_bytes=_SEGMENT_BYTES)
    try:
        return journal.entries(1, _ALL, _ALL)
    finally:
        journal.close()


def replayed(journal_folder: Path, store: MemoryStore) -> Machine:
    """Apply all entries of a journal to an empty store."""
    machine = Machine(store)
    for index, (term, data) in enumerate(entries(journal_folder), 1):
        if data[:1] == kinds.MEMBERSHIP:
            machine.apply_membership(index, term, data[1:])
        else:
            machine.apply(index, term, data[1:])
    return machine


def main() -> None:
    """Print where the log in the folder of the command line leads to."""
    machine = replayed(Path(sys.argv[1]), MemoryStore())
    print(machine.applied_index, machine.checksum)


if __name__ == "__main__":
    main()
