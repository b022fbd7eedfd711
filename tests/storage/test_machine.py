"""The machine: same log, same bytes; each entry once; the reign that is over has no say."""

import tempfile
from functools import partial
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepraft.interpreter.events import ClusterSecretCreated, TimerFired
from stepraft.storage import appliers, keys, queries
from stepraft.storage.batch import Batch
from stepraft.storage.entry import (
    EntryKind,
    Group,
    LeaderStarted,
    decode_groups,
    decode_header,
    encode_groups,
    encode_leader_started,
)
from stepraft.storage.folders import FolderStore
from stepraft.storage.kv import KeyValueStore, Row
from stepraft.storage.leveldb import LevelDbStore
from stepraft.storage.machine import Applied, FatalApplyError, Machine
from stepraft.storage.memory import MemoryStore
from stepraft.storage.rows import Position

Logs = st.SearchStrategy[list[bytes]]

_LEADER = LeaderStarted(node_id="one", term=1, nonce=b"nonce")


def _run(machine: Machine, log: list[bytes]) -> None:
    for index in range(machine.applied_index + 1, len(log) + 1):
        machine.apply(index, 1, log[index - 1])


def _rows(store: KeyValueStore) -> list[Row]:
    return list(queries.replicated_rows(store))


def _secret(value: bytes) -> Group:
    return Group(stamp=1, cause="", events=(ClusterSecretCreated(secret=value),), sequences=(0,))


def _entry(epoch: int, number: int, *groups: Group, stamp: int = 9) -> bytes:
    return encode_groups(epoch, number, stamp, list(groups))


def _reign(*entries: bytes) -> list[bytes]:
    """Return a log in which the reign begins at index 2."""
    return [b"", encode_leader_started(_LEADER, stamp=5), *entries]


# I9, I3: the log says it all


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_log_gives_the_same_bytes_and_checksum_on_any_store(
    data: st.DataObject, logs: Logs
) -> None:
    log = data.draw(logs)
    memory = MemoryStore()
    on_memory = Machine(memory)
    _run(on_memory, log)
    with tempfile.TemporaryDirectory() as folder:
        disk = FolderStore(Path(folder), partial(LevelDbStore, write_buffer_bytes=1))
        on_disk = Machine(disk)
        _run(on_disk, log)

        assert _rows(disk) == _rows(memory)
        assert on_disk.position == on_memory.position
        disk.close()


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_what_the_leader_has_built_is_what_a_follower_decodes(
    data: st.DataObject, logs: Logs
) -> None:
    log = data.draw(logs)
    follower, leader = MemoryStore(), MemoryStore()
    decoding, prepared = Machine(follower), Machine(leader)
    _run(decoding, log)
    for index, entry in enumerate(log, start=1):
        if entry and decode_header(entry).kind is EntryKind.GROUPS:
            _prepare(prepared, entry)
        prepared.apply(index, 1, entry)

    assert _rows(leader) == _rows(follower)
    assert prepared.position == decoding.position


def _prepare(machine: Machine, entry: bytes) -> None:
    """Build an entry's batch as a leader does: event by event, and what is left pending at the end
    of a group.
    """
    header, batch = decode_header(entry), Batch()
    for group in decode_groups(entry):
        for event, sequence in zip(group.events, group.sequences, strict=True):
            appliers.apply(event, batch, group.stamp, sequence)
        appliers.follow_and_leave(batch, group.follows, group.next)
    machine.prepare(header.epoch, header.number, batch)


# I2: each entry once


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_restart_anywhere_neither_repeats_nor_skips_an_entry(
    data: st.DataObject, logs: Logs
) -> None:
    log = data.draw(logs)
    whole, broken = MemoryStore(), MemoryStore()
    unbroken = Machine(whole)
    _run(unbroken, log)
    for end in sorted(data.draw(st.sets(st.integers(0, len(log)), max_size=4))):
        machine = Machine(broken)
        _run(machine, log[:end])
        assert machine.applied_index == end
    machine = Machine(broken)
    _run(machine, log)

    assert _rows(broken) == _rows(whole)
    assert machine.position == unbroken.position


@pytest.mark.parametrize("index", [0, 1, 2, 4], ids=["long past", "older", "same", "gap"])
def test_an_entry_out_of_turn_stops_the_node_and_writes_nothing(index: int) -> None:
    store = MemoryStore()
    machine = Machine(store)
    _run(machine, _reign())
    before = list(store.scan(b""))

    with pytest.raises(FatalApplyError, match=rf"^entry {index} \(term 7\) follows entry 2$"):
        machine.apply(index, 7, b"")

    assert list(store.scan(b"")) == before


# The epoch fence


@pytest.mark.parametrize(
    ("log", "secret", "position"),
    [
        pytest.param(
            _reign(_entry(2, 1, _secret(b"a"))), b"a", (3, 2, 1, 9), id="the first entry counts"
        ),
        pytest.param(
            _reign(_entry(2, 1, _secret(b"a")), _entry(2, 2, _secret(b"b"))),
            b"b",
            (4, 2, 2, 9),
            id="the next entry counts",
        ),
        pytest.param(
            _reign(_entry(1, 1, _secret(b"a"))),
            None,
            (3, 2, 0, 9),
            id="an earlier reign's does not",
        ),
        pytest.param(
            _reign(_entry(3, 1, _secret(b"a"))), None, (3, 2, 0, 9), id="a later reign's does not"
        ),
        pytest.param(
            _reign(_entry(2, 2, _secret(b"a"))), None, (3, 2, 0, 9), id="one behind a gap does not"
        ),
        pytest.param(
            _reign(_entry(2, 1, _secret(b"a")), _entry(2, 1, _secret(b"b"))),
            b"a",
            (4, 2, 1, 9),
            id="one that comes twice counts once",
        ),
        pytest.param(
            _reign(
                _entry(2, 1, _secret(b"a")),
                encode_leader_started(_LEADER, stamp=20),
                _entry(2, 2, _secret(b"b")),
                _entry(4, 1, _secret(b"c"), stamp=30),
            ),
            b"c",
            (6, 4, 1, 30),
            id="a new reign counts from 1",
        ),
        pytest.param(
            [b"", _entry(0, 1, _secret(b"a"))],
            b"a",
            (2, 0, 1, 9),
            id="an entry before any reign is of reign 0",
        ),
    ],
)
def test_an_entry_counts_when_it_is_the_next_of_the_present_reign(
    log: list[bytes], secret: bytes | None, position: tuple[int, int, int, int]
) -> None:
    store = MemoryStore()
    machine = Machine(store)

    _run(machine, log)

    found = machine.position
    assert store.get(keys.SECRET) == secret
    assert (found.applied_index, found.epoch, found.number, found.stamp) == position
    assert (machine.applied_index, machine.epoch, machine.stamp) == (position[0], *position[1::2])


def test_a_stamp_never_goes_back() -> None:
    machine = Machine(MemoryStore())

    _run(machine, _reign(_entry(2, 1, stamp=50), _entry(2, 2, stamp=40), b""))

    assert machine.stamp == 50


# The observer


def test_the_observer_is_told_of_each_entry_once_it_is_written() -> None:
    store, told = MemoryStore(), list[Applied]()
    machine = Machine(store)

    def on_applied(applied: Applied) -> None:
        assert machine.applied_index == applied.index
        told.append(applied)

    machine.on_applied = on_applied
    _run(machine, _reign(_entry(2, 1, _secret(b"a")), _entry(1, 7, _secret(b"b")), b""))

    assert told == [
        Applied(index=1, epoch=0, number=0, stamp=0),
        Applied(index=2, epoch=2, number=0, stamp=5, leader_started=_LEADER),
        Applied(index=3, epoch=2, number=1, stamp=9),
        Applied(index=4, epoch=1, number=7, stamp=9, dropped=True),
        Applied(index=5, epoch=2, number=0, stamp=9),
    ]


@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_the_observer_is_told_whose_history_grew(data: st.DataObject, logs: Logs) -> None:
    log = data.draw(logs)
    store, told = MemoryStore(), list[str]()
    machine = Machine(store)
    lengths = dict.fromkeys((f"/acme/shop/e0123456/{which:016x}" for which in (0, 1)), 0)
    machine.on_applied = lambda applied: told.extend(applied.histories)

    for index, entry in enumerate(log, start=1):
        told.clear()
        machine.apply(index, 1, entry)
        now = {execution: queries.last_sequence(store, execution) for execution in lengths}
        assert sorted(told) == sorted(each for each in lengths if now[each] > lengths[each])
        lengths = now


# Entries that cannot be applied


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(b"\x01", id="short"),
        pytest.param(_entry(2, 1)[:-1] + b"\xc1", id="no MessagePack"),
        pytest.param(_entry(2, 1)[:25] + b"\x91\x91\x01", id="no groups"),
        pytest.param(encode_leader_started(_LEADER, 1)[:-1], id="no leader"),
        pytest.param(
            _entry(2, 1, Group(stamp=1, cause="", events=(TimerFired(timer_id="a"),))),
            id="an event without a sequence",
        ),
        pytest.param(
            _entry(
                2,
                1,
                Group(stamp=1, cause="", events=(TimerFired(timer_id="a"),), sequences=(1,)),
            ),
            id="an event of no history with a sequence",
        ),
    ],
)
def test_an_entry_that_cannot_be_applied_stops_the_node_and_writes_nothing(entry: bytes) -> None:
    store = MemoryStore()
    machine = Machine(store)
    _run(machine, _reign())
    before = list(store.scan(b""))

    with pytest.raises(FatalApplyError, match=r"^entry 3 cannot be applied: "):
        machine.apply(3, 1, entry)

    assert (list(store.scan(b"")), machine.applied_index) == (before, 2)


# The checksum


def test_the_checksum_tells_a_deletion_from_an_empty_row() -> None:
    put, dropped = Batch(), Batch()
    put.put(keys.timer("a"), b"")
    dropped.delete(keys.timer("a"))

    assert _checksum_of(put) != _checksum_of(dropped)


def test_the_checksum_is_that_of_all_entries() -> None:
    first, second = Machine(MemoryStore()), Machine(MemoryStore())
    _run(first, _reign(_entry(2, 1, _secret(b"a")), _entry(2, 2, _secret(b"c"))))
    _run(second, _reign(_entry(2, 1, _secret(b"b")), _entry(2, 2, _secret(b"c"))))

    assert first.checksum != second.checksum


def _checksum_of(batch: Batch) -> int:
    machine = Machine(MemoryStore())
    _run(machine, _reign())
    machine.prepare(2, 1, batch)
    machine.apply(3, 1, _entry(2, 1))
    return machine.checksum


# What was handed over and is not to be used


def _prepared_wrongly(machine: Machine, number: int) -> None:
    batch = Batch()
    batch.put(keys.SECRET, b"prepared")
    machine.prepare(2, number, batch)


def test_a_discarded_batch_is_not_used() -> None:
    store = MemoryStore()
    machine = Machine(store)
    _prepared_wrongly(machine, 1)
    machine.discard_prepared()

    _run(machine, _reign(_entry(2, 1, _secret(b"decoded"))))

    assert store.get(keys.SECRET) == b"decoded"


def test_of_many_batches_handed_over_the_oldest_is_forgotten() -> None:
    store = MemoryStore()
    machine = Machine(store)
    for number in range(1, 66):
        _prepared_wrongly(machine, number)

    _run(machine, _reign(_entry(2, 1, _secret(b"decoded"))))
    assert store.get(keys.SECRET) == b"decoded"

    machine.apply(4, 1, _entry(2, 2, _secret(b"decoded")))
    assert store.get(keys.SECRET) == b"prepared"


def test_the_position_is_in_the_same_write_as_what_it_counts() -> None:
    store = MemoryStore()
    machine = Machine(store)
    _run(machine, _reign(_entry(2, 1, _secret(b"a"))))

    row = store.get(keys.POSITION)

    assert row is not None
    assert msgspec.msgpack.decode(row, type=Position) == machine.position
