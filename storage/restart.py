"""Where to go on after a restart: at the last entry written, or, if the machine lost power, perhaps
before it.

Writes are not synced one by one: the Raft journal has the entries. A loss of power may therefore
take writes back, and not always the newest: LevelDB writes to one log file after another, and the
system brings them to the disk in any order. So each entry leaves a row of its own, its *trail*, in
the same atomic write. If all of them are there since the last synced position, nothing is missing.
Else the entries since then are applied again: events carry after-images, so that writing them again
in order gives the same rows.
"""

import msgspec

from stepraft.storage import keys
from stepraft.storage.kv import KeyValueStore, Readable, StoreError, Write
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
    written, synced = _read(store, keys.POSITION), _read(store, keys.SYNCED)
    trail = _trail_behind(synced, store)
    whole = range(synced.applied_index + 1, written.applied_index + 1)
    if trail == [keys.trail(index) for index in whole]:
        return written
    store.write([(keys.POSITION, _encode(synced)), *((key, None) for key in trail)])
    store.sync()
    return synced


def make_durable(store: KeyValueStore, position: Position) -> None:
    """Return when all writes up to `position` are durable, and a restart cannot fall back behind
    it.

    Two syncs, in this order: the synced position must not be read by a restart that misses what
    came before it.

    Errors: StoreError.
    """
    store.sync()
    last = keys.trail(position.applied_index)
    trail = _trail_behind(_read(store, keys.SYNCED), store)
    store.write([(keys.SYNCED, _encode(position)), *((key, None) for key in trail if key <= last)])
    store.sync()


def _trail_behind(synced: Position, store: Readable) -> list[bytes]:
    """Return the keys of the trail; there is none up to the synced position."""
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
        raise StoreError(f"the store is damaged: its row {key!r} holds no position") from error
