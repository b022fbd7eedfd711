"""The replicated machine: applies the entries of the log to the store, each in one atomic write.

The position in the log is part of that write, so that a restart neither repeats nor skips an entry.
Replicas that have applied the same entries hold the same bytes and the same checksum.
"""

import zlib
from collections.abc import Callable
from threading import Lock
from typing import Final

from msgspec import Struct

from stepraft.storage import keys, restart
from stepraft.storage.appliers import apply_group
from stepraft.storage.batch import Batch
from stepraft.storage.entry import (
    EntryKind,
    Header,
    LeaderStarted,
    decode_groups,
    decode_header,
    decode_leader_started,
)
from stepraft.storage.keys import Family
from stepraft.storage.kv import KeyValueStore, Write
from stepraft.storage.rows import Position

_PREPARED_MAX: Final = 64
_HISTORY: Final = Family.HISTORY.value[0]
_DELETED: Final = b"\xff"
"""Stands for a deletion in the checksum: neither a record nor a document is this one byte."""


class FatalApplyError(Exception):
    """This program cannot apply a committed entry: the node must stop, because going on would let
    replicas diverge.

    Every replica that runs the same program fails at the same entry, and nothing of it is written.
    """


class Applied(Struct, frozen=True):
    """What applying one entry did.

    `epoch`, `number`: those that the entry carries; of an entry of Raft's own, the present epoch
    and 0. `stamp`: the highest HLC so far. `leader_started`: the record of an entry that began an
    epoch, else None. `dropped`: the entry was of a reign that is over, or behind a gap in its own,
    and had no effect. `histories`: the executions whose history grew.
    """

    index: int
    epoch: int
    number: int
    stamp: int
    leader_started: LeaderStarted | None = None
    dropped: bool = False
    histories: tuple[str, ...] = ()


class _Effect(Struct, frozen=True):
    """What an entry is to write, and the reign that it leaves behind."""

    applied: Applied
    epoch: int
    number: int
    writes: list[Write]


def _ignore(applied: Applied) -> None:
    """Observe nothing."""


class Machine:
    """The state of one partition on one node. `on_applied` is called after each entry, in the
    thread that applies.

    Errors: StoreError when the store cannot say how far it is.
    """

    def __init__(self, store: KeyValueStore) -> None:
        self.on_applied: Callable[[Applied], None] = _ignore
        self._store = store
        self._position = restart.restart_position(store)
        self._prepared: dict[tuple[int, int], Batch] = {}
        self._prepared_lock = Lock()

    # Where it stands; readable from any thread

    @property
    def position(self) -> Position:
        """How far the log is applied."""
        return self._position

    @property
    def applied_index(self) -> int:
        """The index of the last applied entry, 0 before the first."""
        return self._position.applied_index

    @property
    def epoch(self) -> int:
        """The log index of the entry that began the present reign, 0 before the first."""
        return self._position.epoch

    @property
    def stamp(self) -> int:
        """The highest HLC in any entry."""
        return self._position.stamp

    @property
    def checksum(self) -> int:
        """CRC-32 chained over all that was written: equal on replicas at the same applied index."""
        return self._position.checksum

    # What the leader has built already

    def prepare(self, epoch: int, number: int, batch: Batch) -> None:
        """Hand over what the entry will write, so that its proposer need not decode it. The batch
        must not change any more.

        It is taken for the entry of that epoch and number: a reign never uses a number for two
        entries.
        """
        with self._prepared_lock:
            self._prepared[epoch, number] = batch
            if len(self._prepared) > _PREPARED_MAX:
                del self._prepared[next(iter(self._prepared))]

    def discard_prepared(self) -> None:
        """Forget what was handed over; the entries that still come are decoded."""
        with self._prepared_lock:
            self._prepared.clear()

    # What the log drives; in one thread

    def apply(self, index: int, term: int, entry: bytes) -> None:
        """Apply one entry; b"" stands for an entry of Raft's own, which only advances the position.

        Errors: FatalApplyError, StoreError; the node must stop.
        """
        before = self._position
        if index != before.applied_index + 1:
            raise FatalApplyError(
                f"entry {index} (term {term}) follows entry {before.applied_index}"
            )
        effect = self._effect_of(index, entry)
        position = Position(
            applied_index=index,
            epoch=effect.epoch,
            number=effect.number,
            stamp=effect.applied.stamp,
            checksum=_chain(before.checksum, effect.writes),
        )
        self._store.write((*effect.writes, *restart.writes_of(position)))
        self._position = position
        self.on_applied(effect.applied)

    def sync(self) -> int:
        """Make all that is applied durable; return its index: the journal may be cut up to there.

        Errors: StoreError; the node must stop.
        """
        position = self._position
        restart.make_durable(self._store, position)
        return position.applied_index

    # What an entry is to write

    def _effect_of(self, index: int, entry: bytes) -> _Effect:
        """Errors: FatalApplyError, whatever goes wrong: it does so on each replica alike."""
        if not entry:
            return self._nothing(Applied(index, self.epoch, 0, self.stamp))
        try:
            header = decode_header(entry)
            match header.kind:
                case EntryKind.LEADER_STARTED:
                    return self._leader_started(index, header, entry)
                case EntryKind.GROUPS:
                    return self._groups(index, header, entry)
        except Exception as error:
            raise FatalApplyError(f"entry {index} cannot be applied: {error!r}") from error

    def _nothing(self, applied: Applied) -> _Effect:
        return _Effect(applied, self._position.epoch, self._position.number, [])

    def _leader_started(self, index: int, header: Header, entry: bytes) -> _Effect:
        record = decode_leader_started(entry)
        stamp = max(self.stamp, header.stamp)
        return _Effect(Applied(index, index, 0, stamp, record), index, 0, [])

    def _groups(self, index: int, header: Header, entry: bytes) -> _Effect:
        """An entry counts when it is the next one of the present reign: one behind a gap was
        decided on what never came.
        """
        position = self._position
        stamp = max(position.stamp, header.stamp)
        if (header.epoch, header.number) != (position.epoch, position.number + 1):
            return self._nothing(Applied(index, header.epoch, header.number, stamp, dropped=True))
        writes = self._batch_of(header, entry).encoded()
        histories = _histories(writes)
        applied = Applied(index, header.epoch, header.number, stamp, histories=histories)
        return _Effect(applied, header.epoch, header.number, writes)

    def _batch_of(self, header: Header, entry: bytes) -> Batch:
        with self._prepared_lock:
            prepared = self._prepared.pop((header.epoch, header.number), None)
        if prepared is not None:
            return prepared
        batch = Batch()
        for group in decode_groups(entry):
            apply_group(group, batch)
        return batch


def _chain(checksum: int, writes: list[Write]) -> int:
    for key, value in writes:
        checksum = zlib.crc32(_DELETED if value is None else value, zlib.crc32(key, checksum))
    return checksum


def _histories(writes: list[Write]) -> tuple[str, ...]:
    grown = (keys.execution_of_history(key) for key, _ in writes if key[0] == _HISTORY)
    return tuple(dict.fromkeys(grown))
