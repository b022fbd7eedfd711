"""Identifiers: their forms, and that an owner is a prefix."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepraft.interpreter import ids

_EXECUTION = "/acme/shop/e0123abc/0123456789abcdef"
_STAMPS = st.integers(0, 2**64 - 1)
_INDEXES = st.integers(0, 10**9)


def test_executions_of_one_key_share_a_partition_prefix() -> None:
    first = ids.execution_id("acme", "shop", "order-1", 5)
    second = ids.execution_id("acme", "shop", "order-1", 6)

    assert first.rpartition("/")[0] == second.rpartition("/")[0]
    assert first == "/acme/shop/e0bafe22/0000000000000005"


def test_tasks_of_one_resource_share_a_prefix() -> None:
    first = ids.task_id("acme", "shop", "charge", 5)

    assert first.rpartition("/")[0] == ids.task_id("acme", "shop", "charge", 9).rpartition("/")[0]
    assert first.rpartition("/")[0] != ids.task_id("acme", "shop", "refund", 5).rpartition("/")[0]


@given(stamps=st.tuples(_STAMPS, _STAMPS), index=_INDEXES, is_map=st.booleans())
def test_an_owner_is_a_prefix_at_every_depth(
    stamps: tuple[int, int], index: int, is_map: bool
) -> None:
    activity = ids.activity_id(_EXECUTION, stamps[0])
    child = (ids.iteration_id if is_map else ids.branch_id)(activity, index)
    inner = ids.activity_id(child, stamps[1])

    assert [ids.owner(inner), ids.owner(child), ids.owner(activity)] == [
        child,
        activity,
        _EXECUTION,
    ]
    assert {ids.execution_of(each) for each in (inner, child, activity, _EXECUTION)} == {_EXECUTION}
    assert ids.index_of(child) == index
    assert ids.is_iteration(child) is is_map
    assert not ids.is_iteration(_EXECUTION)
    assert ids.is_execution_scope(_EXECUTION)
    assert not ids.is_execution_scope(child)
    assert ids.tenant_and_namespace(inner) == ("acme", "shop")


@pytest.mark.parametrize(
    ("text", "is_valid"),
    [
        pytest.param(_EXECUTION, True, id="as made"),
        pytest.param(_EXECUTION + "/0123456789abcdef", False, id="an activity"),
        pytest.param("/acme/../e0123abc/0123456789abcdef", False, id="a path upwards"),
        pytest.param("/acme/shop\0/e0123abc/0123456789abcdef", False, id="a NUL"),
        pytest.param(_EXECUTION + "\n", False, id="a line end"),
        pytest.param(_EXECUTION.upper(), False, id="capital digits"),
        pytest.param("/acme/shop/t0123abc/0123456789abcdef", False, id="a task"),
        pytest.param("", False, id="nothing"),
    ],
)
def test_only_the_form_of_an_execution_id_is_taken_for_one(text: str, is_valid: bool) -> None:
    assert ids.is_execution(text) is is_valid


@pytest.mark.parametrize(
    ("text", "is_valid"),
    [
        pytest.param("default", True, id="letters"),
        pytest.param("a" * 80, True, id="80 characters"),
        pytest.param("a" * 81, False, id="81 characters"),
        pytest.param("", False, id="nothing"),
        pytest.param("a/b", False, id="a slash"),
        pytest.param(".hidden", False, id="a leading dot"),
    ],
)
def test_a_namespace_is_a_plain_name(text: str, is_valid: bool) -> None:
    assert ids.is_namespace(text) is is_valid
