"""Batch: same operations, same bytes in the same order; writing it does what the operations say."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from stepraft.interpreter.contexts import ActivityWork
from stepraft.storage.batch import Batch

_WORK = ActivityWork(task_id="a task")

steps = st.lists(
    st.tuples(st.sampled_from(["put", "insert", "delete"]), st.sampled_from([b"a", b"b", b"c"])),
    max_size=20,
)
stored = st.dictionaries(st.sampled_from([b"a", b"b", b"c"]), st.just(b"stored"))


def _run(
    plan: list[tuple[str, bytes]], before: dict[bytes, bytes]
) -> tuple[Batch, dict[bytes, bytes]]:
    """Return the batch that `plan` makes, and the rows that are there if it is taken word for word.

    An insert of a row that is there breaks its promise: it is made a put.
    """
    batch, rows = Batch(), dict(before)
    for count, (operation, key) in enumerate(plan):
        value = b"%d" % count
        if operation == "delete":
            batch.delete(key)
            rows.pop(key, None)
        else:
            keeps_promise = operation == "insert" and key not in rows
            (batch.insert if keeps_promise else batch.put)(key, value)
            rows[key] = value
    return batch, rows


@given(steps, stored)
def test_writing_a_batch_does_what_its_operations_say(
    plan: list[tuple[str, bytes]], before: dict[bytes, bytes]
) -> None:
    batch, expected = _run(plan, before)

    rows: dict[bytes, bytes | None] = {**before, **dict(batch.encoded())}

    assert {key: value for key, value in rows.items() if value is not None} == expected


@given(steps, stored)
def test_the_same_operations_give_the_same_writes_in_the_same_order(
    plan: list[tuple[str, bytes]], before: dict[bytes, bytes]
) -> None:
    first, _ = _run(plan, before)
    second, _ = _run(plan, before)

    assert first.encoded() == second.encoded()


@given(steps, stored)
def test_what_is_read_back_is_what_is_written(
    plan: list[tuple[str, bytes]], before: dict[bytes, bytes]
) -> None:
    batch, _ = _run(plan, before)

    assert list(batch.values.items()) == batch.encoded()


def test_a_row_that_is_inserted_and_deleted_is_never_written() -> None:
    batch = Batch()
    batch.insert(b"a", b"1")
    batch.put(b"a", b"2")

    batch.delete(b"a")

    assert batch.encoded() == []


def test_a_row_that_is_put_and_deleted_is_deleted() -> None:
    batch = Batch()
    batch.put(b"a", b"1")

    batch.delete(b"a")

    assert batch.encoded() == [(b"a", None)]


def test_a_stored_row_that_is_deleted_inserted_and_deleted_again_is_deleted() -> None:
    batch = Batch()
    batch.delete(b"a")
    batch.insert(b"a", b"1")

    batch.delete(b"a")

    assert batch.encoded() == [(b"a", None)]


def test_rows_are_written_in_the_order_of_their_first_write() -> None:
    batch = Batch()
    batch.put(b"b", b"1")
    batch.put(b"a", b"2")

    batch.put(b"b", b"3")

    assert batch.encoded() == [(b"b", b"3"), (b"a", b"2")]


def test_records_are_written_as_messagepack_and_bytes_as_they_are() -> None:
    batch = Batch()

    batch.put(b"work", _WORK)
    batch.put(b"text", b"{}")

    assert batch.encoded() == [(b"work", msgspec.msgpack.encode(_WORK)), (b"text", b"{}")]
