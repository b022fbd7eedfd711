"""Keys: their order is the order of what they mean, and none lies in the range of another."""

import string

from hypothesis import given
from hypothesis import strategies as st

from stepraft.interpreter import ids
from stepraft.interpreter.contexts import timer_id
from stepraft.interpreter.hlc import STAMP_MAX
from stepraft.interpreter.lifecycle import ExecutionStatus
from stepraft.storage import keys
from stepraft.storage.keys import Family, Part

stamps = st.integers(0, STAMP_MAX)
names = st.text(string.ascii_letters + string.digits + "_.-", min_size=1, max_size=4)
texts = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=6)
statuses = st.sampled_from(ExecutionStatus)
executions = st.builds(ids.execution_id, names, names, texts, stamps)
resources = texts
tasks = st.builds(ids.task_id, names, names, resources, stamps)


def test_no_two_families_share_a_byte() -> None:
    assert len({family.value for family in Family}) == len(Family)
    assert {len(family.value) for family in Family} == {1}


@given(executions, stamps, stamps)
def test_a_history_is_in_the_order_of_its_sequences(execution: str, one: int, other: int) -> None:
    assert (keys.history(execution, one) < keys.history(execution, other)) == (one < other)


@given(executions, stamps)
def test_a_history_key_gives_its_parts_back(execution: str, sequence: int) -> None:
    key = keys.history(execution, sequence)

    assert (keys.execution_of_history(key), keys.sequence_of(key)) == (execution, sequence)


@given(stamps, stamps)
def test_pending_commands_are_in_the_order_of_their_stamps(one: int, other: int) -> None:
    assert (keys.pending(one) < keys.pending(other)) == (one < other)


@given(stamps, stamps)
def test_trails_are_in_the_order_of_their_entries(one: int, other: int) -> None:
    assert (keys.trail(one) < keys.trail(other)) == (one < other)


@given(st.tuples(st.integers(0, (1 << 48) - 1), stamps), st.tuples(st.integers(0, 9), stamps))
def test_timers_are_in_the_order_of_their_due_times(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    earlier = keys.timer(timer_id(*one)) < keys.timer(timer_id(*other))

    assert earlier == (one < other)


@given(names, names, texts, stamps, stamps)
def test_ready_tasks_of_a_resource_are_the_oldest_first(
    tenant: str, namespace: str, resource: str, one: int, other: int
) -> None:
    first, second = (
        keys.ready(ids.task_id(tenant, namespace, resource, stamp), resource)
        for stamp in (one, other)
    )

    assert (first < second) == (one < other)


@given(names, names, texts, stamps)
def test_a_ready_key_gives_its_parts_back(
    tenant: str, namespace: str, resource: str, stamp: int
) -> None:
    task_id = ids.task_id(tenant, namespace, resource, stamp)

    parts = keys.split_ready(keys.ready(task_id, resource))

    assert parts == (tenant, namespace, resource, task_id)


@given(names, names, texts, statuses, stamps, stamps)
def test_executions_of_a_workflow_are_the_newest_first(
    tenant: str, namespace: str, workflow: str, status: ExecutionStatus, one: int, other: int
) -> None:
    first, second = (
        keys.by_workflow(ids.execution_id(tenant, namespace, "", stamp), workflow, status, stamp)
        for stamp in (one, other)
    )

    assert (first < second) == (one > other)


@given(executions, texts, statuses, stamps)
def test_an_index_key_gives_its_parts_back(
    execution: str, workflow: str, status: ExecutionStatus, started_at: int
) -> None:
    tenant, namespace = ids.tenant_and_namespace(execution)
    prefix = keys.by_workflow_prefix(tenant, namespace, workflow, status)
    key = keys.by_workflow(execution, workflow, status, started_at)

    assert key.startswith(prefix)
    assert keys.split_by_workflow(key, prefix) == (started_at, execution)


@given(names, names, texts, st.integers(1, 0xFFFFFFFF), st.integers(1, 0xFFFFFFFF))
def test_versions_are_in_the_order_of_their_numbers(
    tenant: str, namespace: str, name: str, one: int, other: int
) -> None:
    first, second = (keys.version(tenant, namespace, name, number) for number in (one, other))

    assert (first < second) == (one < other)


@given(executions, st.sampled_from(Part))
def test_a_context_key_gives_its_parts_back(identifier: str, part: Part) -> None:
    assert keys.split_context(keys.context(identifier, part)) == (identifier, part.value)


@given(executions, stamps, st.integers(0, 99_999), stamps, st.sampled_from(Part))
def test_what_an_execution_owns_is_beneath_it_at_any_depth(
    execution: str, stamp: int, index: int, inner: int, part: Part
) -> None:
    activity = ids.activity_id(execution, stamp)
    iteration = ids.iteration_id(activity, index)
    deep = ids.activity_id(iteration, inner)

    for owner in (execution, activity, iteration):
        assert keys.context(deep, part).startswith(keys.contexts_beneath(owner))
        assert not keys.context(owner, part).startswith(keys.contexts_beneath(owner))


# No part of a key can be chosen so that the key lies in the range of another owner.


@given(executions, executions, stamps, st.sampled_from(Part))
def test_nothing_of_one_execution_is_beneath_another(
    one: str, other: str, stamp: int, part: Part
) -> None:
    activity = ids.activity_id(other, stamp)

    for prefix in (keys.contexts_beneath(one), keys.history_prefix(one)):
        owned = (keys.context(activity, part), keys.history(other, stamp))
        assert any(key.startswith(prefix) for key in owned) == (one == other)


@given(executions, stamps, st.integers(0, 999), st.integers(0, 999), stamps)
def test_nothing_of_one_branch_is_beneath_another(
    execution: str, stamp: int, one: int, other: int, inner: int
) -> None:
    activity = ids.activity_id(execution, stamp)
    inside = keys.context(ids.activity_id(ids.branch_id(activity, other), inner), Part.ACTIVITY)

    assert inside.startswith(keys.contexts_beneath(ids.branch_id(activity, one))) == (one == other)


@given(st.tuples(names, names, texts), st.tuples(names, names, texts), stamps)
def test_no_ready_task_is_in_the_queue_of_another_resource(
    one: tuple[str, str, str], other: tuple[str, str, str], stamp: int
) -> None:
    ready = keys.ready(ids.task_id(*other, stamp), other[2])

    assert ready.startswith(keys.ready_prefix(*one)) == (one == other)


@given(st.tuples(names, names, texts, statuses), st.tuples(names, names, texts, statuses), stamps)
def test_no_execution_is_in_the_index_of_another_workflow_or_status(
    one: tuple[str, str, str, ExecutionStatus],
    other: tuple[str, str, str, ExecutionStatus],
    stamp: int,
) -> None:
    tenant, namespace, workflow, status = other
    execution = ids.execution_id(tenant, namespace, "", stamp)
    key = keys.by_workflow(execution, workflow, status, stamp)

    assert key.startswith(keys.by_workflow_prefix(*one)) == (one == other)


@given(st.tuples(names, names, texts), st.tuples(names, names, texts), st.integers(1, 0xFFFFFFFF))
def test_no_version_is_among_those_of_another_workflow(
    one: tuple[str, str, str], other: tuple[str, str, str], number: int
) -> None:
    assert keys.version(*other, number).startswith(keys.versions(*one)) == (one == other)


@given(st.tuples(names, names, texts), st.tuples(names, names, texts))
def test_an_idempotency_key_is_its_own_namespaces(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    assert (keys.by_key(*one) == keys.by_key(*other)) == (one == other)


@given(st.tuples(names, names, texts, texts), st.tuples(names, names, texts, texts))
def test_a_name_is_its_own_workflows(
    one: tuple[str, str, str, str], other: tuple[str, str, str, str]
) -> None:
    assert (keys.by_name(*one) == keys.by_name(*other)) == (one == other)
