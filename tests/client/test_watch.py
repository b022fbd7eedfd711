"""Watching an execution across breaks."""

from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import grpc
import pytest

from stepraft.client import Client, NotFoundError, UnavailableError
from stepraft.v1.executions_pb2 import HistoryEvent

E1, E2, E3, E4 = (HistoryEvent(sequence=number, type="StateStarted") for number in range(1, 5))


async def test_after_a_break_the_watch_goes_on_behind_the_last_event(
    fake_node: Callable[..., Any], refusal: Callable[..., Any]
) -> None:
    broken = refusal(grpc.StatusCode.UNAVAILABLE)
    async with fake_node() as node, Client(node.address) as client:
        node.script("WatchExecution", [E1, E2, broken], [broken], [E3, broken], [E4])

        seen = [event.sequence async for event in client.watch("id")]

        assert seen == [1, 2, 3, 4]
        assert [request.after_sequence for request in node.requests] == [0, 2, 2, 3]


async def test_another_node_takes_over(
    fake_node: Callable[..., Any], refusal: Callable[..., Any]
) -> None:
    async with fake_node() as first, fake_node() as second:
        first.script("WatchExecution", [E1, refusal(grpc.StatusCode.UNAVAILABLE)])
        second.script("WatchExecution", [E2])
        async with Client([first.address, second.address]) as client:
            seen = [event.sequence async for event in client.watch("id")]

        assert seen == [1, 2]
        assert second.requests[0].after_sequence == 1


async def test_a_watch_may_begin_in_the_middle_and_be_left_early(
    fake_node: Callable[..., Any],
) -> None:
    async with fake_node() as node, Client(node.address) as client:
        node.script("WatchExecution", [E3, E4])
        async with aclosing(client.watch("id", after_sequence=2)) as events:
            first = await anext(events)

        assert (first.sequence, node.requests[0].after_sequence) == (3, 2)


async def test_a_refusal_ends_the_watch(
    fake_node: Callable[..., Any], refusal: Callable[..., Any]
) -> None:
    async with fake_node() as node, Client(node.address) as client:
        node.script("WatchExecution", [refusal(grpc.StatusCode.NOT_FOUND, "EXECUTION_NOT_FOUND")])

        with pytest.raises(NotFoundError):
            await anext(client.watch("id"))

        assert len(node.requests) == 1


async def test_breaks_without_any_progress_end_the_watch_at_last(
    fake_node: Callable[..., Any], refusal: Callable[..., Any]
) -> None:
    async with fake_node() as node, Client(node.address, timeout_s=0.3) as client:
        node.script("WatchExecution", *[[refusal(grpc.StatusCode.UNAVAILABLE)]] * 200)

        with pytest.raises(UnavailableError):
            await anext(client.watch("id"))
