"""Where to go on after a restart: at the last entry written, or, if the machine lost power, perhaps
before it.

Writes are not synced one by one: the Raft journal has the entries. A loss of power may therefore
take writes back, and not always the newest: LevelDB writes to one log file after another, and the
system brings them to the disk in any order. So each entry leaves a row of its own, its *trail*, in
the same atomic write. If all of them are there since the last synced position, nothing is missing.
Else the entries since then are applied again: events carry after-images, so that writing them again
in order gives the same rows.

The synced position moves on by a sync, at which the journal may be cut.

A store that begins as a snapshot has no trail: SYNCED is its POSITION, and all of it was synced
before it became the store. From there on it is like any other; it never falls back behind the
snapshot, whose entries the journal need not have.
"""

import msgspec

from stepraft.storage import keys
from stepraft.storage.kv import KeyValueStore, Readable, StoreDamagedError, Write
from stepraft.storage.rows import PRESENT, Position

_encode = msgspec.msgpack.Encoder().encode
_decode_position = msgspec.msgpack.Decoder(Position).decode


def writes_of(position: Position) -> tuple[Write, Write]:
    """Return what is written with the entry that leads to `position`: the position, and the entry's
    trail.
    """
    return (keys.POSITION, _encode(position)), (keys.trail(position.applied_index), PRESENT)


def restart_position(store: KeyValueStore) -> Position:
    """Return the position to apply from; writes are taken as lost back to the synced position if
    any of them is.

    Errors: StoreError.
    """
    written, synced = written_position(store), _read(store, keys.SYNCED)
    trail = _trail_behind(synced, store)
    whole = range(synced.applied_index + 1, written.applied_index + 1)
    if trail == [keys.trail(index) for index in whole]:
        return written
    store.write([(keys.POSITION, _encode(synced)), *((key, None) for key in trail)])
    store.sync()
    return synced


def written_position(store: Readable) -> Position:
    """Return the position that the rows of a store, or of a snapshot of it, are at.

    Errors: StoreError.
    """
    return _read(store, keys.POSITION)


def make_durable(store: KeyValueStore, position: Position) -> None:
    """Return when all writes up to `position` are durable, and a restart cannot fall back behind
    it.

    Two syncs, in this order: the synced position must not be read by a restart that misses what
    came before it. The trail stays until then, and is `OldTrail`'s afterwards.

    Errors: StoreError.
    """
    store.sync()
    store.write([(keys.SYNCED, _encode(position))])
    store.sync()


class OldTrail:
    """The trail up to the synced position, which is of no use any more. It goes with the entries
    that follow, two rows with each: a sync holds up the log, and hundreds of thousands of entries
    may lie between two of them.
    """

    def __init__(self, store: Readable) -> None:
        self._last = _read(store, keys.SYNCED).applied_index
        first = next(store.scan(keys.TRAIL), None)
        self._next = self._last + 1 if first is None else keys.index_of_trail(first[0])

    def synced(self, index: int) -> None:
        """Note that the store is durable up to `index`."""
        self._last = index

    def next_writes(self) -> list[Write]:
        """Return what is to be written with the next entry."""
        first, self._next = self._next, max(self._next, min(self._next + 2, self._last + 1))
        return [(keys.trail(index), None) for index in range(first, self._next)]


def _trail_behind(synced: Position, store: Readable) -> list[bytes]:
    """Return the keys of the trail behind the synced position."""
    start = keys.trail(synced.applied_index + 1)
    return [key for key, _ in store.scan(keys.TRAIL, start=start)]


def _read(store: Readable, key: bytes) -> Position:
    """Return the position in a row; a store without it is at its beginning."""
    value = store.get(key)
    if value is None:
        return Position()
    try:
        return _decode_position(value)
    except msgspec.MsgspecError as error:
        raise StoreDamagedError(
            f"the store is damaged: its row {key!r} holds no position"
        ) from error
