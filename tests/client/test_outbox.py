"""What a worker says, and says again until it is acknowledged."""

from stepraft.client.handlers import Completed, Failed
from stepraft.client.outbox import MESSAGE_BYTES_MAX, Outbox
from stepraft.v1.tasks_pb2 import TaskReport, WorkerMessage

COMPLETION = TaskReport(request_id=1, token=b"t1", complete=TaskReport.Completion(output='{"a":1}'))
FAILURE = TaskReport(request_id=2, token=b"t2", fail=TaskReport.Failure(error="Oops", cause="why"))


def with_two_results() -> Outbox:
    outbox = Outbox()
    outbox.restart(free=0)
    outbox.report(b"t1", Completed('{"a":1}'))
    outbox.report(b"t2", Failed("Oops", "why"))
    return outbox


def test_what_is_ready_goes_into_one_message_with_the_credits() -> None:
    outbox = with_two_results()
    outbox.grant(1)
    outbox.grant(1)

    assert outbox.take() == WorkerMessage(credits=2, reports=[COMPLETION, FAILURE])
    assert outbox.take() is None


def test_a_message_has_a_size() -> None:
    outbox = Outbox()
    half = Completed(f'"{"x" * (MESSAGE_BYTES_MAX // 2)}"')
    for token in (b"t1", b"t2", b"t3"):
        outbox.report(token, half)
    sizes = []
    while (message := outbox.take()) is not None:
        sizes.append(len(message.reports))

    assert sizes == [1, 1, 1]


def test_a_report_larger_than_a_message_is_sent_alone() -> None:
    outbox = Outbox()
    outbox.report(b"t1", Completed(f'"{"x" * 2 * MESSAGE_BYTES_MAX}"'))
    message = outbox.take()

    assert message is not None
    assert len(message.reports) == 1


def test_a_new_stream_repeats_what_was_not_acknowledged_and_offers_the_free_places() -> None:
    outbox = with_two_results()
    outbox.grant(5)
    outbox.take()
    outbox.settle(1)

    outbox.restart(free=3)

    assert outbox.take() == WorkerMessage(credits=3, reports=[FAILURE])


def test_a_new_stream_does_not_repeat_heartbeats() -> None:
    outbox = Outbox()
    for _ in range(2):
        outbox.heartbeat(b"t1")
        outbox.restart(free=0)

        assert outbox.take() is None


async def test_a_heartbeat_without_an_answer_does_not_count_as_open() -> None:
    outbox = with_two_results()
    outbox.heartbeat(b"t3")
    outbox.settle(1)
    outbox.settle(2)

    await outbox.emptied()


def test_a_report_is_sent_again_only_while_it_is_not_settled() -> None:
    outbox = with_two_results()
    outbox.take()
    outbox.settle(1)
    outbox.resend(1)
    outbox.resend(2)

    assert outbox.take() == WorkerMessage(reports=[FAILURE])


def test_a_report_that_waits_twice_is_sent_once() -> None:
    outbox = with_two_results()
    outbox.resend(1)
    outbox.resend(2)

    assert outbox.take() == WorkerMessage(reports=[COMPLETION, FAILURE])


def test_who_drains_voids_credits_says_so_once_per_stream_and_grants_no_more() -> None:
    outbox = Outbox()
    outbox.restart(free=4)
    outbox.drain()
    outbox.grant(1)

    assert outbox.take() == WorkerMessage(draining=True)
    assert outbox.take() is None

    outbox.restart(free=4)

    assert outbox.take() == WorkerMessage(draining=True)


async def test_it_is_empty_when_all_is_acknowledged() -> None:
    outbox = with_two_results()
    outbox.settle(1)
    outbox.settle(2)

    await outbox.emptied()
    assert outbox.find(1) is None
