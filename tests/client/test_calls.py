"""Which requests are sent again, and to whom."""

import socket
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from stepraft.client import (
    Client,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    OverloadedError,
    ServerError,
    UnavailableError,
)
from stepraft.v1 import executions_pb2

RUNNING = executions_pb2.Execution(status=executions_pb2.EXECUTION_STATUS_RUNNING)
FOUND = executions_pb2.GetExecutionResponse(execution=RUNNING)
STARTED = executions_pb2.StartExecutionResponse()
CANCELING = executions_pb2.CancelExecutionResponse(execution=RUNNING)

BROKEN = "UNAVAILABLE", ""
NO_LEADER = "UNAVAILABLE", "NO_LEADER"
OVERLOADED = "RESOURCE_EXHAUSTED", "OVERLOADED"
DISK_FULL = "RESOURCE_EXHAUSTED", "DISK_FULL"
QUOTA_EXCEEDED = "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"
OUTCOME_UNKNOWN = "UNAVAILABLE", "OUTCOME_UNKNOWN"
MISSING = "NOT_FOUND", "EXECUTION_NOT_FOUND"
FAULT = "INTERNAL", ""

READ = "get_execution", ("id",), "GetExecution", FOUND
SAME_WRITE = (
    "start_execution",
    ("orders",),
    "StartExecution",
    executions_pb2.StartExecutionResponse(),
)
NEW_WRITE = "cancel_execution", ("id",), "CancelExecution", CANCELING


@pytest.mark.parametrize(
    ("call", "failure", "outcome"),
    [
        pytest.param(READ, BROKEN, None, id="a read after a break"),
        pytest.param(READ, NO_LEADER, None, id="a read without a leader"),
        pytest.param(READ, OUTCOME_UNKNOWN, None, id="a read whose fate is unknown"),
        pytest.param(READ, MISSING, NotFoundError, id="a read of nothing"),
        pytest.param(READ, QUOTA_EXCEEDED, OverloadedError, id="a read over the quota"),
        pytest.param(READ, FAULT, ServerError, id="a read that the server fails at"),
        pytest.param(SAME_WRITE, BROKEN, None, id="a write with a key after a break"),
        pytest.param(SAME_WRITE, OUTCOME_UNKNOWN, None, id="a write with a key, fate unknown"),
        pytest.param(NEW_WRITE, BROKEN, OutcomeUnknownError, id="a write after a break"),
        pytest.param(NEW_WRITE, OUTCOME_UNKNOWN, OutcomeUnknownError, id="a write, fate unknown"),
        pytest.param(NEW_WRITE, NO_LEADER, None, id="a write without a leader"),
        pytest.param(NEW_WRITE, OVERLOADED, None, id="a write that was shed"),
        pytest.param(NEW_WRITE, DISK_FULL, None, id="a write without room"),
    ],
)
async def test_a_request_is_sent_again_only_where_that_does_no_harm(
    fake_node: Callable[..., Any],
    refusal: Callable[..., Any],
    call: tuple[str, tuple[str, ...], str, Any],
    failure: tuple[str, str],
    outcome: type[Exception] | None,
) -> None:
    method, arguments, rpc, answer = call
    code, reason = failure
    async with fake_node() as node, Client(node.address) as client:
        node.script(rpc, refusal(grpc.StatusCode[code], reason), answer)
        if outcome is None:
            await getattr(client, method)(*arguments)
        else:
            with pytest.raises(outcome):
                await getattr(client, method)(*arguments)

        assert len(node.requests) == (2 if outcome is None else 1)


async def test_tries_of_one_start_carry_one_key_and_two_starts_carry_two(
    fake_node: Callable[..., Any], refusal: Callable[..., Any]
) -> None:
    lost = refusal(grpc.StatusCode.UNAVAILABLE)
    async with fake_node() as node, Client(node.address) as client:
        node.script("StartExecution", lost, lost, STARTED, STARTED)
        await client.start_execution("orders")
        await client.start_execution("orders")

        keys = [request.idempotency_key for request in node.requests]

    assert keys[0]
    assert keys[:3] == [keys[0]] * 3
    assert keys[3] not in {"", keys[0]}


async def test_a_start_with_a_name_needs_no_key(fake_node: Callable[..., Any]) -> None:
    async with fake_node() as node, Client(node.address) as client:
        node.script("StartExecution", STARTED)
        await client.start_execution("orders", name="A-17")

        assert [(one.name, one.idempotency_key) for one in node.requests] == [("A-17", "")]


async def test_another_node_is_asked_when_one_has_no_leader(
    fake_node: Callable[..., Any], refusal: Callable[..., Any]
) -> None:
    async with fake_node() as cut_off, fake_node() as well:
        cut_off.script("GetExecution", refusal(grpc.StatusCode.UNAVAILABLE, "NO_LEADER"))
        well.script("GetExecution", FOUND)
        async with Client([cut_off.address, well.address]) as client:
            await client.get_execution("id")

        assert (len(cut_off.requests), len(well.requests)) == (1, 1)


async def test_a_hint_beyond_the_deadline_ends_the_call_at_once(
    fake_node: Callable[..., Any], refusal: Callable[..., Any]
) -> None:
    async with fake_node() as node, Client(node.address) as client:
        node.script(
            "GetExecution",
            refusal(grpc.StatusCode.UNAVAILABLE, "NO_LEADER", retry_after_s=3600.0),
        )
        with pytest.raises(UnavailableError) as caught:
            await client.get_execution("id")

        assert (caught.value.retry_after_s, len(node.requests)) == (3600.0, 1)


async def test_a_refusal_with_a_hint_is_sent_again_if_it_is_repeatable(
    fake_node: Callable[..., Any], refusal: Callable[..., Any]
) -> None:
    async with fake_node() as node, Client(node.address) as client:
        node.script(
            "GetExecution",
            refusal(grpc.StatusCode.ABORTED, retry_after_s=0.001),
            FOUND,
        )
        await client.get_execution("id")

        assert len(node.requests) == 2


async def test_a_keyed_write_that_was_lost_and_never_answered_has_an_unknown_outcome(
    fake_node: Callable[..., Any], refusal: Callable[..., Any]
) -> None:
    async with fake_node() as node, Client(node.address, timeout_s=0.3) as client:
        without_leader = [refusal(grpc.StatusCode.UNAVAILABLE, "NO_LEADER")] * 100
        node.script("StartExecution", refusal(grpc.StatusCode.UNAVAILABLE), *without_leader)

        with pytest.raises(OutcomeUnknownError, match="it may have been done"):
            await client.start_execution("orders")


async def test_a_call_that_runs_out_of_time_raises_what_a_node_answered_last(
    fake_node: Callable[..., Any], refusal: Callable[..., Any]
) -> None:
    async with fake_node() as node, Client(node.address, timeout_s=0.5) as client:
        node.script(
            "GetExecution",
            refusal(grpc.StatusCode.UNAVAILABLE, "NO_LEADER", text="no majority"),
            refusal(grpc.StatusCode.DEADLINE_EXCEEDED, text="Deadline Exceeded"),
            *[refusal(grpc.StatusCode.DEADLINE_EXCEEDED)] * 100,
        )
        with pytest.raises(UnavailableError) as caught:
            await client.get_execution("id")

    assert (caught.value.reason, caught.value.text) == ("NO_LEADER", "no majority")


async def test_a_write_without_an_answer_in_time_promises_nothing_by_an_earlier_one(
    fake_node: Callable[..., Any], refusal: Callable[..., Any]
) -> None:
    async with fake_node() as node, Client(node.address) as client:
        node.script(
            "CancelExecution",
            refusal(grpc.StatusCode.UNAVAILABLE, "NO_LEADER", text="no majority"),
            refusal(grpc.StatusCode.DEADLINE_EXCEEDED, text="Deadline Exceeded"),
        )
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.cancel_execution("id")

    assert caught.value.reason == "OUTCOME_UNKNOWN"
    assert caught.value.text == "no majority; it may have been done"


async def test_a_request_larger_than_a_node_reads_is_an_invalid_one(
    fake_node: Callable[..., Any],
) -> None:
    async with fake_node() as node, Client(node.address) as client:
        with pytest.raises(InvalidRequestError, match="at most 4,194,304") as caught:
            await client.start_execution("orders", "x" * 5_000_000)

        assert (caught.value.reason, node.requests) == ("PAYLOAD_TOO_LARGE", [])


async def test_a_keyed_write_that_never_left_is_only_unavailable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with Client(f"127.0.0.1:{taken.getsockname()[1]}", timeout_s=0.2) as client:
            with pytest.raises(UnavailableError) as caught:
                await client.start_execution("orders")

    assert type(caught.value) is UnavailableError
