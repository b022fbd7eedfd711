"""Stale reads: answered by any node from what it has, with a leader or without."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

import pytest

from stepraft.interpreter.errors import Reason, Rejection
from stepraft.interpreter.lifecycle import ExecutionStatus
from stepraft.server.service.application import Application
from stepraft.server.service.callers import ANYBODY
from stepraft.server.service.executions import HistoryItem, ListFilter
from stepraft.server.service.pages import PageRequest
from stepraft.server.service.partitions import NotLeading
from stepraft.storage.entry import LeaderStarted, encode_leader_started
from tests.server.local_node import PASS, TASK, local_node, put, started

FIRST = PageRequest()
ALL = ListFilter("", "", ())


async def version_of(app: Application, identifier: str, stale: bool) -> object:
    return (await app.workflows.get(ANYBODY, "", "echo", 0, stale=stale)).workflow.version


async def names(app: Application, identifier: str, stale: bool) -> object:
    page = await app.workflows.list_page(ANYBODY, "", FIRST, stale=stale)
    return [each.name for each in page.items]


async def versions(app: Application, identifier: str, stale: bool) -> object:
    page = await app.workflows.versions(ANYBODY, "", "echo", FIRST, stale=stale)
    return [each.version for each in page.items]


async def status_of(app: Application, identifier: str, stale: bool) -> object:
    return (await app.executions.get(ANYBODY, identifier, stale=stale)).context.status


async def listed(app: Application, identifier: str, stale: bool) -> object:
    page = await app.executions.list_page(ANYBODY, ALL, FIRST, stale=stale)
    return [each.context.execution_id == identifier for each in page.items]


async def history(app: Application, identifier: str, stale: bool) -> object:
    page = await app.executions.history(ANYBODY, identifier, FIRST, newest_first=False, stale=stale)
    return len(page.items)


async def watched(app: Application, identifier: str, stale: bool) -> object:
    watching = app.executions.watch(ANYBODY, identifier, 0, stale=stale)
    return await counted(watching)


async def waited(app: Application, identifier: str, stale: bool) -> object:
    return (await app.executions.wait(ANYBODY, identifier, 5.0, stale=stale)).context.status


async def counted(watching: AsyncGenerator[list[HistoryItem], None]) -> int:
    """Return how many events came until the end."""
    async with aclosing(watching):
        return sum([len(items) async for items in watching])


Read = Callable[[Application, str, bool], Awaitable[object]]
READS: dict[Read, object] = {
    version_of: 1,
    names: ["echo"],
    versions: [1],
    status_of: ExecutionStatus.SUCCEEDED,
    listed: [True],
    history: 4,
    watched: 4,
    waited: ExecutionStatus.SUCCEEDED,
}
"""Every read, and what it finds when `echo` was put and run once."""


@pytest.mark.parametrize(
    ("read", "found"), [pytest.param(*row, id=row[0].__name__) for row in READS.items()]
)
async def test_a_node_without_a_leader_answers_a_stale_read_and_no_other(
    read: Read, found: object
) -> None:
    async with local_node() as local:
        await put(local, echo=PASS)
        identifier = await started(local, "echo")
        await local.follow(None)

        assert await read(local.application, identifier, True) == found
        with pytest.raises(NotLeading):
            await read(local.application, identifier, False)


@pytest.mark.parametrize("read", [pytest.param(read, id=read.__name__) for read in READS])
async def test_a_node_that_has_no_state_yet_refuses_a_stale_read(read: Read) -> None:
    async with local_node(is_new=True) as local:
        with pytest.raises(Rejection) as refused:
            await read(local.application, "/default/default/e0000001/0000000000000001", True)

        assert (refused.value.reason, refused.value.text) == (
            Reason.NO_STATE,
            "node dev cannot answer: it has not received the cluster's state yet; ask another node",
        )


async def test_a_node_that_has_no_secret_yet_does_not_ask_the_leader_for_it() -> None:
    async with local_node(is_new=True) as local:
        record = LeaderStarted(node_id="n2", term=1, nonce=b"n")
        local.partition.machine.apply(1, 1, encode_leader_started(record, 1))

        with pytest.raises(Rejection, match="it has not heard of the cluster's secret yet") as no:
            await names(local.application, "", True)

        assert no.value.reason is Reason.NO_STATE


async def test_a_page_token_is_good_for_the_other_kind_of_read() -> None:
    async with local_node() as local:
        await put(local, echo=PASS)
        identifiers = [await started(local, "echo") for _ in range(3)]
        executions = local.application.executions

        first = await executions.list_page(ANYBODY, ALL, PageRequest(1))
        await local.follow(None)
        second = await executions.list_page(
            ANYBODY, ALL, PageRequest(1, first.next_token), stale=True
        )
        await local.lead()
        third = await executions.list_page(ANYBODY, ALL, PageRequest(1, second.next_token))

        found = [*first.items, *second.items, *third.items]
        assert [each.context.execution_id for each in found] == identifiers[::-1]


async def test_a_stale_watch_goes_on_over_a_change_of_leader() -> None:
    async with local_node() as local:
        await put(local, task=TASK)
        identifier = await started(local, "task")
        watching = local.application.executions.watch(ANYBODY, identifier, 0, stale=True)
        async with aclosing(watching):
            seen = len(await anext(watching))
            coming = asyncio.ensure_future(anext(watching))

            await local.follow(None)
            await local.lead()
            await local.application.executions.cancel(ANYBODY, identifier, "", "")

            first, *_ = await coming
            assert first.sequence == seen + 1


@pytest.mark.parametrize(
    ("ahead", "seen"), [pytest.param(0, 1, id="at the end"), pytest.param(1, 0, id="beyond it")]
)
async def test_a_stale_watch_from_what_its_node_has_not_heard_of_waits_for_it(
    ahead: int, seen: int
) -> None:
    async with local_node() as local:
        await put(local, task=TASK)
        identifier = await started(local, "task")
        events = await history(local.application, identifier, True)
        assert isinstance(events, int)
        watching = local.application.executions.watch(
            ANYBODY, identifier, events + ahead, stale=True
        )
        coming = asyncio.ensure_future(counted(watching))
        await asyncio.sleep(0)
        await local.application.executions.cancel(ANYBODY, identifier, "", "")

        assert await coming == seen
