"""What is refused while disks fill up, and what goes on."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from stepraft.interpreter.errors import Reason, Rejection
from stepraft.interpreter.lifecycle import ExecutionStatus
from stepraft.server.raft.contract import Room, Shortage
from stepraft.server.service.callers import ANYBODY
from tests.server.local_node import (
    PASS,
    TASK,
    LocalNode,
    complete,
    local_node,
    polled,
    put,
    started,
)

LOW = Shortage(Room.LOW, "n2", 1_000, 5_000)
CRITICAL = Shortage(Room.CRITICAL, "n3", 10, 2_000)


def run_short(node: LocalNode, shortage: Shortage | None) -> None:
    """Say from now on that the cluster is short of room, or no longer."""
    status = msgspec.structs.replace(type(node.log).status(node.log), shortage=shortage)
    node.log.status = lambda: status  # type: ignore[method-assign]


async def start(node: LocalNode, running: str) -> Any:
    return await started(node, "echo")


async def put_another(node: LocalNode, running: str) -> Any:
    return await put(node, another=PASS)


async def complete_task(node: LocalNode, running: str) -> Any:
    (task,) = await polled(node)
    return await complete(node, task)


async def cancel(node: LocalNode, running: str) -> Any:
    return await node.application.executions.cancel(ANYBODY, running, "", "")


async def read(node: LocalNode, running: str) -> Any:
    return await node.application.executions.get(ANYBODY, running)


@pytest.mark.parametrize(
    ("shortage", "action", "is_refused"),
    [
        pytest.param(LOW, start, True, id="low: no new execution"),
        pytest.param(LOW, put_another, True, id="low: no new workflow"),
        pytest.param(LOW, complete_task, False, id="low: results are taken"),
        pytest.param(LOW, cancel, False, id="low: executions can be canceled"),
        pytest.param(LOW, read, False, id="low: reads go on"),
        pytest.param(CRITICAL, start, True, id="critical: no new execution"),
        pytest.param(CRITICAL, cancel, True, id="critical: nothing is canceled"),
        pytest.param(CRITICAL, read, False, id="critical: reads go on"),
    ],
)
async def test_what_is_refused_depends_on_the_room_that_is_left(
    shortage: Shortage, action: Callable[[LocalNode, str], Awaitable[Any]], is_refused: bool
) -> None:
    async with local_node() as node:
        await put(node, echo=PASS, task=TASK)
        running = await started(node, "task")
        run_short(node, shortage)

        if is_refused:
            with pytest.raises(Rejection) as refused:
                await action(node, running)
            assert refused.value.reason is Reason.DISK_FULL
        else:
            await action(node, running)


async def test_a_result_is_refused_when_room_is_critical_and_taken_when_it_is_back() -> None:
    async with local_node() as node:
        await put(node, task=TASK)
        identifier = await started(node, "task")
        (task,) = await polled(node)
        run_short(node, CRITICAL)
        with pytest.raises(Rejection) as refused:
            await complete(node, task)

        run_short(node, None)
        await complete(node, task)

        view = await node.application.executions.get(ANYBODY, identifier)
        assert refused.value.reason is Reason.DISK_FULL
        assert view.context.status is ExecutionStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("shortage", "text"),
    [
        pytest.param(
            LOW,
            "the disk of node n2 has 1,000 bytes free, disk.low_bytes is 5,000: "
            "new work is refused until there is room",
            id="low",
        ),
        pytest.param(
            CRITICAL,
            "the disk of node n3 has 10 bytes free, disk.critical_bytes is 2,000: "
            "writes are refused until there is room",
            id="critical",
        ),
    ],
)
async def test_the_refusal_names_node_bytes_and_limit(shortage: Shortage, text: str) -> None:
    async with local_node() as node:
        await put(node, echo=PASS)
        run_short(node, shortage)

        with pytest.raises(Rejection) as refused:
            await started(node, "echo")

        assert refused.value.text == text
