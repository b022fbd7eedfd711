"""Snapshots: what one store gives away in parts, another takes in, whole or not at all."""

from collections.abc import Callable, Iterator
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from stepraft.interpreter import features
from stepraft.storage import format as store_format
from stepraft.storage import keys, queries
from stepraft.storage.batch import Batch
from stepraft.storage.entry import (
    Group,
    LeaderStarted,
    encode_groups,
    encode_leader_started,
)
from stepraft.storage.kv import ReplaceableStore, Row
from stepraft.storage.machine import Machine
from stepraft.storage.memory import MemoryStore
from stepraft.storage.outgoing import StoreSource
from stepraft.storage.restart import restart_position
from stepraft.storage.rows import Position
from stepraft.storage.snapshot import (
    SnapshotError,
    SnapshotHead,
    SnapshotPart,
    SnapshotSource,
    SnapshotTarget,
)
from tests.simulation.disks import LossyStore
from tests.storage.conftest import POSITION, STATE, Stores

Fill = Callable[..., None]
ReadParts = Callable[..., list[SnapshotPart]]

HEAD = SnapshotHead(
    index=50,
    term=3,
    checksum=1234,
    cluster_id="blue",
    format_version=store_format.VERSION,
    feature_level=features.FIRST,
    membership=b"who",
)


def _rows(store: ReplaceableStore) -> list[Row]:
    return list(queries.replicated_rows(store))


@pytest.fixture
def source(fill: Fill) -> SnapshotSource:
    """A snapshot of STATE at POSITION."""
    store = MemoryStore()
    fill(store)
    return StoreSource(store.snapshot())


@pytest.fixture
def follower(stores: Stores) -> ReplaceableStore:
    """The store of a node that has applied nothing."""
    store = stores.make("follower")
    store_format.claim(store, cluster_id="blue", node_id="n2")
    return store


def _install(target: SnapshotTarget, parts: list[SnapshotPart]) -> None:
    for part in parts:
        target.write(part)
    target.install()


# Giving away


def test_a_head_says_what_moment_it_is(source: SnapshotSource) -> None:
    assert source.head == HEAD


def test_a_snapshot_has_all_rows_but_the_nodes_own(
    source: SnapshotSource, read_parts: ReadParts, follower: ReplaceableStore
) -> None:
    leader = MemoryStore()
    _install(Machine(follower).begin_install(source.head), read_parts(source, 300))

    leader.write(STATE)
    assert [row for row in _rows(follower) if row[0][:1] != b"m"] == _rows(leader)


def test_a_snapshot_is_of_the_moment_it_was_opened(stores: Stores, fill: Fill) -> None:
    store = stores.make("leader")
    fill(store)
    machine = Machine(store)
    before = machine.open_snapshot()
    expected = before.read(b"", 1 << 20)

    machine.apply_membership(51, 3, b"others")
    machine.sync()

    assert before.read(b"", 1 << 20) == expected
    assert machine.open_snapshot().head == replace(
        HEAD, index=51, membership=b"others", checksum=machine.checksum
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(size=st.integers(1, 2000), other_size=st.integers(1, 2000))
def test_rows_and_digest_are_the_same_wherever_a_snapshot_is_cut(
    source: SnapshotSource, read_parts: ReadParts, size: int, other_size: int
) -> None:
    one, other = read_parts(source, size), read_parts(source, other_size)

    header = 5
    assert b"".join(p.data[header:] for p in one) == b"".join(p.data[header:] for p in other)
    assert (one[-1].digest, one[-1].next_cursor) == (other[-1].digest, other[-1].next_cursor)
    assert all(len(part.data) <= max(size, 100) + header for part in one)


def test_reading_goes_on_at_every_cursor_on_another_replica(
    source: SnapshotSource, read_parts: ReadParts, stores: Stores, fill: Fill
) -> None:
    parts = read_parts(source, 100)
    replica = stores.make("replica")
    fill(replica, "n3")

    for number, part in enumerate(parts):
        other = StoreSource(replica.snapshot())
        assert read_parts(other, 100, part.cursor) == parts[number:]
        other.close()


def test_nothing_is_left_at_the_last_cursor(source: SnapshotSource, read_parts: ReadParts) -> None:
    last = read_parts(source, 100)[-1]

    again = source.read(last.next_cursor, 100)

    assert again == SnapshotPart(last.next_cursor, again.data, last.next_cursor, last.digest, True)
    assert again.data[5:] == b""


def test_a_row_is_never_divided(read_parts: ReadParts, fill: Fill) -> None:
    store = MemoryStore()
    fill(store, rows=((b"ca", b"x" * 10_000), (b"cb", b"y")))

    sizes = [len(part.data) for part in read_parts(StoreSource(store.snapshot()), 100)]

    assert sizes[0] > 10_000
    assert max(sizes[1:]) < 200


def test_a_cursor_that_is_none_is_refused(source: SnapshotSource) -> None:
    with pytest.raises(SnapshotError, match=r"^b'ab' is no place in a snapshot$"):
        source.read(b"ab", 100)


# Taking in


def test_an_installed_snapshot_is_the_state_also_after_a_restart(
    source: SnapshotSource, read_parts: ReadParts, stores: Stores, follower: ReplaceableStore
) -> None:
    machine = Machine(follower)
    replaced: list[Position] = []
    machine.on_replaced = lambda: replaced.append(machine.position)

    _install(machine.begin_install(source.head), read_parts(source, 300))

    restarted = Machine(stores.restart("follower"))
    for each in (machine, restarted):
        assert each.position == POSITION
        assert (each.applied_term, each.membership) == (3, b"who")
        assert (each.installed_index, each.checksum_at(50)) == (50, 1234)
    assert replaced == [POSITION]


def test_the_store_stays_its_nodes_and_has_no_trail_but_its_position_synced(
    source: SnapshotSource, read_parts: ReadParts, follower: ReplaceableStore
) -> None:
    _install(Machine(follower).begin_install(source.head), read_parts(source, 300))

    store_format.claim(follower, cluster_id="blue", node_id="n2")
    assert [key for key, _ in follower.scan(keys.Family.LOCAL.value)] == [
        keys.FORMAT,
        keys.SNAPSHOT,
        keys.SYNCED,
    ]
    assert follower.get(keys.SYNCED) == follower.get(keys.POSITION)


def test_entries_behind_a_snapshot_leave_a_trail_that_falls_back_to_it(
    source: SnapshotSource, read_parts: ReadParts, follower: ReplaceableStore
) -> None:
    machine = Machine(follower)
    _install(machine.begin_install(source.head), read_parts(source, 300))
    machine.apply(51, 3, b"")
    machine.apply(52, 3, b"")

    follower.write([(keys.trail(51), None)])  # As a loss of power may.

    assert restart_position(follower) == POSITION


def test_nothing_is_replaced_before_the_last_part(
    source: SnapshotSource, read_parts: ReadParts, stores: Stores, follower: ReplaceableStore
) -> None:
    machine = Machine(follower)
    machine.apply(1, 1, b"")
    target = machine.begin_install(source.head)
    for part in read_parts(source, 300)[:-1]:
        target.write(part)

    with pytest.raises(SnapshotError, match=r"its last part is missing$"):
        target.install()

    assert machine.applied_index == 1
    assert Machine(stores.restart("follower")).applied_index == 1


def test_an_incoming_snapshot_goes_on_at_its_cursor_in_the_same_life(
    source: SnapshotSource, read_parts: ReadParts, follower: ReplaceableStore
) -> None:
    parts = read_parts(source, 300)
    machine = Machine(follower)
    for part in parts:
        target = machine.begin_install(source.head)
        assert target.cursor == part.cursor
        target.write(part)
    machine.begin_install(source.head).install()

    assert machine.position == POSITION


@pytest.fixture
def _frequent_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stepraft.storage.incoming._MARK_BYTES", 700)


@pytest.mark.usefixtures("_frequent_marks")
def test_an_incoming_snapshot_goes_on_at_a_mark_after_a_restart_wherever_it_was(
    source: SnapshotSource, read_parts: ReadParts, stores: Stores, fill: Fill
) -> None:
    store_format.claim(stores.make("follower"), cluster_id="blue", node_id="n2")
    leader = MemoryStore()
    fill(leader)
    found = list[bytes]()
    while not found or found[-1] != read_parts(source, 300)[-1].next_cursor:
        target = Machine(stores.restart("follower")).begin_install(source.head)
        found.append(target.cursor)
        for part in read_parts(source, 300, target.cursor)[:3]:
            target.write(part)

    target = Machine(store := stores.restart("follower")).begin_install(source.head)
    _install(target, read_parts(source, 300, target.cursor))

    assert len(found) > 3
    assert _rows(store) == _rows(leader)


@pytest.mark.usefixtures("_frequent_marks")
@settings(
    max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(lives=st.lists(st.integers(0, 12), max_size=6), seed=st.integers(0, 1 << 32))
def test_a_loss_of_power_loses_no_row_that_a_mark_speaks_for(
    source: SnapshotSource, read_parts: ReadParts, fill: Fill, lives: list[int], seed: int
) -> None:
    leader, store, chance = MemoryStore(), LossyStore(), Random(seed)
    fill(leader)
    store_format.claim(store, cluster_id="blue", node_id="n2")
    for count in lives:
        target = Machine(store).begin_install(source.head)
        for part in read_parts(source, 300, target.cursor)[:count]:
            target.write(part)
        store.lose_power(chance)
    machine = Machine(store)
    target = machine.begin_install(source.head)
    _install(target, read_parts(source, 300, target.cursor))
    machine.apply(51, 3, b"")
    machine.apply(52, 3, b"")
    store.lose_power(chance)

    restarted = Machine(store)
    for index in range(restarted.applied_index + 1, 53):
        restarted.apply(index, 3, b"")

    assert restarted.position == replace(POSITION, applied_index=52)
    assert [row for row in _rows(store) if row[0] != keys.POSITION] == [
        row for row in _rows(leader) if row[0] != keys.POSITION
    ]


@pytest.mark.usefixtures("_frequent_marks")
def test_a_snapshot_of_another_head_begins_anew(
    source: SnapshotSource, read_parts: ReadParts, stores: Stores, follower: ReplaceableStore
) -> None:
    parts = read_parts(source, 300)
    first = Machine(follower).begin_install(replace(source.head, index=49))
    for part in parts[:-1]:
        first.write(part)

    machine = Machine(stores.restart("follower"))
    second = machine.begin_install(source.head)
    assert second.cursor == b""

    second.write(parts[0])
    third = machine.begin_install(replace(source.head, index=51))
    assert third.cursor == b""
    with pytest.raises(SnapshotError, match="was installed or discarded"):
        second.write(parts[1])


@pytest.mark.usefixtures("_frequent_marks")
def test_an_incoming_snapshot_that_the_log_has_overtaken_is_dropped_when_the_state_is_synced(
    source: SnapshotSource, read_parts: ReadParts, stores: Stores, follower: ReplaceableStore
) -> None:
    target = Machine(follower).begin_install(source.head)
    for part in read_parts(source, 300)[:-1]:
        target.write(part)
    machine = Machine(store := stores.restart("follower"))
    for index in range(1, 50):
        machine.apply(index, 1, b"")

    machine.sync()
    assert store.staged() is not None

    machine.apply(50, 1, b"")
    machine.sync()
    assert store.staged() is None


def test_a_mark_of_another_program_is_taken_for_none(
    source: SnapshotSource, follower: ReplaceableStore
) -> None:
    follower.stage()
    follower.mark(b"laid out otherwise")

    assert Machine(follower).begin_install(source.head).cursor == b""


def test_a_discarded_snapshot_leaves_nothing(
    source: SnapshotSource, read_parts: ReadParts, stores: Stores, follower: ReplaceableStore
) -> None:
    machine = Machine(follower)
    target = machine.begin_install(source.head)
    for part in read_parts(source, 300):
        target.write(part)

    target.discard()

    assert follower.staged() is None
    assert Machine(stores.restart("follower")).begin_install(source.head).cursor == b""


# Refusing


def _flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes((data[place] ^ 0x10,)) + data[place + 1 :]


@pytest.mark.parametrize("number", [0, 3], ids=["first part", "later part"])
def test_a_byte_flipped_anywhere_in_a_part_is_refused(
    source: SnapshotSource, read_parts: ReadParts, number: int
) -> None:
    follower = MemoryStore()
    store_format.claim(follower, cluster_id="blue", node_id="n2")
    parts = read_parts(source, 300)
    target = Machine(follower).begin_install(source.head)
    for part in parts[:number]:
        target.write(part)

    for place in range(len(parts[number].data)):
        with pytest.raises(SnapshotError, match="damaged"):
            target.write(replace(parts[number], data=_flipped(parts[number].data, place)))

    _install(target, parts[number:])
    assert restart_position(follower) == POSITION


@pytest.mark.parametrize(
    ("order", "text"),
    [
        pytest.param([0, 1, 1], "has to begin at", id="repeated"),
        pytest.param([0, 2], "has to begin at", id="left out"),
        pytest.param([1], "has to begin at b''", id="not from the beginning"),
    ],
)
def test_a_part_that_does_not_follow_is_refused(
    source: SnapshotSource, read_parts: ReadParts, order: list[int], text: str
) -> None:
    parts = read_parts(source, 300)
    target = Machine(_claimed("n2")).begin_install(source.head)
    for number in order[:-1]:
        target.write(parts[number])

    with pytest.raises(SnapshotError, match=text):
        target.write(parts[order[-1]])


def _claimed(node_id: str) -> MemoryStore:
    store = MemoryStore()
    store_format.claim(store, cluster_id="blue", node_id=node_id)
    return store


@pytest.mark.parametrize(
    ("change", "text"),
    [
        pytest.param({"digest": 1}, "do not match its digest", id="digest"),
        pytest.param({"next_cursor": b"elsewhere"}, "do not match its digest", id="next cursor"),
        pytest.param({"data": b"\xdd"}, "holds no rows", id="no rows"),
    ],
)
def test_a_part_that_contradicts_itself_is_refused(
    source: SnapshotSource, change: dict[str, object], text: str
) -> None:
    target = Machine(_claimed("n2")).begin_install(source.head)

    with pytest.raises(SnapshotError, match=text):
        target.write(replace(source.read(b"", 300), **change))


def test_rows_that_are_a_nodes_own_are_refused() -> None:
    class Careless(StoreSource):
        def _behind(self, key: bytes) -> Iterator[Row]:
            return self._view.sweep(key, None)

    store = _claimed("n1")
    careless = Careless(store.snapshot())

    with pytest.raises(SnapshotError, match=r"a node's own$"):
        Machine(_claimed("n2")).begin_install(HEAD).write(careless.read(b"", 300))


def test_rows_behind_the_last_part_are_refused(
    source: SnapshotSource, read_parts: ReadParts
) -> None:
    parts = read_parts(source, 300)
    target = Machine(_claimed("n2")).begin_install(source.head)
    target.write(replace(parts[0], is_last=True))

    with pytest.raises(SnapshotError, match=r"behind the last one$"):
        target.write(parts[1])


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"index": 60}, id="index"),
        pytest.param({"term": 4}, id="term"),
        pytest.param({"checksum": 1}, id="checksum"),
        pytest.param({"membership": b"others"}, id="membership"),
    ],
)
def test_a_snapshot_that_is_not_what_its_head_says_is_not_installed(
    source: SnapshotSource,
    read_parts: ReadParts,
    follower: ReplaceableStore,
    change: dict[str, object],
) -> None:
    machine = Machine(follower)
    target = machine.begin_install(replace(source.head, **change))

    with pytest.raises(SnapshotError, match=r"^the snapshot is to be "):
        _install(target, read_parts(source, 300))

    assert machine.applied_index == 0


@pytest.mark.parametrize(
    ("change", "text"),
    [
        pytest.param(
            {"cluster_id": "red"},
            "the snapshot is of cluster 'red', and this is cluster 'blue'",
            id="another cluster",
        ),
        pytest.param(
            {"format_version": store_format.VERSION + 1},
            f"the snapshot has format {store_format.VERSION + 1}, and this program knows formats "
            f"up to {store_format.VERSION}: use the version of the program that wrote it, or a "
            "newer one",
            id="a newer format",
        ),
        pytest.param(
            {"feature_level": features.SUPPORTED + 1},
            f"the snapshot is at feature level {features.SUPPORTED + 1}, and this program supports "
            f"levels up to {features.SUPPORTED}: use the version of the program that wrote it, or "
            "a newer one",
            id="a higher feature level",
        ),
        pytest.param({"index": 3}, "the snapshot is at entry 3, and this node at 3", id="no news"),
    ],
)
def test_a_snapshot_of_no_use_is_refused(change: dict[str, object], text: str) -> None:
    machine = Machine(_claimed("n2"))
    for index in (1, 2, 3):
        machine.apply(index, 1, b"")

    with pytest.raises(SnapshotError) as caught:
        machine.begin_install(replace(HEAD, **change))

    assert str(caught.value) == text


def test_a_snapshot_that_the_machine_has_overtaken_is_not_installed(
    source: SnapshotSource, read_parts: ReadParts, follower: ReplaceableStore
) -> None:
    machine = Machine(follower)
    target = machine.begin_install(source.head)
    for part in read_parts(source, 300):
        target.write(part)
    for index in range(1, 51):
        machine.apply(index, 1, b"")

    with pytest.raises(SnapshotError, match=r"is at entry 50, and this node at 50$"):
        target.install()

    assert machine.checksum != 1234


# Forgetting


def test_an_abandoned_state_is_gone_but_for_whose_it_is_and_who_the_members_are(
    stores: Stores, fill: Fill
) -> None:
    store = stores.make("follower")
    fill(store, "n2")
    machine = Machine(store)
    replaced: list[Position] = []
    machine.on_replaced = lambda: replaced.append(machine.position)

    machine.abandon()

    restarted = Machine(stores.restart("follower"))
    for each in (machine, restarted):
        assert (each.position, each.membership) == (Position(), b"who")
        assert (each.installed_index, each.checksum_at(50)) == (0, None)
    assert replaced == [Position()]


def test_an_abandoned_state_takes_what_was_prepared_for_it_along() -> None:
    machine = Machine(MemoryStore())
    log = [
        encode_leader_started(LeaderStarted(node_id="n1", term=1, nonce=b""), stamp=1),
        encode_groups(1, 1, 2, [Group(stamp=2, cause="a command")]),
    ]
    machine.apply(1, 1, log[0])
    wrong = Batch()
    wrong.put(b"cwrong", b"")
    machine.prepare(1, 1, wrong)

    machine.abandon()

    for index, entry in enumerate(log, start=1):
        machine.apply(index, 1, entry)
    assert machine.checksum == 0


def test_an_abandoned_state_is_replaced_by_a_snapshot(
    source: SnapshotSource, read_parts: ReadParts, stores: Stores, fill: Fill
) -> None:
    store = stores.make("follower")
    fill(store, "n2", rows=((b"cwrong", b""),))
    machine = Machine(store)
    machine.abandon()

    _install(machine.begin_install(source.head), read_parts(source, 300))

    leader = MemoryStore()
    fill(leader)
    assert _rows(store) == _rows(leader)


def test_abandoning_drops_a_snapshot_on_its_way(
    source: SnapshotSource, read_parts: ReadParts, follower: ReplaceableStore
) -> None:
    machine = Machine(follower)
    target = machine.begin_install(source.head)
    parts = read_parts(source, 300)
    target.write(parts[0])

    machine.abandon()

    with pytest.raises(SnapshotError, match="was installed or discarded"):
        target.write(parts[1])
    assert machine.begin_install(source.head).cursor == b""
