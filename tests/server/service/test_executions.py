"""Executions through the service, on one node in memory."""

import asyncio
import json
from contextlib import aclosing

import pytest

from stepraft.interpreter.errors import Reason, Rejection
from stepraft.interpreter.lifecycle import ExecutionStatus
from stepraft.server.service import partitions
from stepraft.server.service.callers import ANYBODY, Caller
from stepraft.server.service.executions import ListFilter
from stepraft.server.service.pages import PageRequest
from tests.server.local_node import (
    PASS,
    TASK,
    complete,
    local_node,
    polled,
    put,
    start_of,
    started,
)

HISTORY_OF_PASS = ["ExecutionStarted", "StateStarted", "StateCompleted", "ExecutionCompleted"]


async def test_an_execution_is_shown_with_what_came_in_and_out() -> None:
    async with local_node() as local:
        await put(local, echo=PASS)

        identifier = await started(local, "echo", name="first", input=' {"b": 1, "a": [ ]} ')
        view = await local.application.executions.get(ANYBODY, identifier)

        context = view.context
        assert (context.workflow, context.version, context.name, context.status) == (
            "echo",
            1,
            "first",
            ExecutionStatus.SUCCEEDED,
        )
        assert (view.input, view.output) == (b'{"b":1,"a":[]}', b'{"b":1,"a":[]}')


async def test_an_empty_input_is_an_empty_object() -> None:
    async with local_node() as local:
        await put(local, echo=PASS)

        identifier = await started(local, "echo")

        assert (await local.application.executions.get(ANYBODY, identifier)).input == b"{}"


async def test_a_start_with_a_known_key_finds_its_execution() -> None:
    async with local_node() as local:
        await put(local, echo=PASS)
        executions = local.application.executions
        request = start_of("echo", idempotency_key="order 1", input="{}")

        first = await executions.start(ANYBODY, request)
        second = await executions.start(ANYBODY, request)

        assert (second.execution_id, first.existing, second.existing) == (
            first.execution_id,
            False,
            True,
        )


async def test_the_list_has_the_newest_first_and_goes_on_by_token() -> None:
    async with local_node() as local:
        await put(local, echo=PASS)
        identifiers = [await started(local, "echo") for _ in range(5)]
        executions = local.application.executions
        wanted = ListFilter("", "echo", (ExecutionStatus.SUCCEEDED,))

        pages, token = [], ""
        while True:
            page = await executions.list_page(ANYBODY, wanted, PageRequest(2, token))
            pages.append([item.context.execution_id for item in page.items])
            token = page.next_token
            if not token:
                break

        newest_first = identifiers[::-1]
        assert pages == [newest_first[0:2], newest_first[2:4], newest_first[4:5]]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(ListFilter("", "task", ()), id="another workflow"),
        pytest.param(ListFilter("", "echo", (ExecutionStatus.FAILED,)), id="another status"),
        pytest.param(ListFilter("elsewhere", "echo", ()), id="another namespace"),
    ],
)
async def test_a_page_token_is_good_for_its_own_list_only(other: ListFilter) -> None:
    async with local_node() as local:
        await put(local, echo=PASS, task=TASK)
        for _ in range(2):
            await started(local, "echo")
        executions = local.application.executions
        wanted = ListFilter("", "echo", ())
        token = (await executions.list_page(ANYBODY, wanted, PageRequest(1))).next_token

        with pytest.raises(Rejection) as refused:
            await executions.list_page(ANYBODY, other, PageRequest(1, token))

        assert refused.value.reason is Reason.INVALID_PAGE_TOKEN


@pytest.mark.parametrize(
    ("newest_first", "expected"),
    [
        pytest.param(False, HISTORY_OF_PASS, id="oldest first"),
        pytest.param(True, HISTORY_OF_PASS[::-1], id="newest first"),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 4, 100], ids=str)
async def test_a_history_comes_whole_in_pages_of_any_size(
    newest_first: bool, expected: list[str], size: int
) -> None:
    async with local_node() as local:
        await put(local, echo=PASS)
        identifier = await started(local, "echo")

        types, token = [], ""
        while True:
            page = await local.application.executions.history(
                ANYBODY, identifier, PageRequest(size, token), newest_first=newest_first
            )
            types += [type(item.row.event).__name__ for item in page.items]
            token = page.next_token
            if not token:
                break

        assert types == expected


async def test_a_page_of_history_is_bounded_in_bytes() -> None:
    async with local_node(grpc={"max_message_bytes": 640 * 1024}) as local:
        await put(local, echo=PASS)
        identifier = await started(local, "echo", input=json.dumps("x" * 200_000))

        sizes, token = [], ""
        while True:
            page = await local.application.executions.history(
                ANYBODY, identifier, PageRequest(100, token), newest_first=False
            )
            sizes.append(len(page.items))
            token = page.next_token
            if not token:
                break

        assert sizes == [1, 1, 1, 1]


async def test_a_list_is_bounded_in_bytes() -> None:
    async with local_node(grpc={"max_message_bytes": 200 * 1024}) as local:
        await put(local, task=TASK)
        executions = local.application.executions
        for _ in range(5):
            identifier = await started(local, "task")
            await executions.cancel(ANYBODY, identifier, "Error", "x" * 32_000)
            await executions.wait(ANYBODY, identifier, 5.0)

        sizes, token = [], ""
        while True:
            page = await executions.list_page(
                ANYBODY, ListFilter("", "", ()), PageRequest(100, token)
            )
            sizes.append(len(page.items))
            token = page.next_token
            if not token:
                break

        assert sizes == [3, 2]


async def test_a_list_longer_than_one_reading_comes_whole() -> None:
    async with local_node() as local:
        await put(local, echo=PASS)
        identifiers = [await started(local, "echo") for _ in range(150)]
        executions = local.application.executions

        page = await executions.list_page(ANYBODY, ListFilter("", "", ()), PageRequest(1000))

        found = [view.context.execution_id for view in page.items]
        assert (found, page.next_token) == (identifiers[::-1], "")


async def test_a_watch_gives_what_was_and_what_comes_and_ends() -> None:
    async with local_node() as local:
        await put(local, task=TASK)
        identifier = await started(local, "task")
        seen: list[int] = []

        async def watch() -> None:
            async for items in local.application.executions.watch(ANYBODY, identifier, 0):
                seen.extend(item.sequence for item in items)

        watching = asyncio.create_task(watch())
        [task] = await polled(local)
        await complete(local, task)
        await watching

        assert seen == [1, 2, 3, 4, 5, 6, 7]


async def test_a_watch_goes_on_behind_the_last_event_seen() -> None:
    async with local_node() as local:
        await put(local, echo=PASS)
        identifier = await started(local, "echo")
        watch = local.application.executions.watch

        seen = [item.sequence async for items in watch(ANYBODY, identifier, 2) for item in items]

        assert seen == [3, 4]
        assert [items async for items in watch(ANYBODY, identifier, 4)] == []


async def test_a_watch_beyond_the_end_is_refused() -> None:
    async with local_node() as local:
        await put(local, echo=PASS)
        identifier = await started(local, "echo")

        with pytest.raises(Rejection) as refused:
            await anext(local.application.executions.watch(ANYBODY, identifier, 5))

        assert (refused.value.reason, refused.value.field) == (
            Reason.INVALID_ARGUMENT,
            "after_sequence",
        )


async def test_a_watch_ends_when_the_leader_changes_and_leaves_nothing_behind() -> None:
    async with local_node() as local:
        await put(local, task=TASK)
        identifier = await started(local, "task")
        watching = local.application.executions.watch(ANYBODY, identifier, 0)
        async with aclosing(watching):
            await anext(watching)
            rest = asyncio.ensure_future(anext(watching))
            await local.follow("n2")

            with pytest.raises(Rejection) as ended:
                await rest

        assert (ended.value.reason, type(ended.value)) == (Reason.NO_LEADER, Rejection)
        assert local.partition.watchers._waiting == {}


async def test_waiting_returns_when_the_execution_ends() -> None:
    async with local_node() as local:
        await put(local, task=TASK)
        identifier = await started(local, "task")

        waiting = asyncio.create_task(local.application.executions.wait(ANYBODY, identifier, 9.0))
        [task] = await polled(local)
        await complete(local, task, '"done"')
        view = await waiting

        assert (view.is_ended, view.output) == (True, b'"done"')


async def test_waiting_returns_what_runs_still_when_the_time_is_over() -> None:
    async with local_node() as local:
        await put(local, task=TASK)
        identifier = await started(local, "task")

        view = await local.application.executions.wait(ANYBODY, identifier, 0.01)

        assert (view.is_ended, view.context.status) == (False, ExecutionStatus.RUNNING)


async def test_canceling_ends_an_execution_with_what_its_caller_gives() -> None:
    async with local_node() as local:
        await put(local, task=TASK)
        identifier = await started(local, "task")
        executions = local.application.executions

        await executions.cancel(ANYBODY, identifier, "Shop.Closed", "for today")
        view = await executions.wait(ANYBODY, identifier, 5.0)

        context = view.context
        assert (context.status, context.error, context.cause) == (
            ExecutionStatus.CANCELED,
            "Shop.Closed",
            "for today",
        )
        with pytest.raises(Rejection) as refused:
            await executions.cancel(ANYBODY, identifier, "", "")
        assert refused.value.reason is Reason.EXECUTION_ENDED


@pytest.mark.parametrize(
    ("identifier", "reason"),
    [
        pytest.param("", Reason.INVALID_ARGUMENT, id="empty"),
        pytest.param("order-1", Reason.INVALID_ARGUMENT, id="a name"),
        pytest.param(
            "/default/default/e0000000/0000000000000001\0", Reason.INVALID_ARGUMENT, id="NUL"
        ),
        pytest.param(
            "/default/default/e0000000/0000000000000001", Reason.EXECUTION_NOT_FOUND, id="none"
        ),
        pytest.param(
            "/default/other/e0000000/0000000000000001",
            Reason.EXECUTION_NOT_FOUND,
            id="another namespace",
        ),
    ],
)
async def test_an_execution_that_is_not_there_is_refused(identifier: str, reason: Reason) -> None:
    async with local_node() as local:
        with pytest.raises(Rejection) as refused:
            await local.application.executions.get(ANYBODY, identifier)

        assert (refused.value.reason, refused.value.field) == (reason, "execution_id")


async def test_an_execution_of_another_tenant_does_not_exist() -> None:
    async with local_node() as local:
        await put(local, echo=PASS)
        identifier = await started(local, "echo")

        with pytest.raises(Rejection) as refused:
            await local.application.executions.get(Caller(tenant="other"), identifier)

        assert refused.value.reason is Reason.EXECUTION_NOT_FOUND


async def test_a_flood_of_commands_is_refused_before_anything_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with local_node() as local:
        await put(local, echo=PASS)
        monkeypatch.setattr(partitions, "QUEUED_MAX", 1)

        answers = await asyncio.gather(
            *(started(local, "echo") for _ in range(3)), return_exceptions=True
        )

        refused = [each.reason for each in answers if isinstance(each, Rejection)]
        page = await local.application.executions.list_page(
            ANYBODY, ListFilter("", "", ()), PageRequest()
        )
        assert (refused, len(page.items)) == ([Reason.OVERLOADED] * 2, 1)


async def test_a_node_that_does_not_lead_says_so_before_anything_is_done() -> None:
    async with local_node() as local:
        await put(local, echo=PASS)
        await local.follow("n2")

        with pytest.raises(Rejection) as refused:
            await started(local, "echo")

        assert refused.value.reason is Reason.NO_LEADER
        await local.lead()
        page = await local.application.executions.list_page(
            ANYBODY, ListFilter("", "", ()), PageRequest()
        )
        assert page.items == []
