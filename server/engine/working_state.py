"""What the leader decides on: the store, and on top of it what its own proposals in flight will
write.

Reads look at the entry being built, then at the entries being replicated (newest first), then at a
bounded cache of rows that are in the store, then at the store. The same appliers write here and on
every replica.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final, TypeVar

import msgspec

from stepraft.interpreter import features, ids
from stepraft.interpreter.contexts import (
    ActivityContext,
    ActivityWork,
    ChildContext,
    ExecutionContext,
    ExecutionKey,
    FanOutContext,
    FeatureLevel,
    TaskContext,
    TimerContext,
    WorkflowContext,
    WorkflowVersion,
)
from stepraft.interpreter.definition import Definition
from stepraft.interpreter.hlc import physical_ms
from stepraft.interpreter.limits import Limits
from stepraft.interpreter.records import JsonText, Record
from stepraft.server.clock import HybridClock
from stepraft.server.engine.definitions import Definitions
from stepraft.storage import keys, queries
from stepraft.storage.batch import Batch
from stepraft.storage.keys import Family, Part
from stepraft.storage.kv import KeyValueStore

QueueName = tuple[str, str, str]
"""Tenant, namespace, resource: where tasks of one kind wait."""

_Row = TypeVar("_Row", bound=Record)
_MISSING: Final[Any] = object()
_ENTROPY_BYTES: Final = 16
_CACHED_ROWS_MAX: Final = 50_000
_CACHED_BYTES_MAX: Final = 4096
_SEQUENCES_MAX: Final = 50_000
_CACHED_FAMILIES: Final = frozenset(
    family.value
    for family in (Family.CONTEXT, Family.TIMER, Family.WORKFLOW, Family.BY_KEY, Family.BY_NAME)
)

_decoders: dict[type[Record], msgspec.msgpack.Decoder[Any]] = {
    row_type: msgspec.msgpack.Decoder(row_type)
    for row_type in (
        ActivityContext,
        ActivityWork,
        ChildContext,
        ExecutionContext,
        ExecutionKey,
        FanOutContext,
        FeatureLevel,
        TaskContext,
        TimerContext,
        WorkflowContext,
        WorkflowVersion,
    )
}


class WorkingState:
    """One epoch's view of its partition; dropped with the epoch. Implements
    `interpreter.view.View`.
    """

    def __init__(
        self,
        store: KeyValueStore,
        clock: HybridClock,
        limits: Limits,
        definitions: Definitions,
        entropy: Callable[[int], bytes],
    ) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits
        self._definitions = definitions
        self._entropy = entropy
        self._cache: dict[bytes, Any] = {}
        self._sequences: dict[str, tuple[int, int]] = {}
        self._in_flight: deque[tuple[int, Batch]] = deque()
        self._stamp = 0
        self.number = 1
        self.batch = Batch()

    # The entries

    def seal(self) -> Batch:
        """End the entry being built: from now on it is in flight, and the next one is built."""
        sealed = self.batch
        self._in_flight.append((self.number, sealed))
        self.number += 1
        self.batch = Batch()
        return sealed

    def committed(self, number: int) -> None:
        """Entry `number` is in the store: keep its rows as cache."""
        first, batch = self._in_flight.popleft()
        assert first == number, f"entry {number} was applied before entry {first}"
        cache = self._cache
        for key, value in batch.values.items():
            cache.pop(key, None)
            if value is not None and _is_worth_caching(key, value):
                cache[key] = value
        while len(cache) > _CACHED_ROWS_MAX:
            del cache[next(iter(cache))]
        if len(self._sequences) > _SEQUENCES_MAX:
            self._forget_sequences(number)

    def _forget_sequences(self, committed: int) -> None:
        self._sequences = {
            execution: entry for execution, entry in self._sequences.items() if entry[1] > committed
        }

    def begin_command(self) -> int:
        """Give the next command its stamp, and return it."""
        self._stamp = self._clock.tick()
        return self._stamp

    def begin_history(self, execution_id: str) -> None:
        """Note that an execution is new: its history need not be looked for."""
        self._sequences[execution_id] = (0, self.number)

    def take_sequence(self, execution_id: str) -> int:
        """Return the place of the next event in an execution's history."""
        sequence = self.last_sequence(execution_id) + 1
        self._sequences[execution_id] = (sequence, self.number)
        return sequence

    # Reading rows

    def _value(self, key: bytes) -> Any:
        value = self.batch.values.get(key, _MISSING)
        if value is not _MISSING:
            return value
        for _, batch in reversed(self._in_flight):
            value = batch.values.get(key, _MISSING)
            if value is not _MISSING:
                return value
        return self._cache.get(key, _MISSING)

    def _row(self, key: bytes, row_type: type[_Row]) -> _Row | None:
        value = self._value(key)
        if value is not _MISSING:
            assert value is None or type(value) is row_type, f"row {key!r} is no {row_type}"
            return value
        data = self._store.get(key)
        if data is None:
            return None
        row: _Row = _decoders[row_type].decode(data)
        if len(data) <= _CACHED_BYTES_MAX:
            self._cache[key] = row
        return row

    def _bytes(self, key: bytes) -> bytes | None:
        value = self._value(key)
        if value is not _MISSING:
            assert value is None or type(value) is bytes, f"row {key!r} is no document"
            return value
        return self._store.get(key)

    def _document(self, key: bytes) -> JsonText:
        text = self._bytes(key)
        assert text is not None, f"the document {key!r} is not there"
        return text

    # interpreter.view.View

    @property
    def stamp(self) -> int:
        """The HLC of the command being decided."""
        return self._stamp

    @property
    def now_ms(self) -> int:
        """The same as Unix milliseconds."""
        return physical_ms(self._stamp)

    @property
    def limits(self) -> Limits:
        """The limits to keep to."""
        return self._limits

    def new_stamp(self) -> int:
        """Return a stamp above all earlier ones: for a new id."""
        return self._clock.next()

    def entropy(self) -> bytes:
        """Return 16 random bytes."""
        return self._entropy(_ENTROPY_BYTES)

    def workflow(self, tenant: str, namespace: str, name: str) -> WorkflowContext | None:
        """Return the head of a workflow."""
        return self._row(keys.workflow(tenant, namespace, name), WorkflowContext)

    def workflow_version(
        self, tenant: str, namespace: str, name: str, version: int
    ) -> WorkflowVersion | None:
        """Return one version of a workflow."""
        return self._row(keys.version(tenant, namespace, name, version), WorkflowVersion)

    def definition(self, execution: ExecutionContext) -> Definition:
        """Return the compiled definition that an execution runs by."""
        tenant, namespace = ids.tenant_and_namespace(execution.execution_id)
        key = (tenant, namespace, execution.workflow, execution.version)
        definition = self._definitions.get(key)
        if definition is None:
            version = self.workflow_version(*key)
            assert version is not None, (
                f"{execution.execution_id} runs by a version that is not there"
            )
            definition = self._definitions.compile(key, version.definition)
        return definition

    def execution(self, execution_id: str) -> ExecutionContext | None:
        """Return an execution."""
        return self._row(keys.context(execution_id, Part.EXECUTION), ExecutionContext)

    def execution_input(self, execution_id: str) -> JsonText:
        """Return the input of an execution that is there."""
        return self._document(keys.context(execution_id, Part.INPUT))

    def execution_by_key(self, tenant: str, namespace: str, key: str) -> ExecutionKey | None:
        """Return what an idempotency key stands for."""
        return self._row(keys.by_key(tenant, namespace, key), ExecutionKey)

    def execution_by_name(
        self, tenant: str, namespace: str, workflow: str, name: str
    ) -> ExecutionKey | None:
        """Return what the name of an execution of a workflow stands for."""
        return self._row(keys.by_name(tenant, namespace, workflow, name), ExecutionKey)

    def last_sequence(self, execution_id: str) -> int:
        """Return the length of an execution's history."""
        known = self._sequences.get(execution_id)
        if known is not None:
            return known[0]
        last = queries.last_sequence(self._store, execution_id)
        self._sequences[execution_id] = (last, 0)
        return last

    def activity(self, activity_id: str) -> ActivityContext | None:
        """Return an open visit of a state."""
        return self._row(keys.context(activity_id, Part.ACTIVITY), ActivityContext)

    def work(self, activity_id: str) -> ActivityWork | None:
        """Return what an open visit waits for."""
        return self._row(keys.context(activity_id, Part.WORK), ActivityWork)

    def fan_out(self, activity_id: str) -> FanOutContext | None:
        """Return how far an open Parallel or Map state is."""
        return self._row(keys.context(activity_id, Part.FAN_OUT), FanOutContext)

    def items(self, activity_id: str) -> JsonText:
        """Return the items of an open Map state, a JSON array."""
        return self._document(keys.context(activity_id, Part.ITEMS))

    def child(self, scope: str) -> ChildContext | None:
        """Return a branch or an iteration."""
        return self._row(keys.context(scope, Part.CHILD), ChildContext)

    def variables(self, scope: str) -> JsonText:
        """Return the variables of an open scope, a JSON object; empty bytes when it has none."""
        return self._bytes(keys.context(scope, Part.VARIABLES)) or b""

    def activities_beneath(self, owner: str) -> Iterator[str]:
        """Return the ids of the open visits beneath an execution or activity, itself not among
        them.
        """
        prefix = keys.contexts_beneath(owner)
        overlay = self._overlay(prefix)
        for key, _ in self._store.scan(prefix):
            if key not in overlay:
                yield from _activity_of(key)
        for key, value in overlay.items():
            if value is not None:
                yield from _activity_of(key)

    def ready_task_ids(self, queue: QueueName, limit: int) -> list[str]:
        """Return the first ready tasks of a resource, the oldest first."""
        prefix = keys.ready_prefix(*queue)
        overlay = self._overlay(prefix)
        stored = (key for key, _ in self._store.scan(prefix) if key not in overlay)
        offered = sorted(key for key, value in overlay.items() if value is not None)
        merged = heapq.merge(stored, offered)
        return [keys.split_ready(key)[3] for key in islice(merged, limit)]

    def _overlay(self, prefix: bytes) -> dict[bytes, Any]:
        overlay: dict[bytes, Any] = {}
        for batch in (*(batch for _, batch in self._in_flight), self.batch):
            overlay.update(
                (key, value) for key, value in batch.values.items() if key.startswith(prefix)
            )
        return overlay

    def task(self, task_id: str) -> TaskContext | None:
        """Return an open task."""
        return self._row(keys.context(task_id, Part.TASK), TaskContext)

    def task_input(self, task_id: str) -> JsonText:
        """Return the input of an open task."""
        return self._document(keys.context(task_id, Part.INPUT))

    def timer(self, timer_id: str) -> TimerContext | None:
        """Return an armed timer."""
        return self._row(keys.timer(timer_id), TimerContext)

    def secret(self) -> bytes | None:
        """Return the key that task tokens are signed with."""
        return self._bytes(keys.SECRET)

    @property
    def feature_level(self) -> int:
        """The feature level of the cluster."""
        row = self._row(keys.FEATURE_LEVEL, FeatureLevel)
        return features.FIRST if row is None else row.level


def _is_worth_caching(key: bytes, value: Any) -> bool:
    """Whether deciding may soon read the row again, and it is small."""
    if key[:1] not in _CACHED_FAMILIES:
        return False
    match value:
        case bytes():
            return len(value) <= _CACHED_BYTES_MAX
        case ActivityContext():
            return len(value.input) <= _CACHED_BYTES_MAX
        case ChildContext():
            return len(value.document) + len(value.item) <= _CACHED_BYTES_MAX
        case _:
            return True


def _activity_of(key: bytes) -> Iterator[str]:
    identifier, part = keys.split_context(key)
    if part == Part.ACTIVITY.value:
        yield identifier
