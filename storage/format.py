"""Whose store it is, and in which format: written when it is made, checked when it is opened."""

from typing import Final

import msgspec

from stepraft.interpreter import features
from stepraft.storage import keys, queries
from stepraft.storage.kv import KeyValueStore, Readable, StoreDamagedError, StoreError, Write
from stepraft.storage.rows import FormatRow

VERSION: Final = 1
"""The format that this program writes. It grows when rows change so that an older program would
misread them.
"""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(FormatRow).decode
_decode_fields = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_decode_version = msgspec.msgpack.Decoder(int).decode


def claim(
    store: KeyValueStore,
    *,
    cluster_id: str,
    node_id: str,
    supported_level: int = features.SUPPORTED,
) -> None:
    """Make a new store this node's, or check that it is.

    Errors: StoreError when the store is of another node, another cluster, a newer format or a
    higher feature level, or is damaged.
    """
    value = store.get(keys.FORMAT)
    if value is None:
        _make(store, FormatRow(version=VERSION, cluster_id=cluster_id, node_id=node_id))
        return
    row = _read(value)
    _check("cluster", row.cluster_id, cluster_id)
    _check("node", row.node_id, node_id)
    refusal = features.refusal("the store", queries.feature_level(store), supported_level)
    if refusal is not None:
        raise StoreError(refusal)


def found_row(store: Readable) -> FormatRow:
    """Return whose a store is; of one that nobody has claimed, both names are "".

    Errors: StoreError.
    """
    value = store.get(keys.FORMAT)
    return FormatRow(version=VERSION, cluster_id="", node_id="") if value is None else _read(value)


def write_of(row: FormatRow) -> Write:
    """Return what makes a store the one that `row` says."""
    return keys.FORMAT, _encode(row)


def _make(store: KeyValueStore, row: FormatRow) -> None:
    if next(store.scan(b""), None) is not None:
        raise StoreDamagedError("the store is damaged: it has rows, but none that says whose it is")
    store.write([write_of(row)])
    store.sync()


def _read(value: bytes) -> FormatRow:
    try:
        version = _decode_version(_decode_fields(value)[0])
        if version > VERSION:
            raise StoreError(
                f"the store has format {version}, and this program knows formats up to {VERSION}: "
                "use the version of the program that wrote it, or a newer one"
            )
        return _decode(value)
    except (msgspec.MsgspecError, IndexError) as error:
        raise StoreDamagedError(
            "the store is damaged: the row that says whose it is cannot be read"
        ) from error


def _check(what: str, found: str, own: str) -> None:
    if found != own:
        raise StoreError(f"the store belongs to {what} {found!r}, and this is {what} {own!r}")
