"""Changes a store behind its node's back."""

from pathlib import Path

import msgspec
from msgspec import structs

from stepraft.storage import keys
from stepraft.storage.folders import FolderStore
from stepraft.storage.keys import Family
from stepraft.storage.kv import Write
from stepraft.storage.restart import written_position


def spoil(folder: Path) -> None:
    """Drop an execution from the lists, as if an entry had been applied otherwise: the checksum
    over all that was written differs, too.
    """
    store = FolderStore(folder)
    try:
        position = written_position(store)
        wrong = structs.replace(position, checksum=position.checksum ^ 1)
        writes: list[Write] = [(keys.POSITION, msgspec.msgpack.encode(wrong))]
        listed = next(store.scan(Family.BY_WORKFLOW.value), None)
        if listed is not None:
            writes.append((listed[0], None))
        store.write(writes)
        store.sync()
    finally:
        store.close()
