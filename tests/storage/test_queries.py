"""Queries: pages without gaps or repeats, the newest first; what a new leader takes up."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepraft.interpreter import ids
from stepraft.interpreter.commands import FireTimer
from stepraft.interpreter.contexts import (
    ExecutionContext,
    TimerContext,
    TimerKind,
    WorkflowContext,
    WorkflowVersion,
)
from stepraft.interpreter.events import (
    Event,
    ExecutionCompleted,
    ExecutionStarted,
    StateStarted,
    TimerStarted,
    WorkflowPut,
)
from stepraft.interpreter.lifecycle import ENDED, ExecutionStatus
from stepraft.storage import queries
from stepraft.storage.appliers import apply, follow_and_leave
from stepraft.storage.batch import Batch
from stepraft.storage.entry import PendingCommand
from stepraft.storage.kv import KeyValueStore
from stepraft.storage.memory import MemoryStore
from stepraft.storage.rows import HistoryRow


def _apply(store: KeyValueStore, *events: Event) -> None:
    batch = Batch()
    for event in events:
        apply(event, batch, stamp=1, sequence=0)
    store.write(batch.encoded())


def _put(namespace: str, name: str, version: int = 1) -> WorkflowPut:
    return WorkflowPut(
        workflow=WorkflowContext(
            tenant="acme", namespace=namespace, name=name, version=version, updated_at=version
        ),
        version=WorkflowVersion(
            version=version, definition="{}", description="", created_at=version
        ),
    )


def _execution(
    stamp: int,
    workflow: str = "order",
    status: ExecutionStatus = ExecutionStatus.RUNNING,
    namespace: str = "shop",
) -> ExecutionContext:
    return ExecutionContext(
        execution_id=ids.execution_id("acme", namespace, "", stamp),
        workflow=workflow,
        version=1,
        name=str(stamp),
        status=status,
        started_at=stamp,
    )


def _started(execution: ExecutionContext) -> ExecutionStarted:
    return ExecutionStarted(execution=execution, input=b"%d" % execution.started_at)


# Executions


def test_an_execution_is_found_with_its_input_and_output(store: KeyValueStore) -> None:
    running, ended = _execution(1), _execution(1, status=ExecutionStatus.SUCCEEDED)
    _apply(store, _started(running))
    assert queries.execution_output(store, running.execution_id) is None

    completed = ExecutionCompleted(
        execution=ended, old_status=ExecutionStatus.RUNNING, output=b"[]"
    )
    _apply(store, completed)

    found = (
        queries.execution(store, ended.execution_id),
        queries.execution_input(store, ended.execution_id),
        queries.execution_output(store, ended.execution_id),
    )
    assert found == (ended, b"1", b"[]")


def test_an_execution_that_is_not_there_is_none(store: KeyValueStore) -> None:
    execution_id = _execution(1).execution_id

    assert queries.execution(store, execution_id) is None
    assert queries.execution_input(store, execution_id) is None
    assert queries.execution_output(store, execution_id) is None


_WORKFLOWS = ("bill", "order", "order2")
_STATUSES = (ExecutionStatus.RUNNING, *sorted(ENDED))


@settings(max_examples=60, deadline=None)
@given(
    kinds=st.lists(st.tuples(st.sampled_from(_WORKFLOWS), st.sampled_from(_STATUSES)), max_size=20),
    workflow=st.none() | st.sampled_from(_WORKFLOWS),
    statuses=st.lists(st.sampled_from(_STATUSES), max_size=3),
    page_size=st.integers(1, 6),
)
def test_pages_hold_all_that_is_asked_for_once_the_newest_first(
    kinds: list[tuple[str, ExecutionStatus]],
    workflow: str | None,
    statuses: list[ExecutionStatus],
    page_size: int,
) -> None:
    store = MemoryStore()
    executions = [_execution(stamp, *kind) for stamp, kind in enumerate(kinds, start=1)]
    elsewhere = _execution(99, namespace="shop2")
    _apply(
        store,
        *(_put("shop", name) for name in _WORKFLOWS),
        _put("shop2", "order"),
        *(_started(execution) for execution in (*executions, elsewhere)),
    )

    listed: list[ExecutionContext] = []
    cursor, pages = None, 0
    while pages == 0 or cursor is not None:
        page, cursor = queries.list_executions(
            store, "acme", "shop", workflow, tuple(statuses), page_size, cursor
        )
        assert len(page) == page_size or cursor is None
        assert page or not listed, "a cursor led to an empty page"
        listed += page
        pages += 1
        assert pages <= len(executions) + 1, "the pages do not end"

    assert listed == [
        execution
        for execution in reversed(executions)
        if workflow in (None, execution.workflow) and (not statuses or execution.status in statuses)
    ]


def test_what_starts_and_ends_between_two_pages_moves_nothing_else(store: KeyValueStore) -> None:
    first, second, third = (_execution(stamp) for stamp in (1, 2, 3))
    _apply(store, _put("shop", "order"), *(_started(each) for each in (first, second, third)))
    page, cursor = queries.list_executions(store, "acme", "shop", "order", (), 1)
    assert page == [third]

    ended = _execution(2, status=ExecutionStatus.FAILED)
    _apply(
        store,
        _started(_execution(4)),
        ExecutionCompleted(execution=ended, old_status=ExecutionStatus.RUNNING),
    )

    page, cursor = queries.list_executions(store, "acme", "shop", "order", (), 9, cursor)
    assert (page, cursor) == ([ended, first], None)


# Histories


@pytest.mark.parametrize(
    ("after", "limit", "newest_first", "sequences"),
    [
        pytest.param(0, 9, False, [1, 2, 3, 4, 5], id="all"),
        pytest.param(0, 2, False, [1, 2], id="first page"),
        pytest.param(2, 2, False, [3, 4], id="next page"),
        pytest.param(4, 2, False, [5], id="last page"),
        pytest.param(5, 2, False, [], id="behind the end"),
        pytest.param(0, 2, True, [5, 4], id="newest page"),
        pytest.param(4, 2, True, [3, 2], id="next older page"),
        pytest.param(2, 2, True, [1], id="oldest page"),
        pytest.param(1, 2, True, [], id="before the beginning"),
    ],
)
def test_a_history_is_read_in_pages(
    after: int, limit: int, newest_first: bool, sequences: list[int], store: KeyValueStore
) -> None:
    execution_id = _execution(1).execution_id
    batch = Batch()
    for sequence in range(1, 6):
        apply(_entered(execution_id, sequence), batch, stamp=sequence * 10, sequence=sequence)
        apply(_entered(f"{execution_id[:-1]}2", 9), batch, stamp=9, sequence=sequence)
    store.write(batch.encoded())

    found = queries.history(store, execution_id, after, limit, newest_first=newest_first)

    assert found == [
        (each, HistoryRow(at=each * 10, event=_entered(execution_id, each))) for each in sequences
    ]
    assert queries.last_sequence(store, execution_id) == 5
    assert queries.last_sequence(store, f"{execution_id[:-1]}3") == 0


def _entered(execution_id: str, stamp: int) -> StateStarted:
    return StateStarted(
        activity_id=ids.activity_id(execution_id, stamp),
        state_name="State",
        state_type="Task",
        input=b"{}",
        entered_at=stamp,
        entered_sequence=stamp,
    )


# Workflows


def test_workflows_and_their_versions_are_found_and_listed(store: KeyValueStore) -> None:
    puts = [_put("shop", "bill"), _put("shop", "order", 1), _put("shop", "order", 2)]
    _apply(store, *puts, _put("shop2", "order", 7))
    bill, first, second = (put.version for put in puts)
    order = puts[-1].workflow

    assert queries.workflow(store, "acme", "shop", "order") == order
    assert queries.workflow(store, "acme", "shop", "none") is None
    assert queries.workflow_version(store, "acme", "shop", "bill", 1) == bill
    assert queries.workflow_version(store, "acme", "shop", "order", 3) is None
    assert queries.list_workflows(store, "acme", "shop", 1) == [puts[0].workflow]
    assert queries.list_workflows(store, "acme", "shop", 9, after="bill") == [order]
    assert queries.list_workflow_versions(store, "acme", "shop", "order", 1) == [second]
    assert queries.list_workflow_versions(store, "acme", "shop", "order", 9, before=2) == [first]
    assert queries.list_workflow_versions(store, "acme", "shop", "order", 9, before=1) == []


# What a new leader takes up


def test_pending_commands_are_those_that_nothing_has_followed_in_order(
    store: KeyValueStore,
) -> None:
    one, two, three = (
        PendingCommand(stamp=stamp, command=FireTimer(timer_id=str(stamp))) for stamp in (1, 2, 300)
    )
    batch = Batch()
    follow_and_leave(batch, 0, (three, two, one))
    store.write(batch.encoded())
    batch = Batch()
    follow_and_leave(batch, 2, ())
    store.write(batch.encoded())

    assert list(queries.pending_commands(store)) == [one, three]


def test_timers_are_read_in_pages_the_earliest_first(store: KeyValueStore) -> None:
    names = ("a", "b", "c")
    timers = [TimerContext(timer_id=each, kind=TimerKind.WAIT, target="x") for each in names]
    _apply(store, *(TimerStarted(timer=timer) for timer in reversed(timers)))

    assert queries.timer_ids(store, after="", limit=2) == ["a", "b"]
    assert queries.timer_ids(store, after="b", limit=2) == ["c"]
    assert queries.timer_ids(store, after="c", limit=2) == []


# Rows as they are


def test_the_nodes_own_rows_are_not_replicated(store: KeyValueStore) -> None:
    store.write([(b"lformat", b"mine"), (b"mposition", b"ours"), (b"c/", b"ours")])

    assert list(queries.replicated_rows(store)) == [(b"c/", b"ours"), (b"mposition", b"ours")]
