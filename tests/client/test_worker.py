"""Workers against a node that speaks the real protocol."""

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from stepraft.client import AccessError, InvalidRequestError, Json, TaskContext, Worker
from stepraft.v1.tasks_pb2 import Hello, Task, TaskReport, WorkerMessage

START = Timestamp(seconds=1_800_000_000)
SOON = Timestamp(seconds=1_800_000_000, nanos=150_000_000)


def task(number: int, task_input: str = "null", **fields: Any) -> Task:
    return Task(
        task_id=f"t{number}",
        token=b"token-%d" % number,
        resource="shop:do",
        input=task_input,
        attempt=1,
        started_at=START,
        **fields,
    )


@asynccontextmanager
async def serving(worker: Worker) -> AsyncIterator[asyncio.Task[None]]:
    """Let a worker serve meanwhile, then stop it without any patience."""
    running = asyncio.create_task(worker.serve())
    try:
        yield running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def echo_worker(address: str, **options: Any) -> Worker:
    worker = Worker(address, worker_id="w1", **options)

    @worker.task("shop:do")
    async def do(value: Json) -> Json:
        return {"did": value}

    return worker


async def test_a_worker_greets_grants_credits_and_completes_tasks(
    fake_node: Callable[..., Any],
) -> None:
    async with fake_node() as node:
        worker = echo_worker(node.address, namespace="shop", concurrency=3, lease_s=60)
        async with serving(worker):
            session = await node.worker()
            greeting = await session.hear()
            offer = await session.hear()
            session.say(tasks=[task(1, "[1]"), task(2, "[2]")])
            reports = [await session.hear_report("complete") for _ in range(2)]

    assert greeting == WorkerMessage(
        hello=Hello(
            namespace="shop",
            resources=["shop:do"],
            worker_id="w1",
            lease=Duration(seconds=60),
        )
    )
    assert offer == WorkerMessage(credits=3)
    assert reports == [
        TaskReport(
            request_id=number,
            token=b"token-%d" % number,
            complete=TaskReport.Completion(output=f'{{"did":[{number}]}}'),
        )
        for number in (1, 2)
    ]


async def test_results_that_are_ready_together_travel_together_with_their_credits(
    fake_node: Callable[..., Any],
) -> None:
    async with fake_node() as node, serving(echo_worker(node.address, concurrency=5)):
        session = await node.worker()
        await session.hear()
        await session.hear()
        session.say(tasks=[task(number) for number in range(5)])
        message = await session.hear()

    assert (len(message.reports), message.credits) == (5, 5)


async def test_no_more_credits_are_open_than_handlers_may_run(
    fake_node: Callable[..., Any],
) -> None:
    release = asyncio.Event()
    async with fake_node() as node:
        worker = Worker(node.address, concurrency=2)

        @worker.task("shop:do")
        async def wait(_: Json) -> None:
            await release.wait()

        async with serving(worker):
            session = await node.worker()
            await session.hear()
            credits_open = (await session.hear()).credits
            session.say(tasks=[task(1), task(2)])
            release.set()
            returned = 0
            while returned < 2:
                returned += (await session.hear()).credits

    assert (credits_open, returned) == (2, 2)


async def test_plain_functions_run_side_by_side_in_threads(fake_node: Callable[..., Any]) -> None:
    async with fake_node() as node:
        worker = Worker(node.address, concurrency=3)
        together = threading.Barrier(3)

        @worker.task("shop:do")
        def meet(_: Json) -> bool:
            together.wait()
            return threading.current_thread() is not threading.main_thread()

        async with serving(worker):
            session = await node.worker()
            session.say(tasks=[task(number) for number in range(3)])
            reports = [await session.hear_report("complete") for _ in range(3)]

    assert [report.complete.output for report in reports] == ["true"] * 3


async def test_a_failure_is_reported_with_error_and_cause(fake_node: Callable[..., Any]) -> None:
    async with fake_node() as node:
        worker = Worker(node.address)

        @worker.task("shop:do")
        async def fail(value: dict[str, Json]) -> Json:
            return value["sku"]

        async with serving(worker):
            session = await node.worker()
            session.say(tasks=[task(1, "{}")])
            report = await session.hear_report("fail")

    assert (report.fail.error, report.fail.cause.split("\n")[0]) == ("KeyError", "'sku'")


async def test_a_result_that_was_not_acknowledged_is_sent_again_to_the_next_node(
    fake_node: Callable[..., Any], refusal: Callable[..., Any]
) -> None:
    async with (
        fake_node() as first,
        fake_node() as second,
        serving(echo_worker(f"{first.address},{second.address}")),
    ):
        session = await first.worker()
        session.say(tasks=[task(1), task(2)])
        settled = await session.hear_report("complete")
        session.acknowledge(settled)
        session.end(refusal(grpc.StatusCode.UNAVAILABLE))
        session = await second.worker()
        repeated = await session.hear_report("complete")

    assert (settled.token, repeated.token) == (b"token-1", b"token-2")


async def test_a_handler_outlives_the_stream_and_reports_on_the_next(
    fake_node: Callable[..., Any], refusal: Callable[..., Any]
) -> None:
    release = asyncio.Event()
    async with fake_node() as node:
        worker = Worker(node.address, concurrency=4)

        @worker.task("shop:do")
        async def wait(_: Json) -> str:
            await release.wait()
            return "done"

        async with serving(worker):
            session = await node.worker()
            session.say(tasks=[task(1)])
            session.end(refusal(grpc.StatusCode.UNAVAILABLE))
            session = await node.worker()
            await session.hear()
            offer = await session.hear()
            release.set()
            report = await session.hear_report("complete")

    assert (offer.credits, report.complete.output) == (3, '"done"')


async def test_a_report_that_is_not_final_is_sent_again(fake_node: Callable[..., Any]) -> None:
    async with fake_node() as node, serving(echo_worker(node.address)):
        session = await node.worker()
        session.say(tasks=[task(1)])
        first = await session.hear_report("complete")
        session.acknowledge(first, reason="NO_LEADER", retry_after=Duration(nanos=1_000_000))
        again = await session.hear_report("complete")

    assert again == first


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("PAYLOAD_TOO_LARGE", "States.DataLimitExceeded"),
        ("NESTING_TOO_DEEP", "Worker.InvalidOutput"),
    ],
)
async def test_an_output_that_the_server_refuses_fails_the_task(
    fake_node: Callable[..., Any], reason: str, error: str
) -> None:
    async with fake_node() as node, serving(echo_worker(node.address)):
        session = await node.worker()
        session.say(tasks=[task(1)])
        session.acknowledge(
            await session.hear_report("complete"), reason=reason, message="the rule"
        )
        report = await session.hear_report("fail")

    assert (report.token, report.fail) == (
        b"token-1",
        TaskReport.Failure(error=error, cause=f"{reason}: the rule"),
    )


async def test_leases_are_renewed_while_a_handler_runs(fake_node: Callable[..., Any]) -> None:
    release = threading.Event()
    async with fake_node() as node:
        worker = Worker(node.address)

        @worker.task("shop:do")
        def wait(_: Json) -> None:
            release.wait()

        async with serving(worker):
            session = await node.worker()
            session.say(tasks=[task(1, lease_deadline=SOON)])
            for _ in range(3):
                session.acknowledge(await session.hear_report("heartbeat"))
            release.set()
            await session.hear_report("complete")


async def test_a_handler_may_send_a_heartbeat_itself(fake_node: Callable[..., Any]) -> None:
    async with fake_node() as node:
        worker = Worker(node.address)

        @worker.task("shop:do")
        def beat(_: Json, context: TaskContext) -> None:
            context.heartbeat()

        async with serving(worker):
            session = await node.worker()
            session.say(tasks=[task(1)])
            report = await session.hear_report("heartbeat")

    assert report.token == b"token-1"


def canceled_id(session: Any, report: TaskReport) -> None:
    session.say(canceled_task_ids=["t1"])


def canceled_ack(session: Any, report: TaskReport) -> None:
    session.acknowledge(report, canceled=True)


def lost_lease(session: Any, report: TaskReport) -> None:
    session.acknowledge(report, reason="TASK_TOKEN_STALE", message="delivered again")


WAYS = [
    pytest.param(canceled_id, id="by a message"),
    pytest.param(canceled_ack, id="by the answer to a heartbeat"),
    pytest.param(lost_lease, id="by the loss of the lease"),
]


@pytest.mark.parametrize("cancel", WAYS)
async def test_an_async_handler_is_canceled_and_nothing_is_reported(
    fake_node: Callable[..., Any], cancel: Callable[[Any, TaskReport], None]
) -> None:
    seen: list[str] = []
    async with fake_node() as node:
        worker = Worker(node.address, concurrency=1)

        @worker.task("shop:do")
        async def wait(value: Json) -> Json:
            if value == "short":
                return value
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                seen.append("canceled")
                raise

        async with serving(worker):
            session = await node.worker()
            await session.hear_credits()
            session.say(tasks=[task(1, lease_deadline=SOON)])
            cancel(session, await session.hear_report("heartbeat"))
            await session.hear_credits()
            session.say(tasks=[task(2, '"short"')])
            report = await session.hear_report("complete")

    assert (seen, report.token) == (["canceled"], b"token-2")


@pytest.mark.parametrize("cancel", WAYS)
async def test_a_plain_handler_sees_the_cancelation_and_nothing_is_reported(
    fake_node: Callable[..., Any], cancel: Callable[[Any, TaskReport], None]
) -> None:
    seen: list[tuple[bool, bool]] = []
    async with fake_node() as node:
        worker = Worker(node.address, concurrency=1)

        @worker.task("shop:do")
        def wait(value: Json, context: TaskContext) -> Json:
            if value == "long":
                seen.append((context.wait_canceled(timeout_s=10), context.canceled))
            return value

        async with serving(worker):
            session = await node.worker()
            await session.hear_credits()
            session.say(tasks=[task(1, '"long"', lease_deadline=SOON)])
            cancel(session, await session.hear_report("heartbeat"))
            await session.hear_credits()
            session.say(tasks=[task(2, '"short"')])
            report = await session.hear_report("complete")

    assert (seen, report.token) == ([(True, True)], b"token-2")


async def test_a_worker_that_stops_takes_no_more_tasks_and_finishes_those_it_has(
    fake_node: Callable[..., Any],
) -> None:
    release = asyncio.Event()
    async with fake_node() as node:
        worker = Worker(node.address)

        @worker.task("shop:do")
        async def wait(_: Json) -> str:
            await release.wait()
            return "done"

        async with serving(worker) as running:
            session = await node.worker()
            await session.hear()
            await session.hear()
            session.say(tasks=[task(1, lease_deadline=SOON)])
            await session.hear_report("heartbeat")
            worker.stop()
            while not (await session.hear()).draining:
                pass
            # It was on its way when the worker decided to leave.
            session.say(tasks=[task(2)])
            session.acknowledge(await session.hear_report("hand_back"))
            release.set()
            last = await session.hear_report("complete")
            session.acknowledge(last)
            await session.farewell()
            await running

    assert last.token == b"token-1"


async def test_handlers_that_take_too_long_are_stopped_and_handed_back(
    fake_node: Callable[..., Any],
) -> None:
    ended: list[str] = []
    async with fake_node() as node:
        worker = Worker(node.address, drain_timeout_s=0)

        @worker.task("shop:do")
        async def wait(_: Json) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("async")

        @worker.task("shop:hang")
        def hang(_: Json, context: TaskContext) -> None:
            context.wait_canceled()
            ended.append("plain")

        async with serving(worker) as running:
            session = await node.worker()
            hanging = task(2, lease_deadline=SOON)
            hanging.resource = "shop:hang"
            session.say(tasks=[task(1, lease_deadline=SOON), hanging])
            await session.hear_report("heartbeat")
            worker.stop()
            returned = await returned_tokens(session, 2)
            await session.farewell()
            await running

    assert returned == {b"token-1", b"token-2"}
    assert sorted(ended) == ["async", "plain"]


async def returned_tokens(session: Any, count: int) -> set[bytes]:
    """Acknowledge tasks that are handed back; return their tokens."""
    returned: set[bytes] = set()
    while len(returned) < count:
        for report in (await session.hear()).reports:
            if report.WhichOneof("outcome") == "hand_back":
                returned.add(report.token)
            session.acknowledge(report)
    return returned


async def test_a_second_stop_waits_no_longer(fake_node: Callable[..., Any]) -> None:
    async with fake_node() as node:
        worker = Worker(node.address, drain_timeout_s=3600)

        @worker.task("shop:do")
        async def wait(_: Json) -> None:
            await asyncio.Event().wait()

        async with serving(worker) as running:
            session = await node.worker()
            session.say(tasks=[task(1, lease_deadline=SOON)])
            await session.hear_report("heartbeat")
            worker.stop()
            worker.stop()
            returned = await returned_tokens(session, 1)
            await session.farewell()
            await running

    assert returned == {b"token-1"}


async def test_a_node_that_drains_is_left_for_another_and_keeps_what_it_acknowledged(
    fake_node: Callable[..., Any],
) -> None:
    async with (
        fake_node() as first,
        fake_node() as second,
        serving(echo_worker(f"{first.address},{second.address}")),
    ):
        leaving = await first.worker()
        leaving.say(tasks=[task(1)])
        report = await leaving.hear_report("complete")
        leaving.say(draining=True)
        while await leaving.hear() is not None:
            pass
        leaving.acknowledge(report)
        leaving.end()
        session = await second.worker()
        greeting, offer = await session.hear(), await session.hear()

    assert greeting.hello.resources == ["shop:do"]
    assert offer == WorkerMessage(credits=16)


@pytest.mark.parametrize(
    ("code", "kind"),
    [("INVALID_ARGUMENT", InvalidRequestError), ("UNAUTHENTICATED", AccessError)],
)
async def test_a_worker_that_is_refused_for_good_raises(
    fake_node: Callable[..., Any],
    refusal: Callable[..., Any],
    code: str,
    kind: type[Exception],
) -> None:
    async with fake_node() as node:

        async def refuse() -> None:
            # A write that crosses the refusal hides it, so a node refuses each time.
            while True:
                (await node.worker()).end(refusal(grpc.StatusCode[code], text="no"))

        refusing = asyncio.create_task(refuse())
        with pytest.raises(kind, match="no"):
            await echo_worker(node.address).serve()
        refusing.cancel()


@pytest.mark.parametrize("code", ["UNAVAILABLE", "INTERNAL", "CANCELLED", "RESOURCE_EXHAUSTED"])
async def test_any_other_end_of_a_stream_is_followed_by_a_new_one(
    fake_node: Callable[..., Any], refusal: Callable[..., Any], code: str
) -> None:
    async with fake_node() as node, serving(echo_worker(node.address)):
        session = await node.worker()
        session.end(refusal(grpc.StatusCode[code]))
        session = await node.worker()
        greeting = await session.hear()

    assert greeting.hello.worker_id == "w1"


async def test_a_worker_waits_for_a_node_that_is_not_there_yet(
    fake_node: Callable[..., Any],
) -> None:
    async with fake_node() as node:
        port = node.port
    async with serving(echo_worker(f"127.0.0.1:{port}")), fake_node(port=port) as node:
        session = await node.worker()

        assert (await session.hear()).hello.worker_id == "w1"


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_run(fake_node: Callable[..., Any], end: signal.Signals) -> None:
    addresses: list[str] = []
    started, ended = threading.Event(), threading.Event()

    async def serve_node() -> None:
        async with fake_node() as node:
            addresses.append(node.address)
            started.set()
            session = await node.worker()
            os.kill(os.getpid(), end)
            await session.farewell()
            await asyncio.to_thread(ended.wait)

    peer = threading.Thread(target=lambda: asyncio.run(serve_node()))
    peer.start()
    started.wait()

    echo_worker(addresses[0]).run()

    ended.set()
    peer.join()


def test_a_resource_has_one_handler() -> None:
    worker = echo_worker("127.0.0.1:1")

    with pytest.raises(ValueError, match=r"^'shop:do' has a handler already$"):
        worker.task("shop:do")(lambda _: None)


def test_a_handler_can_still_be_called_as_a_function() -> None:
    worker = Worker("127.0.0.1:1")

    @worker.task("shop:double")
    def double(value: int) -> int:
        return 2 * value

    assert double(4) == 8
    assert worker.resources == ("shop:double",)


async def test_a_worker_without_handlers_does_not_serve() -> None:
    with pytest.raises(RuntimeError, match="the worker has no handler"):
        await Worker("127.0.0.1:1").serve()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        pytest.param({"concurrency": 0}, "concurrency must be 1 to 10000, not 0", id="none"),
        pytest.param(
            {"concurrency": 10_001}, "concurrency must be 1 to 10000, not 10001", id="too many"
        ),
        pytest.param({"lease_s": 0}, "lease_s must be more than 0, not 0", id="no lease"),
        pytest.param(
            {"drain_timeout_s": -1}, "drain_timeout_s must not be negative, but is -1", id="drain"
        ),
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=rf"^{text}$"):
        Worker("127.0.0.1:1", **options)
