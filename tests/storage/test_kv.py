"""Stores: both kinds behave as a sorted dict does, and so alike."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, precondition, rule

from stepraft.storage.kv import KeyValueStore, ReadView, Write, key_range
from stepraft.storage.leveldb import LevelDbStore
from stepraft.storage.memory import MemoryStore

short_keys = st.lists(st.sampled_from([b"\0", b"/", b"a", b"\xfe", b"\xff"]), max_size=4).map(
    b"".join
)
values = st.binary(max_size=3)
writes = st.lists(st.tuples(short_keys, st.none() | values), max_size=8)


@given(short_keys, short_keys, st.none() | short_keys, st.booleans())
def test_a_scans_bounds_hold_the_keys_that_it_is_to_give(
    key: bytes, prefix: bytes, start: bytes | None, reverse: bool
) -> None:
    low, high = key_range(prefix, start, reverse=reverse)

    is_inside = low <= key and (high is None or key < high)

    is_behind_start = start is None or (key <= start if reverse else key >= start)
    assert is_inside == (key.startswith(prefix) and is_behind_start)


Snapshots = tuple[ReadView, ReadView, dict[bytes, bytes]]


class StoresAreSortedDicts(RuleBasedStateMachine):
    """Runs the same operations on both stores and on a dict."""

    snapshots = Bundle("snapshots")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.memory = MemoryStore()
        # So small a buffer that rows wander through LevelDB's files.
        self.disk = LevelDbStore(self.folder / "store", write_buffer_bytes=1)
        self.model: dict[bytes, bytes] = {}
        self.open_snapshots = 0

    @rule(items=writes)
    def write(self, items: list[Write]) -> None:
        self.memory.write(items)
        self.disk.write(items)
        for key, value in items:
            if value is None:
                self.model.pop(key, None)
            else:
                self.model[key] = value

    @rule(key=short_keys)
    def get(self, key: bytes) -> None:
        expected = self.model.get(key)
        assert (self.memory.get(key), self.disk.get(key)) == (expected, expected)

    @rule(prefix=short_keys, start=st.none() | short_keys, reverse=st.booleans())
    def scan(self, prefix: bytes, start: bytes | None, reverse: bool) -> None:
        expected = _scanned(self.model, prefix, start, reverse)
        assert list(self.memory.scan(prefix, start=start, reverse=reverse)) == expected
        assert list(self.disk.scan(prefix, start=start, reverse=reverse)) == expected

    @rule(items=writes)
    def write_during_a_scan(self, items: list[Write]) -> None:
        expected = _scanned(self.model, b"", None, False)
        scans = self.memory.scan(b""), self.disk.scan(b"")
        self.write(items)
        assert [list(scan) for scan in scans] == [expected, expected]

    @rule(target=snapshots)
    def snapshot(self) -> Snapshots:
        self.open_snapshots += 1
        return self.memory.snapshot(), self.disk.snapshot(), dict(self.model)

    @rule(snapshots=consumes(snapshots), prefix=short_keys, reverse=st.booleans())
    def read_snapshots(self, snapshots: Snapshots, prefix: bytes, reverse: bool) -> None:
        self.open_snapshots -= 1
        memory, disk, model = snapshots
        for view in (memory, disk):
            with view:
                assert list(view.scan(prefix, reverse=reverse)) == _scanned(
                    model, prefix, None, reverse
                )
                assert {key: view.get(key) for key in model} == model

    @precondition(lambda self: self.open_snapshots == 0)
    @rule()
    def open_again(self) -> None:
        self.disk.sync()
        self.disk.close()
        self.disk = LevelDbStore(self.folder / "store", write_buffer_bytes=1)

    def teardown(self) -> None:
        self.disk.close()
        shutil.rmtree(self.folder)


def _scanned(
    model: dict[bytes, bytes], prefix: bytes, start: bytes | None, reverse: bool
) -> list[tuple[bytes, bytes]]:
    return [
        (key, value)
        for key, value in sorted(model.items(), reverse=reverse)
        if key.startswith(prefix) and (start is None or (key <= start if reverse else key >= start))
    ]


StoresAreSortedDicts.TestCase.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None
)
TestStoresAreSortedDicts = StoresAreSortedDicts.TestCase


def test_later_items_of_a_write_are_over_earlier_ones(store: KeyValueStore) -> None:
    store.write([(b"a", b"1"), (b"a", None), (b"b", None), (b"b", b"2")])

    assert list(store.scan(b"")) == [(b"b", b"2")]


def test_a_write_that_fails_half_way_writes_nothing(store: KeyValueStore) -> None:
    def items() -> Iterator[Write]:
        yield b"a", b"1"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.write(items())

    assert list(store.scan(b"")) == []


def test_an_empty_value_is_a_row(store: KeyValueStore) -> None:
    store.write([(b"a", b"")])

    assert (store.get(b"a"), store.get(b"b")) == (b"", None)
