"""Stores to test with, the rows that events leave behind, and logs to apply."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import strategies as st
from msgspec.structs import replace

from stepraft.interpreter.commands import FireTimer
from stepraft.interpreter.contexts import (
    ActivityWork,
    ExecutionContext,
    FanOutContext,
    FanOutKind,
    TaskContext,
    TaskStatus,
    TimerContext,
    TimerKind,
)
from stepraft.interpreter.events import (
    Event,
    ExecutionCompleted,
    ExecutionStarted,
    FanOutDropped,
    FanOutSucceeded,
    HistoryEvent,
    IterationCompleted,
    IterationFailed,
    IterationStarted,
    MapStarted,
    RetryScheduled,
    StateCompleted,
    StateStarted,
    TaskActivated,
    TaskCompleted,
    TaskCreated,
    TaskReleased,
    TimerFired,
)
from stepraft.interpreter.lifecycle import ExecutionStatus
from stepraft.storage import format as store_format
from stepraft.storage import keys, restart
from stepraft.storage.appliers import apply
from stepraft.storage.batch import Batch, Value
from stepraft.storage.entry import (
    Group,
    LeaderStarted,
    PendingCommand,
    encode_groups,
    encode_leader_started,
)
from stepraft.storage.folders import FolderStore
from stepraft.storage.keys import Family
from stepraft.storage.kv import KeyValueStore, ReplaceableStore, Row
from stepraft.storage.leveldb import LevelDbStore
from stepraft.storage.memory import MemoryStore
from stepraft.storage.rows import Position
from stepraft.storage.snapshot import SnapshotPart, SnapshotSource

Rows = dict[bytes, Value]
RowsAfter = Callable[..., Rows]


@pytest.fixture(params=["memory", "leveldb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KeyValueStore]:
    """A new store of each kind."""
    made = MemoryStore() if request.param == "memory" else LevelDbStore(tmp_path / "store")
    yield made
    made.close()


@pytest.fixture(params=["memory", "folders"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator["Stores"]:
    """Stores of each kind that can be replaced."""
    made = Stores(None if request.param == "memory" else tmp_path)
    yield made
    made.close()


class Stores:
    """Makes stores by name, in memory or in folders, and closes them."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._made: dict[str, ReplaceableStore] = {}

    def make(self, name: str) -> ReplaceableStore:
        made = MemoryStore() if self._folder is None else FolderStore(self._folder / name)
        self._made[name] = made
        return made

    def restart(self, name: str) -> ReplaceableStore:
        """Return what another process finds."""
        if self._folder is None:
            return self._made[name]
        self._made[name].close()
        return self.make(name)

    def close(self) -> None:
        for made in self._made.values():
            made.close()


POSITION = Position(applied_index=50, epoch=2, number=9, stamp=7, checksum=1234, term=3)
STATE = tuple(
    sorted(
        (family.value + b"%04d" % number, b"value %d " % number * (1 + number % 7))
        for family in Family
        if family not in (Family.META, Family.LOCAL)
        for number in range(20)
    )
)
"""Rows of every family, as they might be."""


@pytest.fixture
def fill() -> Callable[..., None]:
    """Makes an empty store one that has `rows` at `position`, and is node `node_id`'s."""

    def fill(
        store: ReplaceableStore,
        node_id: str = "n1",
        rows: tuple[Row, ...] = STATE,
        position: Position = POSITION,
    ) -> None:
        store_format.claim(store, cluster_id="blue", node_id=node_id)
        store.write([*rows, (keys.MEMBERS, b"who"), restart.writes_of(position)[0]])
        restart.make_durable(store, position)

    return fill


@pytest.fixture
def read_parts() -> Callable[..., list[SnapshotPart]]:
    """Reads all parts of about `size` bytes from `cursor` on."""

    def read_parts(source: SnapshotSource, size: int, cursor: bytes = b"") -> list[SnapshotPart]:
        parts = [source.read(cursor, size)]
        while not parts[-1].is_last:
            parts.append(source.read(parts[-1].next_cursor, size))
        return parts

    return read_parts


@pytest.fixture
def rows_after() -> RowsAfter:
    """Returns the rows that are there after `events`, applied in one batch to those of `before`."""

    def rows_after(before: Rows, *events: Event) -> Rows:
        batch = Batch()
        for event in events:
            apply(event, batch, stamp=1, sequence=0)
        rows = {**before, **batch.values}
        return {key: value for key, value in rows.items() if value is not None}

    return rows_after


@pytest.fixture(scope="session")
def logs() -> st.SearchStrategy[list[bytes]]:
    """Logs of entries: interleaved executions in groups, reigns that end, entries too late."""
    return _logs()


@st.composite
def _logs(draw: st.DrawFn) -> list[bytes]:
    log = [b"", encode_leader_started(LeaderStarted(node_id="one", term=1, nonce=b""), stamp=1)]
    epoch, number, follows = len(log), 0, 0
    for stamp, groups in enumerate(draw(_entries()), start=10):
        late = [Group(stamp=1, cause="too late")]
        happens = draw(st.sampled_from(["nothing", "no-op", "leader", "old", "gap"]))
        if happens == "no-op":
            log.append(b"")
        elif happens == "leader":
            record = LeaderStarted(node_id="two", term=2, nonce=b"")
            log.append(encode_leader_started(record, stamp * 100))
            epoch, number = len(log), 0
        elif happens == "old":
            log.append(encode_groups(epoch - 1, number + 1, stamp * 100, late))
        elif happens == "gap":
            log.append(encode_groups(epoch, number + 2, stamp * 100, late))
        number += 1
        left = (PendingCommand(stamp=stamp, command=FireTimer(timer_id="a")),) if stamp % 3 else ()
        last = Group(stamp=stamp * 100, cause="FireTimer", follows=follows, next=left)
        follows = stamp if left else 0
        log.append(encode_groups(epoch, number, stamp * 100, [*groups, last]))
    return log


@st.composite
def _entries(draw: st.DrawFn) -> list[list[Group]]:
    """Return the groups of each entry: two lives, interleaved, and cut at random places."""
    lives = [_life(0), _life(1)]
    turns = draw(st.permutations([0] * len(lives[0]) + [1] * len(lives[1])))
    entries: list[list[Group]] = [[]]
    for place, turn in enumerate(turns, start=1):
        event, sequence = lives[turn].pop(0)
        group = Group(stamp=place, cause="a command", events=(event,), sequences=(sequence,))
        entries[-1].append(group)
        if draw(st.integers(0, 5)) == 0:
            entries.append([])
    return entries


def _life(which: int) -> list[tuple[Event, int]]:
    """Return the events of an execution with a task that is handed out twice, and a Map that is
    retried.
    """
    sequence = itertools.count(1)
    history = get_args(HistoryEvent)
    events = [*_task_events(which), *_map_events(which)]
    return [(event, next(sequence) if isinstance(event, history) else 0) for event in events]


def _task_events(which: int) -> list[Event]:
    execution = _execution(which)
    scope = execution.execution_id
    task = TaskContext(
        task_id=f"/acme/shop/t0123456/{which:016x}",
        activity_id=f"{scope}/{2:016x}",
        resource="charge",
        state_name="Charge",
        created_at=3,
    )
    active = replace(task, status=TaskStatus.ACTIVE, delivery=1, timer_id=f"{which}1")
    again = replace(active, delivery=2, timer_id=f"{which}2")
    waits = ActivityWork(task_id=task.task_id)
    return [
        ExecutionStarted(execution=execution, input=b"{}"),
        _state_started(task.activity_id),
        TaskCreated(task=task, input=b"{}", work=waits),
        TaskActivated(task=active),
        TaskReleased(task=task, old_timer_id=active.timer_id),
        TaskActivated(task=again),
        TaskCompleted(task=again, output=b"1"),
        replace(_state_completed(task.activity_id), had_work=True, variables=b'{"a":1}'),
    ]


def _map_events(which: int) -> list[Event]:
    execution = _execution(which)
    map_id = f"{execution.execution_id}/{4:016x}"
    timer = TimerContext(timer_id=f"{which}3", kind=TimerKind.RETRY, target=map_id)
    fan_out = FanOutContext(kind=FanOutKind.MAP, total=1)
    started = replace(fan_out, started=1)
    child = f"{map_id}/i0"
    begin: list[Event] = [
        MapStarted(activity_id=map_id, fan_out=fan_out, items=b"[1]"),
        IterationStarted(iteration_id=child, state_name="Map", input=b"1", fan_out=started),
    ]
    failed = IterationFailed(
        iteration_id=child, state_name="Map", error="E", cause=None, fan_out=started
    )
    done = IterationCompleted(iteration_id=child, state_name="Map", output=b"2", fan_out=started)
    work = ActivityWork(retries=(1,), timer_id=timer.timer_id)
    ended = replace(execution, status=ExecutionStatus.SUCCEEDED, stopped_at=9)
    return [
        _state_started(map_id),
        *begin,
        failed,
        FanOutDropped(activity_id=map_id, fan_out=started),
        RetryScheduled(activity_id=map_id, work=work, timer=timer),
        TimerFired(timer_id=timer.timer_id),
        *begin,
        done,
        FanOutSucceeded(activity_id=map_id, fan_out=started),
        replace(_state_completed(map_id), had_work=True),
        ExecutionCompleted(execution=ended, old_status=ExecutionStatus.RUNNING, output=b"[2]"),
    ]


def _execution(which: int) -> ExecutionContext:
    return ExecutionContext(
        execution_id=f"/acme/shop/e0123456/{which:016x}",
        workflow="order",
        version=1,
        name="name",
        status=ExecutionStatus.RUNNING,
        started_at=which,
    )


def _state_started(activity_id: str) -> StateStarted:
    return StateStarted(
        activity_id=activity_id,
        state_name="State",
        state_type="Task",
        input=b"{}",
        entered_at=1,
        entered_sequence=1,
    )


def _state_completed(activity_id: str) -> StateCompleted:
    return StateCompleted(
        activity_id=activity_id,
        state_name="State",
        state_type="Task",
        output=b"1",
        next_state=None,
    )
