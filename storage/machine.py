"""The replicated machine: applies the entries of the log to the store, each in one atomic write.

The position in the log is part of that write, so that a restart neither repeats nor skips an entry.
Replicas that have applied the same entries hold the same bytes and the same checksum.

The whole state can be given away as a snapshot, replaced by one, or forgotten. The store that holds
it stays the same object throughout.
"""

import zlib
from collections.abc import Callable
from threading import Lock
from typing import Final

from msgspec import Struct, structs

from stepraft.interpreter import features
from stepraft.interpreter.contexts import FeatureLevel
from stepraft.storage import keys, queries, restart
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
from stepraft.storage.format import VERSION, found_row
from stepraft.storage.incoming import StoreTarget, drop_overtaken, installed_index
from stepraft.storage.keys import Family
from stepraft.storage.kv import ReplaceableStore, Write
from stepraft.storage.newer import NewerError
from stepraft.storage.outgoing import StoreSource
from stepraft.storage.recent import RecentChecksums
from stepraft.storage.rows import Position
from stepraft.storage.snapshot import SnapshotError, SnapshotHead

_PREPARED_MAX: Final = 64
_HISTORY: Final = Family.HISTORY.value[0]
_DELETED: Final = b"\xff"
"""Stands for a deletion in the checksum: neither a record nor a document is this one byte."""
_KEPT: Final = (keys.FORMAT, keys.MEMBERS, keys.FEATURE_LEVEL)
"""The rows that a node needs to take part in its group, and keeps when it forgets its state."""


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


def _ignore_replacement() -> None:
    """Observe nothing."""


class Machine:
    """The state of one partition on one node. `on_applied` is called after each entry, in the
    thread that applies; `on_replaced` there, when a snapshot or nothing has taken the place of the
    state. `supported_level`: the highest feature level that this program supports.

    Errors: StoreError when the store cannot say how far it is.
    """

    def __init__(self, store: ReplaceableStore, supported_level: int = features.SUPPORTED) -> None:
        self.on_applied: Callable[[Applied], None] = _ignore
        self.on_replaced: Callable[[], None] = _ignore_replacement
        self.supported_level = supported_level
        self._store = store
        self._prepared: dict[tuple[int, int], Batch] = {}
        self._prepared_lock = Lock()
        self._target: StoreTarget | None = None
        self._load()

    def _load(self) -> None:
        """Take up what the store holds."""
        self._position = position = restart.restart_position(self._store)
        self._membership = self._store.get(keys.MEMBERS) or b""
        self._installed_index = installed_index(self._store)
        self._recent = RecentChecksums(position.applied_index, position.checksum)
        self._old_trail = restart.OldTrail(self._store)

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
    def applied_term(self) -> int:
        """The term of the last applied entry, 0 before the first."""
        return self._position.term

    @property
    def installed_index(self) -> int:
        """The index of the snapshot that this state began as, 0 for one that began empty."""
        return self._installed_index

    @property
    def membership(self) -> bytes:
        """Who the members are, as the log last named them, encoded; b"" before it has. It outlives
        `abandon`.
        """
        return self._membership

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

    @property
    def feature_level(self) -> int:
        """The feature level of the cluster, as far as the log is applied."""
        return queries.feature_level(self._store)

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
        self._refuse_gap(index, term)
        self._advance(term, self._effect_of(index, entry))

    def apply_membership(self, index: int, term: int, data: bytes) -> None:
        """Apply an entry that names the members: keep them, so that snapshots have them.

        Errors: FatalApplyError, StoreError; the node must stop.
        """
        self._refuse_gap(index, term)
        nothing = self._nothing(Applied(index, self.epoch, 0, self.stamp))
        self._advance(term, structs.replace(nothing, writes=[(keys.MEMBERS, data)]))
        self._membership = data

    def sync(self) -> int:
        """Make all that is applied durable; return its index: the journal may be cut up to there.

        Errors: StoreError; the node must stop.
        """
        position = self._position
        restart.make_durable(self._store, position)
        self._old_trail.synced(position.applied_index)
        if self._target is None:
            drop_overtaken(self._store, position.applied_index)
        return position.applied_index

    def checksum_at(self, index: int) -> int | None:
        """Return the checksum as it was at `index`: known for the last entries of this life."""
        return self._recent.at(index)

    def _refuse_gap(self, index: int, term: int) -> None:
        if index != self.applied_index + 1:
            raise FatalApplyError(f"entry {index} (term {term}) follows entry {self.applied_index}")

    def _advance(self, term: int, effect: _Effect) -> None:
        position = Position(
            applied_index=effect.applied.index,
            epoch=effect.epoch,
            number=effect.number,
            stamp=effect.applied.stamp,
            checksum=_chain(self.checksum, effect.writes),
            term=term,
        )
        trail = self._old_trail.next_writes()
        self._store.write((*effect.writes, *restart.writes_of(position), *trail))
        self._position = position
        self._recent.append(position.checksum)
        self.on_applied(effect.applied)

    # The state as a whole

    def open_snapshot(self) -> StoreSource:
        """Return all that is applied by now, in any thread; the caller closes it.

        Errors: StoreError.
        """
        return StoreSource(self._store.snapshot())

    def begin_install(self, head: SnapshotHead) -> StoreTarget:
        """Begin to take a snapshot in, or go on with it if one of the same head was begun, also
        before a restart. One of another head that was begun is dropped.

        Errors: SnapshotError when it is not to be installed; StoreError.
        """
        self._refuse_head(head)
        target = self._target
        if target is None or target.is_over or target.head != head:
            self._drop_target()
            target = StoreTarget(self._store, head, self._refuse_head, self._replaced)
            self._target = target
        return target

    def abandon(self) -> None:
        """Forget the state, durably: it is wrong. What is left is a new store of the same node,
        which knows the members.

        Errors: StoreError; the node must stop.
        """
        self._drop_target()
        staged = self._store.stage()
        staged.write([(key, value) for key in _KEPT if (value := self._store.get(key)) is not None])
        self._store.switch()
        self._replaced()

    def _drop_target(self) -> None:
        if self._target is not None:
            self._target.discard()
            self._target = None

    def _replaced(self) -> None:
        self._target = None
        self.discard_prepared()
        self._load()
        self.on_replaced()

    def _refuse_head(self, head: SnapshotHead) -> None:
        own = found_row(self._store).cluster_id
        if head.cluster_id != own:
            raise SnapshotError(
                f"the snapshot is of cluster {head.cluster_id!r}, and this is cluster {own!r}"
            )
        if head.format_version > VERSION:
            raise SnapshotError(
                f"the snapshot has format {head.format_version}, and this program knows formats up "
                f"to {VERSION}: use the version of the program that wrote it, or a newer one"
            )
        refusal = features.refusal("the snapshot", head.feature_level, self.supported_level)
        if refusal is not None:
            raise SnapshotError(refusal)
        if head.index <= self.applied_index:
            raise SnapshotError(
                f"the snapshot is at entry {head.index}, and this node at {self.applied_index}"
            )

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
        except NewerError as error:
            raise FatalApplyError(f"entry {index} {error}") from error
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
        batch = self._batch_of(header, entry)
        self._check_level(batch)
        writes = batch.encoded()
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

    def _check_level(self, batch: Batch) -> None:
        row = batch.values.get(keys.FEATURE_LEVEL)
        if isinstance(row, FeatureLevel) and row.level > self.supported_level:
            raise NewerError(
                f"raises the feature level to {row.level}, and this program supports levels up to "
                f"{self.supported_level}: use the version of the program that the other nodes run"
            )


def _chain(checksum: int, writes: list[Write]) -> int:
    for key, value in writes:
        checksum = zlib.crc32(_DELETED if value is None else value, zlib.crc32(key, checksum))
    return checksum


def _histories(writes: list[Write]) -> tuple[str, ...]:
    grown = (keys.execution_of_history(key) for key, _ in writes if key[0] == _HISTORY)
    return tuple(dict.fromkeys(grown))
