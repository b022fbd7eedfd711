"""Restarts after a loss of power: what it took back is applied again; nothing else differs."""

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepraft.storage import keys, queries, restart
from stepraft.storage.kv import StoreError, Write
from stepraft.storage.machine import Machine
from stepraft.storage.memory import MemoryStore
from stepraft.storage.rows import Position

Logs = st.SearchStrategy[list[bytes]]


class _PowerCutError(Exception):
    """The power went during a sync."""


class _LosingPower(MemoryStore):
    """A store that loses any of its writes since the last sync, not always the newest, with the
    power.
    """

    def __init__(self, durable: Iterable[Write] = ()) -> None:
        super().__init__()
        super().write(durable)
        self._durable = list(self.scan(b""))
        self._unsynced: list[list[Write]] = []
        self.syncs_left: int | None = None

    def write(self, items: Iterable[Write]) -> None:
        writes = list(items)
        self._unsynced.append(writes)
        super().write(writes)

    def sync(self) -> None:
        if self.syncs_left is not None:
            if self.syncs_left == 0:
                raise _PowerCutError
            self.syncs_left -= 1
        self._durable = list(self.scan(b""))
        self._unsynced.clear()

    def after_power_cut(self, draw: st.DataObject) -> "_LosingPower":
        """Return what a restart finds."""
        kept = draw.draw(
            st.lists(st.booleans(), min_size=(count := len(self._unsynced)), max_size=count)
        )
        writes = [
            item
            for keeps, batch in zip(kept, self._unsynced, strict=True)
            if keeps
            for item in batch
        ]
        return _LosingPower([*self._durable, *writes])


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_loss_of_power_loses_nothing_that_the_log_does_not_give_back(
    data: st.DataObject, logs: Logs
) -> None:
    log = data.draw(logs)
    whole, store = MemoryStore(), _LosingPower()
    unbroken = Machine(whole)
    for index, entry in enumerate(log, start=1):
        unbroken.apply(index, 1, entry)
    machine, cut_to = Machine(store), 0
    for _ in range(3):
        for index in range(machine.applied_index + 1, len(log) + 1):
            machine.apply(index, 1, log[index - 1])
            happens = data.draw(st.sampled_from([*["nothing"] * 8, "sync", "sync cut", "cut"]))
            if happens == "sync":
                cut_to = machine.sync()
            elif happens == "sync cut":
                store.syncs_left = data.draw(st.integers(0, 1))
                with pytest.raises(_PowerCutError):
                    machine.sync()
            if "cut" in happens:
                break
        store = store.after_power_cut(data)
        machine = Machine(store)
        assert cut_to <= machine.applied_index, "the journal was cut behind the restart"
    for index in range(machine.applied_index + 1, len(log) + 1):
        machine.apply(index, 1, log[index - 1])

    assert list(queries.replicated_rows(store)) == list(queries.replicated_rows(whole))
    assert machine.position == unbroken.position


def _written(*indexes: int) -> list[Write]:
    """Return the writes of entries that only advance the position."""
    return [
        write for index in indexes for write in restart.writes_of(Position(applied_index=index))
    ]


@pytest.mark.parametrize(
    ("synced", "written", "applied_index"),
    [
        pytest.param(0, [], 0, id="a new store"),
        pytest.param(0, [1, 2, 3], 3, id="all there"),
        pytest.param(0, [1, 3], 0, id="one missing"),
        pytest.param(0, [2, 3], 0, id="the first missing"),
        pytest.param(2, [3, 4], 4, id="all there since the sync"),
        pytest.param(2, [4], 2, id="one missing since the sync"),
        pytest.param(2, [], 2, id="nothing since the sync"),
    ],
)
def test_a_restart_goes_on_from_the_last_position_before_which_nothing_is_missing(
    synced: int, written: list[int], applied_index: int
) -> None:
    store = MemoryStore()
    if synced:
        store.write(_written(*range(1, synced + 1)))
        restart.make_durable(store, Position(applied_index=synced))
    store.write(_written(*written))

    assert restart.restart_position(store) == Position(applied_index=applied_index)


def _trail(store: MemoryStore) -> list[int]:
    return [keys.index_of_trail(key) for key, _ in store.scan(keys.TRAIL)]


def test_a_sync_returns_the_applied_index_and_the_trail_goes_with_the_entries_that_follow() -> None:
    store = MemoryStore()
    machine = Machine(store)
    for index in range(1, 6):
        machine.apply(index, 1, b"")
    assert machine.sync() == 5

    trails = [_trail(store)]
    for index in (6, 7, 8):
        machine.apply(index, 1, b"")
        trails.append(_trail(store))
    machine.sync()
    restarted = Machine(store)
    restarted.apply(9, 1, b"")
    trails.append(_trail(store))
    restarted.apply(10, 1, b"")
    trails.append(_trail(store))

    assert trails == [
        [1, 2, 3, 4, 5],
        [3, 4, 5, 6],
        [5, 6, 7],
        [6, 7, 8],
        [8, 9],
        [9, 10],
    ]
    assert Machine(store).applied_index == 10


def test_a_position_that_cannot_be_read_is_damage() -> None:
    store = MemoryStore()
    store.write([(keys.POSITION, b"\xc1")])

    with pytest.raises(StoreError, match=r"^the store is damaged: its row b'mposition' holds no"):
        Machine(store)
