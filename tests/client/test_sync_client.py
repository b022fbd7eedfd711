"""The blocking client: the same methods, for code without an event loop."""

import asyncio
import inspect
import signal
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import Future
from typing import Any

import grpc
import pytest

from stepraft.client import Client, NotFoundError, SyncClient
from stepraft.v1 import executions_pb2
from stepraft.v1.executions_pb2 import HistoryEvent

RUNNING = executions_pb2.Execution(
    execution_id="e1", status=executions_pb2.EXECUTION_STATUS_RUNNING
)


@pytest.fixture
def node(fake_node: Callable[..., Any]) -> Iterator[Any]:
    """A node that runs in a thread of its own, as this test blocks."""
    started: Future[Any] = Future()
    loop = asyncio.new_event_loop()
    ended = asyncio.Event()

    async def serve() -> None:
        async with fake_node() as node:
            started.set_result(node)
            await ended.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    yield started.result()
    loop.call_soon_threadsafe(ended.set)
    thread.join()
    loop.close()


def methods(kind: type) -> dict[str, list[str]]:
    return {
        name: [str(parameter) for parameter in inspect.signature(method).parameters.values()]
        for name, method in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }


def test_it_has_the_methods_of_the_client_with_the_same_parameters() -> None:
    assert methods(SyncClient) == methods(Client)


def test_a_call_blocks_and_gives_the_value(node: Any) -> None:
    node.script("StartExecution", executions_pb2.StartExecutionResponse(execution_id="e1"))

    with SyncClient(node.address, namespace="shop") as client:
        started = client.start_execution("orders", {"a": 1}, name="A-17")

    assert (started.execution_id, node.requests[0].namespace) == ("e1", "shop")


def test_an_error_is_that_of_the_client(node: Any, refusal: Callable[..., Any]) -> None:
    node.script("GetExecution", refusal(grpc.StatusCode.NOT_FOUND, "EXECUTION_NOT_FOUND"))

    with SyncClient(node.address) as client, pytest.raises(NotFoundError):
        client.get_execution("e1")


def test_listings_and_watches_are_plain_iterators(node: Any) -> None:
    node.script("WatchExecution", [HistoryEvent(sequence=1), HistoryEvent(sequence=2)])
    page = executions_pb2.ListExecutionsResponse(executions=[RUNNING])
    node.script("ListExecutions", page)

    with SyncClient(node.address) as client:
        assert [event.sequence for event in client.watch("e1")] == [1, 2]
        assert [execution.status for execution in client.list_executions()] == ["RUNNING"]


def test_an_iteration_may_be_left_early_and_outlive_the_client(node: Any) -> None:
    node.script("WatchExecution", [HistoryEvent(sequence=1), HistoryEvent(sequence=2)])

    with SyncClient(node.address) as client:
        events = client.watch("e1")
        assert next(events).sequence == 1
    events.close()


def test_many_threads_share_one_client(node: Any) -> None:
    node.script("GetExecution", *[executions_pb2.GetExecutionResponse(execution=RUNNING)] * 20)
    found: list[str] = []

    with SyncClient(node.address) as client:
        threads = [
            threading.Thread(target=lambda: found.append(client.get_execution("e1").execution_id))
            for _ in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert found == ["e1"] * 20


def test_a_closed_client_says_so_and_may_be_closed_again(node: Any) -> None:
    client = SyncClient(node.address)
    client.close()
    client.close()

    with pytest.raises(RuntimeError, match="the client is closed"):
        client.get_execution("e1")


@pytest.fixture
def _ctrl_c_interrupts() -> Iterator[None]:
    """Take SIGINT as a terminal's process does, whatever started this one."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_ctrl_c_interrupts")
def test_ctrl_c_in_an_iteration_is_what_comes_out_of_it() -> None:
    ended = []
    main_thread = threading.get_ident()

    async def waits() -> AsyncGenerator[int, None]:
        yield 1
        signal.pthread_kill(main_thread, signal.SIGINT)
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(100):
                await asyncio.sleep(0)
            ended.append(True)

    with SyncClient("127.0.0.1:1") as client:
        items = client._each(waits())
        assert next(items) == 1
        with pytest.raises(KeyboardInterrupt):
            next(items)

    assert ended == [True]
