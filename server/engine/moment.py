"""The state of one moment, for a backup."""

from typing import NamedTuple

from stepraft.storage.snapshot import SnapshotSource


class Moment(NamedTuple):
    """The rows of one moment. `stamp`: the HLC of what happened last in it."""

    source: SnapshotSource
    stamp: int
