"""Tasks through the service, on one node in memory: polls and tokens."""

import asyncio
import json
from typing import Any

import pytest

from stepraft.interpreter.decision import Delivery
from stepraft.interpreter.errors import Reason, Rejection
from stepraft.interpreter.lifecycle import ExecutionStatus
from stepraft.server.service import tokens
from stepraft.server.service.callers import ANYBODY
from stepraft.server.service.signing import ClusterSecret
from stepraft.server.service.task_reports import (
    HAND_BACK,
    Completion,
    Failure,
    Outcome,
    Report,
)
from stepraft.server.service.tokens import TaskToken
from stepraft.server.service.workers import Hello
from tests.server.local_node import (
    TASK,
    LocalNode,
    complete,
    local_node,
    polled,
    put,
    started,
    until,
)

HEARTBEATING = {
    "StartAt": "A",
    "States": {
        "A": {
            "Type": "Task",
            "Resource": "work",
            "TimeoutSeconds": 600,
            "HeartbeatSeconds": 60,
            "End": True,
        }
    },
}


async def outcome_of(local: LocalNode, execution_id: str) -> tuple[Any, ...]:
    view = await local.application.executions.wait(ANYBODY, execution_id, 5.0)
    return view.context.status, view.output, view.context.error, view.context.cause


async def test_a_poll_hands_out_what_is_ready() -> None:
    async with local_node() as local:
        await put(local, task=HEARTBEATING)
        identifier = await started(local, "task", input='{"a":1}')

        [task] = await polled(local, wait_s=0.0, lease_ms=5000)

        delivery = task.delivery
        assert (delivery.resource, delivery.input, delivery.execution_id) == (
            "work",
            b'{"a":1}',
            identifier,
        )
        assert (delivery.delivery, delivery.heartbeat_s) == (1, 60)
        assert delivery.lease_deadline_ms - task.started_at_ms == 5000
        assert 595_000 < delivery.timeout_deadline_ms - task.started_at_ms <= 600_000


async def test_a_poll_takes_no_more_than_it_asked_for() -> None:
    async with local_node() as local:
        await put(local, task=TASK)
        for _ in range(3):
            await started(local, "task")

        sizes = [len(await polled(local, count, wait_s=0.0)) for count in (2, 2, 2)]

        assert sizes == [2, 1, 0]


async def test_a_poll_waits_for_a_task_to_come() -> None:
    async with local_node() as local:
        await put(local, task=TASK)
        polling = asyncio.create_task(polled(local))
        await asyncio.sleep(0)

        identifier = await started(local, "task")

        assert [task.delivery.execution_id for task in await polling] == [identifier]


async def test_a_poll_returns_nothing_when_its_time_is_over() -> None:
    async with local_node() as local:
        assert await polled(local, wait_s=0.01) == []


async def test_a_poll_waits_no_longer_than_the_server_allows() -> None:
    async with local_node(tasks={"poll_wait_max_ms": 10}) as local:
        assert await polled(local, wait_s=3600.0) == []


async def test_the_answer_to_a_poll_is_bounded_in_bytes_and_the_rest_is_offered_again() -> None:
    async with local_node(grpc={"max_message_bytes": 640 * 1024}) as local:
        await put(local, task=TASK)
        for _ in range(3):
            await started(local, "task", input=json.dumps("x" * 150_000))

        first = await polled(local, 3)
        rest = await polled(local, 3)

        assert [task.delivery.delivery for task in (*first, *rest)] == [1, 1, 2]
        assert [len(first), len(rest)] == [2, 1]


async def test_tasks_of_a_poll_whose_caller_is_gone_are_offered_again() -> None:
    async with local_node() as local:
        await put(local, task=TASK)
        polling = asyncio.create_task(polled(local))
        await asyncio.sleep(0)
        reply = asyncio.create_task(started(local, "task"))
        [session] = local.partition.leading().dispatcher.sessions()
        await until(lambda: session.on_their_way == 1)
        polling.cancel()
        await reply

        [task] = await polled(local)

        assert task.delivery.delivery == 2
        assert local.partition.leading().dispatcher.sessions() == []


async def test_tasks_that_came_to_a_caller_who_is_gone_are_offered_again() -> None:
    async with local_node() as local:
        await put(local, task=TASK)
        polling = asyncio.create_task(polled(local))
        await asyncio.sleep(0)
        [session] = local.partition.leading().dispatcher.sessions()
        deliver = session.deliver

        def deliver_and_go(delivery: Delivery) -> None:
            deliver(delivery)
            polling.cancel()

        session.deliver = deliver_and_go
        await started(local, "task")

        [task] = await polled(local)

        assert task.delivery.delivery == 2


async def test_a_poll_ends_when_the_leader_changes() -> None:
    async with local_node() as local:
        polling = asyncio.create_task(polled(local))
        await asyncio.sleep(0)
        await local.follow("n2")

        with pytest.raises(Rejection) as ended:
            await polling

        assert (ended.value.reason, type(ended.value)) == (Reason.NO_LEADER, Rejection)


async def test_polls_end_at_once_when_the_node_is_about_to_stop() -> None:
    async with local_node() as local:
        polling = asyncio.create_task(polled(local, wait_s=60.0))
        await asyncio.sleep(0)

        local.application.drain()

        assert await polling == []
        assert await polled(local, wait_s=60.0) == []


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        pytest.param(
            Completion('{"n": 1}'), (ExecutionStatus.SUCCEEDED, b'{"n":1}', None, None), id="done"
        ),
        pytest.param(
            Completion(""), (ExecutionStatus.SUCCEEDED, b"null", None, None), id="done, no output"
        ),
        pytest.param(
            Failure("Card.Declined", "no money"),
            (ExecutionStatus.FAILED, None, "Card.Declined", "no money"),
            id="failed",
        ),
        pytest.param(
            Failure("", ""),
            (ExecutionStatus.FAILED, None, "States.TaskFailed", None),
            id="failed, no error",
        ),
    ],
)
async def test_a_report_ends_the_task(outcome: Outcome, expected: tuple[Any, ...]) -> None:
    async with local_node() as local:
        await put(local, task=TASK)
        identifier = await started(local, "task")
        [task] = await polled(local)

        await local.application.tasks.report(ANYBODY, Report(task.token, outcome))

        assert await outcome_of(local, identifier) == expected


async def test_the_first_completion_counts_and_the_second_is_told_so() -> None:
    async with local_node() as local:
        await put(local, task=TASK)
        identifier = await started(local, "task")
        [task] = await polled(local)
        await complete(local, task, '"first"')

        with pytest.raises(Rejection) as refused:
            await complete(local, task, '"second"')

        assert refused.value.reason is Reason.TASK_NOT_FOUND
        assert (await outcome_of(local, identifier))[1] == b'"first"'


async def test_a_task_that_was_handed_back_is_offered_again_and_its_old_token_is_stale() -> None:
    async with local_node() as local:
        await put(local, task=TASK)
        await started(local, "task")
        [first] = await polled(local)
        await local.application.tasks.report(ANYBODY, Report(first.token, HAND_BACK))
        [second] = await polled(local)

        with pytest.raises(Rejection) as refused:
            await complete(local, first)

        assert second.delivery.delivery == 2
        assert (refused.value.reason, refused.value.field) == (Reason.TASK_TOKEN_STALE, "token")


async def test_a_heartbeat_renews_the_lease_by_its_own_length() -> None:
    async with local_node() as local:
        await put(local, task=TASK)
        await started(local, "task")
        [task] = await polled(local, lease_ms=500_000)

        answer = await local.application.tasks.heartbeat(ANYBODY, task.token)

        assert not answer.is_canceled
        assert answer.lease_deadline_ms >= task.delivery.lease_deadline_ms
        assert answer.lease_deadline_ms - task.started_at_ms >= 500_000
        signer = await ClusterSecret(local.partition).signer()
        assert tokens.read(task.token, signer, "default") == TaskToken(
            task.delivery.task_id, 1, 500_000
        )


async def test_a_heartbeat_tells_that_the_task_is_no_longer_wanted() -> None:
    async with local_node() as local:
        await put(local, task=TASK)
        identifier = await started(local, "task")
        [task] = await polled(local)
        await local.application.executions.cancel(ANYBODY, identifier, "", "")

        answer = await local.application.tasks.heartbeat(ANYBODY, task.token)

        assert answer.is_canceled


@pytest.mark.parametrize(
    ("hello", "field"),
    [
        pytest.param(Hello("a/b", ("work",), "w", 0), "namespace", id="namespace"),
        pytest.param(Hello("", (), "w", 0), "resources", id="no resource"),
        pytest.param(Hello("", ("r",) * 101, "w", 0), "resources", id="101 resources"),
        pytest.param(Hello("", ("a", ""), "w", 0), "resources[1]", id="empty resource"),
        pytest.param(Hello("", ("x" * 257,), "w", 0), "resources[0]", id="long resource"),
        pytest.param(Hello("", ("a\0b",), "w", 0), "resources[0]", id="NUL in a resource"),
        pytest.param(Hello("", ("work",), "", 0), "worker_id", id="no worker id"),
        pytest.param(Hello("", ("work",), "x" * 257, 0), "worker_id", id="long worker id"),
        pytest.param(Hello("", ("work",), "w", 3_600_001), "lease", id="lease over the limit"),
    ],
)
async def test_a_greeting_that_breaks_a_rule_is_refused(hello: Hello, field: str) -> None:
    async with local_node() as local:
        with pytest.raises(Rejection) as refused:
            await local.application.tasks.poll(ANYBODY, hello, 1, 0.0)

        assert refused.value.field == field
