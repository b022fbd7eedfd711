"""A worker's stream through the service, on one node in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from stepraft.interpreter.errors import Reason, Rejection
from stepraft.server.service.callers import ANYBODY
from stepraft.server.service.task_reports import HAND_BACK, HEARTBEAT, Completion, Report
from stepraft.server.service.worker_stream import CREDITS_MAX, Ack, Outgoing, WorkerStream
from stepraft.server.service.workers import HandedOut, Hello
from tests.server.local_node import TASK, LocalNode, local_node, polled, put, started, until


@asynccontextmanager
async def stream_of(local: LocalNode) -> AsyncIterator[WorkerStream]:
    hello = Hello("", ("work",), "worker", 0)
    async with local.application.tasks.stream(ANYBODY, hello) as stream:
        yield stream


async def next_tasks(stream: WorkerStream) -> list[HandedOut]:
    outgoing = await stream.next()
    assert outgoing is not None
    return outgoing.tasks


async def start_many(local: LocalNode, count: int) -> None:
    await put(local, task=TASK)
    await asyncio.gather(*(started(local, "task") for _ in range(count)))


async def test_a_worker_gets_no_more_tasks_than_it_granted_credits() -> None:
    async with local_node() as local, stream_of(local) as stream:
        await start_many(local, 5)

        stream.grant(2)
        first = await next_tasks(stream)
        stream.grant(1)
        second = await next_tasks(stream)

        assert [len(first), len(second)] == [2, 1]
        assert len(await polled(local, 5, wait_s=0.0)) == 2


async def test_reports_are_answered_together_each_by_its_own_ack() -> None:
    async with local_node() as local, stream_of(local) as stream:
        await start_many(local, 3)
        stream.grant(3)
        tasks = await next_tasks(stream)

        for number, task in enumerate(tasks, start=1):
            stream.report(Report(task.token, Completion("1"), number))
        outgoing = await stream.next()

        assert outgoing == Outgoing([], [Ack(1), Ack(2), Ack(3)], [])


async def test_a_report_that_is_wrong_is_refused_and_the_stream_goes_on() -> None:
    async with local_node() as local, stream_of(local) as stream:
        await start_many(local, 1)
        stream.grant(1)
        [task] = await next_tasks(stream)

        stream.report(Report(b"forged", Completion("1"), 1))
        stream.report(Report(task.token, Completion("{"), 2))
        stream.report(Report(task.token, Completion("1"), 3))
        acks: list[Ack] = []
        while len(acks) < 3:
            outgoing = await stream.next()
            assert outgoing is not None
            acks += outgoing.acks

        reasons = [ack.rejection.reason if ack.rejection else None for ack in acks]
        assert reasons == [Reason.TASK_TOKEN_INVALID, Reason.INVALID_INPUT, None]


async def test_a_heartbeat_says_how_long_the_lease_is_now_or_that_the_task_is_over() -> None:
    async with local_node() as local, stream_of(local) as stream:
        await start_many(local, 1)
        stream.grant(1)
        [task] = await next_tasks(stream)

        stream.report(Report(task.token, HEARTBEAT, 1))
        renewed = await stream.next()
        stream.report(Report(task.token, Completion("1"), 2))
        await stream.next()
        stream.report(Report(task.token, HEARTBEAT, 3))
        over = await stream.next()

        assert renewed is not None
        assert renewed.acks[0].lease_deadline_ms >= task.delivery.lease_deadline_ms
        assert over == Outgoing([], [Ack(3, is_canceled=True)], [])


async def test_a_worker_is_told_which_of_its_tasks_are_no_longer_wanted() -> None:
    async with local_node() as local, stream_of(local) as stream:
        await put(local, task=TASK)
        identifier = await started(local, "task")
        stream.grant(1)
        [task] = await next_tasks(stream)

        await local.application.executions.cancel(ANYBODY, identifier, "", "")

        assert await stream.next() == Outgoing([], [], [task.delivery.task_id])


async def test_a_task_that_the_worker_gave_back_itself_is_not_called_off() -> None:
    async with local_node() as local, stream_of(local) as stream:
        await start_many(local, 1)
        stream.grant(1)
        [task] = await next_tasks(stream)

        stream.report(Report(task.token, HAND_BACK, 1))

        assert await stream.next() == Outgoing([], [Ack(1)], [])


async def test_a_worker_that_takes_no_more_still_reports() -> None:
    async with local_node() as local, stream_of(local) as stream:
        await start_many(local, 2)
        stream.grant(1)
        [task] = await next_tasks(stream)
        stream.grant(5)
        await next_tasks(stream)

        stream.take_no_more()
        await started(local, "task")
        stream.report(Report(task.token, Completion("1"), 1))

        assert await stream.next() == Outgoing([], [Ack(1)], [])
        assert len(await polled(local, wait_s=0.0)) == 1


async def test_the_stream_of_a_worker_that_says_no_more_ends_when_all_is_answered() -> None:
    async with local_node() as local, stream_of(local) as stream:
        await start_many(local, 1)
        stream.grant(1)
        [task] = await next_tasks(stream)

        stream.report(Report(task.token, Completion("1"), 1))
        stream.end()

        assert [await stream.next(), await stream.next()] == [Outgoing([], [Ack(1)], []), None]


async def test_a_stream_is_told_to_go_elsewhere_when_the_node_is_about_to_stop() -> None:
    async with local_node() as local, stream_of(local) as stream:
        await start_many(local, 1)
        stream.grant(1)
        [task] = await next_tasks(stream)
        stream.report(Report(task.token, Completion("1"), 1))

        local.application.drain()

        assert [await stream.next(), await stream.next(), await stream.next()] == [
            Outgoing([], [Ack(1)], []),
            Outgoing([], [], [], is_draining=True),
            None,
        ]


async def test_what_was_not_sent_is_offered_again_when_the_worker_goes() -> None:
    async with local_node() as local:
        await start_many(local, 2)
        async with stream_of(local) as stream:
            stream.grant(2)
            await until(lambda: len(stream._deliveries) == 2)

        tasks = await polled(local, 2)

        assert [task.delivery.delivery for task in tasks] == [2, 2]


async def test_a_stream_ends_when_the_leader_changes() -> None:
    async with local_node() as local, stream_of(local) as stream:
        waiting = asyncio.ensure_future(stream.next())
        await local.follow("n2")

        with pytest.raises(Rejection) as ended:
            await waiting

        assert (ended.value.reason, type(ended.value)) == (Reason.NO_LEADER, Rejection)


async def test_more_credits_than_may_be_open_are_refused() -> None:
    async with local_node() as local, stream_of(local) as stream:
        stream.grant(CREDITS_MAX)

        with pytest.raises(Rejection) as refused:
            stream.grant(1)

        assert (refused.value.reason, refused.value.field) == (
            Reason.INVALID_ARGUMENT,
            "credits",
        )
