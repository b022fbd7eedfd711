"""Reads of what the services show and what a new leader takes up. Pass a snapshot where one answer
needs several rows.
"""

import heapq
from collections.abc import Iterator
from itertools import islice

import msgspec

from stepraft.interpreter import features
from stepraft.interpreter.contexts import (
    ExecutionContext,
    FeatureLevel,
    WorkflowContext,
    WorkflowVersion,
)
from stepraft.interpreter.lifecycle import ExecutionStatus
from stepraft.interpreter.records import JsonText
from stepraft.storage import keys
from stepraft.storage.entry import PendingCommand
from stepraft.storage.keys import Family, Part
from stepraft.storage.kv import Readable, Row
from stepraft.storage.rows import HistoryRow

_decode_execution = msgspec.msgpack.Decoder(ExecutionContext).decode
_decode_workflow = msgspec.msgpack.Decoder(WorkflowContext).decode
_decode_version = msgspec.msgpack.Decoder(WorkflowVersion).decode
_decode_history = msgspec.msgpack.Decoder(HistoryRow).decode
_decode_level = msgspec.msgpack.Decoder(FeatureLevel).decode
_decode_pending = msgspec.msgpack.Decoder(PendingCommand).decode

# Executions


def execution(store: Readable, execution_id: str) -> ExecutionContext | None:
    """Return an execution."""
    value = store.get(keys.context(execution_id, Part.EXECUTION))
    return None if value is None else _decode_execution(value)


def execution_input(store: Readable, execution_id: str) -> JsonText | None:
    """Return the input of an execution; None when there is no such execution."""
    return store.get(keys.context(execution_id, Part.INPUT))


def execution_output(store: Readable, execution_id: str) -> JsonText | None:
    """Return the output of an execution; None unless it has succeeded."""
    return store.get(keys.context(execution_id, Part.OUTPUT))


def list_executions(
    store: Readable,
    tenant: str,
    namespace: str,
    workflow: str | None,
    statuses: tuple[ExecutionStatus, ...],
    page_size: int,
    cursor: bytes | None = None,
) -> tuple[list[ExecutionContext], bytes | None]:
    """Return a page of the executions of one workflow, or (None) of all of a namespace, the newest
    first.

    `statuses`: those to list, none for all. `cursor`: None for the first page, else what the page
    before gave, for the same list; the last page gives None. An execution that starts while pages
    are read is in front of them.
    """
    names = (workflow,) if workflow is not None else _workflow_names(store, tenant, namespace)
    ranges = [
        _execution_ends(store, keys.by_workflow_prefix(tenant, namespace, name, status), cursor)
        for name in names
        for status in dict.fromkeys(statuses or ExecutionStatus)
    ]
    ends = list(islice(heapq.merge(*ranges), page_size + 1))
    page = [_listed(store, end) for end in ends[:page_size]]
    return page, ends[page_size - 1] if len(ends) > page_size else None


def _workflow_names(store: Readable, tenant: str, namespace: str) -> tuple[str, ...]:
    prefix = keys.workflows(tenant, namespace)
    return tuple(key[len(prefix) :].decode() for key, _ in store.scan(prefix))


def _execution_ends(store: Readable, prefix: bytes, cursor: bytes | None) -> Iterator[bytes]:
    """Give the ends of BY_WORKFLOW keys, inverted start and execution, behind `cursor`: their order
    is that of the list.
    """
    start = None if cursor is None else prefix + cursor + b"\0"
    for key, _ in store.scan(prefix, start=start):
        yield key[len(prefix) :]


def _listed(store: Readable, end: bytes) -> ExecutionContext:
    _, execution_id = keys.split_by_workflow(end, b"")
    found = execution(store, execution_id)
    assert found is not None, f"the index names {execution_id}, which is not there"
    return found


# Histories


def history(
    store: Readable, execution_id: str, after: int, limit: int, *, newest_first: bool = False
) -> list[tuple[int, HistoryRow]]:
    """Return up to `limit` events of a history with their sequences.

    They are those above `after`, the oldest first; or, newest first, those below it, where 0 stands
    for the end.
    """
    rows = store.scan(
        keys.history_prefix(execution_id),
        start=_behind(execution_id, after, newest_first=newest_first),
        reverse=newest_first,
    )
    return [(keys.sequence_of(key), _decode_history(value)) for key, value in islice(rows, limit)]


def _behind(execution_id: str, after: int, *, newest_first: bool) -> bytes | None:
    if after == 0:
        return None
    return keys.history(execution_id, after - 1 if newest_first else after + 1)


def last_sequence(store: Readable, execution_id: str) -> int:
    """Return the length of an execution's history, 0 when it has none."""
    last = next(store.scan(keys.history_prefix(execution_id), reverse=True), None)
    return 0 if last is None else keys.sequence_of(last[0])


# Workflows


def workflow(store: Readable, tenant: str, namespace: str, name: str) -> WorkflowContext | None:
    """Return the head of a workflow."""
    value = store.get(keys.workflow(tenant, namespace, name))
    return None if value is None else _decode_workflow(value)


def workflow_version(
    store: Readable, tenant: str, namespace: str, name: str, version: int
) -> WorkflowVersion | None:
    """Return one version of a workflow."""
    value = store.get(keys.version(tenant, namespace, name, version))
    return None if value is None else _decode_version(value)


def list_workflows(
    store: Readable, tenant: str, namespace: str, page_size: int, after: str = ""
) -> list[WorkflowContext]:
    """Return up to `page_size` workflows of a namespace, by name, those behind the name `after`."""
    start = keys.workflow(tenant, namespace, after) + b"\0" if after else None
    rows = store.scan(keys.workflows(tenant, namespace), start=start)
    return [_decode_workflow(value) for _, value in islice(rows, page_size)]


def list_workflow_versions(
    store: Readable, tenant: str, namespace: str, name: str, page_size: int, before: int = 0
) -> list[WorkflowVersion]:
    """Return up to `page_size` versions of a workflow, the newest first, those below `before`; 0
    for all.
    """
    start = keys.version(tenant, namespace, name, before - 1) if before else None
    rows = store.scan(keys.versions(tenant, namespace, name), start=start, reverse=True)
    return [_decode_version(value) for _, value in islice(rows, page_size)]


# What a new leader takes up


def pending_commands(store: Readable) -> Iterator[PendingCommand]:
    """Return the commands that no event follows yet, in order."""
    return (_decode_pending(value) for _, value in store.scan(Family.PENDING.value))


def timer_ids(store: Readable, after: str, limit: int) -> list[str]:
    """Return up to `limit` armed timers, the earliest first, those behind `after`; "" for all."""
    prefix = Family.TIMER.value
    start = prefix + after.encode() + b"\0" if after else None
    return [
        key[len(prefix) :].decode() for key, _ in islice(store.scan(prefix, start=start), limit)
    ]


# The cluster


def feature_level(store: Readable) -> int:
    """Return the feature level of the cluster."""
    value = store.get(keys.FEATURE_LEVEL)
    return features.FIRST if value is None else _decode_level(value).level


# Rows as they are


def replicated_rows(store: Readable) -> Iterator[Row]:
    """Return all rows but the node's own: equal on replicas that have applied the same entries."""
    local = Family.LOCAL.value
    return (row for row in store.scan(b"") if row[0][:1] != local)
