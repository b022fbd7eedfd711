"""The rows that only the store itself knows; those of the interpreter are in
`interpreter/contexts.py`.
"""

from typing import Final

from stepraft.interpreter.events import HistoryEvent
from stepraft.interpreter.records import Record
from stepraft.storage.snapshot import SnapshotHead

PRESENT: Final = b""
"""The value of a row whose key says it all."""


class HistoryRow(Record, frozen=True, kw_only=True):
    """One event of an execution's history; `at` is the HLC of the command that it followed."""

    at: int
    event: HistoryEvent


class Position(Record, frozen=True, kw_only=True):
    """How far the log is applied.

    `applied_index`: the last applied entry, 0 before the first. `epoch`: the index of the entry
    that began the present reign, 0 before the first. `number`: how many entries of that reign took
    effect. `stamp`: the highest HLC in any entry. `checksum`: CRC-32 chained over all that was
    written. `term`: that of the last applied entry.
    """

    applied_index: int = 0
    epoch: int = 0
    number: int = 0
    stamp: int = 0
    checksum: int = 0
    term: int = 0


class FormatRow(Record, frozen=True, kw_only=True):
    """The format of a store and whose it is: the first row that is written. `version` comes first
    in every format.
    """

    version: int
    cluster_id: str
    node_id: str


class SnapshotRow(Record, frozen=True, kw_only=True):
    """The snapshot that a store began as."""

    head: SnapshotHead
