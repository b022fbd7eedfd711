"""The format row: whose store it is, and which programs may open it."""

import msgspec
import pytest

from stepraft.interpreter.contexts import FeatureLevel
from stepraft.storage import keys
from stepraft.storage.format import VERSION, claim
from stepraft.storage.kv import KeyValueStore, StoreError
from stepraft.storage.memory import MemoryStore


def test_a_new_store_becomes_its_nodes_and_is_opened_by_it_again(store: KeyValueStore) -> None:
    claim(store, cluster_id="blue", node_id="one")
    claim(store, cluster_id="blue", node_id="one")

    row = msgspec.msgpack.encode([VERSION, "blue", "one"])
    assert list(store.scan(b"")) == [(keys.FORMAT, row)]


@pytest.mark.parametrize(
    ("row", "text"),
    [
        pytest.param(
            msgspec.msgpack.encode([VERSION, "blue", "two"]),
            "the store belongs to node 'two', and this is node 'one'",
            id="another node",
        ),
        pytest.param(
            msgspec.msgpack.encode([VERSION, "red", "one"]),
            "the store belongs to cluster 'red', and this is cluster 'blue'",
            id="another cluster",
        ),
        pytest.param(
            msgspec.msgpack.encode([VERSION + 1, {"laid out": "otherwise"}]),
            f"the store has format {VERSION + 1}, and this program knows formats up to "
            f"{VERSION}: use the version of the program that wrote it, or a newer one",
            id="a newer format",
        ),
        pytest.param(
            b"\xc1",
            "the store is damaged: the row that says whose it is cannot be read",
            id="no MessagePack",
        ),
        pytest.param(
            msgspec.msgpack.encode([]),
            "the store is damaged: the row that says whose it is cannot be read",
            id="an empty row",
        ),
        pytest.param(
            msgspec.msgpack.encode([VERSION, "blue"]),
            "the store is damaged: the row that says whose it is cannot be read",
            id="a short row",
        ),
    ],
)
def test_a_store_that_is_not_this_nodes_is_refused(row: bytes, text: str) -> None:
    store = MemoryStore()
    store.write([(keys.FORMAT, row)])

    with pytest.raises(StoreError) as caught:
        claim(store, cluster_id="blue", node_id="one")

    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("level", "supported", "text"),
    [
        pytest.param(None, 1, None, id="never raised"),
        pytest.param(2, 2, None, id="as high as this program"),
        pytest.param(2, 3, None, id="lower than this program"),
        pytest.param(
            3,
            2,
            "the store is at feature level 3, and this program supports levels up to 2: use the "
            "version of the program that wrote it, or a newer one",
            id="higher than this program",
        ),
    ],
)
def test_a_store_is_opened_by_programs_that_support_its_feature_level(
    level: int | None, supported: int, text: str | None
) -> None:
    store = MemoryStore()
    claim(store, cluster_id="blue", node_id="one")
    if level is not None:
        store.write([(keys.FEATURE_LEVEL, msgspec.msgpack.encode(FeatureLevel(level=level)))])

    try:
        claim(store, cluster_id="blue", node_id="one", supported_level=supported)
        refused = None
    except StoreError as error:
        refused = str(error)

    assert refused == text


def test_rows_without_an_owner_are_refused() -> None:
    store = MemoryStore()
    store.write([(keys.POSITION, b"\x90")])

    with pytest.raises(StoreError, match="has rows, but none that says whose it is"):
        claim(store, cluster_id="blue", node_id="one")
