"""The leader's loop: who is answered when, and what a failure in it costs."""

import logging
from typing import Any

import pytest

from stepraft.interpreter.commands import Command, PutWorkflow, StartExecution
from stepraft.interpreter.contexts import TaskContext
from stepraft.interpreter.decision import PutVersion
from stepraft.interpreter.errors import Reason, Rejection
from stepraft.interpreter.limits import Limits
from stepraft.interpreter.states import pass_
from stepraft.server.clock import HybridClock
from stepraft.server.engine.definitions import Definitions
from stepraft.server.engine.processor import Budget, Processor, ReplyFuture
from stepraft.server.engine.working_state import WorkingState
from stepraft.server.faults import Faults
from stepraft.storage import appliers, queries
from stepraft.storage.batch import Batch
from stepraft.storage.memory import MemoryStore
from stepraft.testing import InProcessEngine, VirtualClock, VirtualLoop
from tests.interpreter.machines import pass_ as pass_state
from tests.interpreter.machines import scope, task


class NoHints:
    """Nobody waits."""

    def timer_armed(self, timer_id: str, number: int) -> None:
        pass

    def task_ready(self, task: TaskContext) -> None:
        pass

    def task_revoked(self, task: TaskContext) -> None:
        pass


class Bench:
    """A processor whose entries are committed when the test says so."""

    def __init__(self, **budget: int) -> None:
        self.loop = VirtualLoop()
        self.store = MemoryStore()
        self.proposed: list[tuple[int, Batch]] = []
        self.processor = self.loop.run_until_complete(self._make(Budget(**budget)))

    async def _make(self, budget: Budget) -> Processor:
        clock = HybridClock(VirtualClock(self.loop))
        state = WorkingState(self.store, clock, Limits(), Definitions(), bytes)
        return Processor(1, state, self._propose, NoHints(), budget, Faults())

    def _propose(self, number: int, data: bytes, batch: Batch) -> None:
        self.proposed.append((number, batch))

    def submit(self, *commands: Command) -> list[ReplyFuture]:
        replies = [self.processor.submit(command) for command in commands]
        self.loop.settle()
        return replies

    def commit(self) -> None:
        number, batch = self.proposed.pop(0)
        self.store.write(batch.encoded())
        self.processor.committed(number)
        self.loop.settle()


def put(name: str) -> PutWorkflow:
    definition = '{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}'
    return PutWorkflow(tenant="t", namespace="n", name=name, definition=definition, description="")


def start(workflow: str) -> StartExecution:
    return StartExecution(
        tenant="t",
        namespace="n",
        workflow=workflow,
        version=0,
        name="",
        idempotency_key="",
        input=b"1",
    )


def test_an_answer_waits_for_the_commit() -> None:
    bench = Bench()
    (reply,) = bench.submit(put("W"))
    before = reply.done()

    bench.commit()

    assert (before, reply.done()) == (False, True)


def test_a_read_waits_for_the_write_that_it_saw() -> None:
    bench = Bench()
    first, again = bench.submit(put("W"), put("W"))
    (later,) = bench.submit(put("W"))
    before = [reply.done() for reply in (first, again, later)]

    bench.commit()

    assert before == [False, False, False]
    assert [_version(reply) for reply in (first, again, later)] == [
        (1, False),
        (1, True),
        (1, True),
    ]


def _version(reply: ReplyFuture) -> tuple[int, bool]:
    answer = reply.result()
    assert isinstance(answer, PutVersion)
    return answer.version, answer.existing


def test_a_rejection_waits_for_what_it_saw() -> None:
    bench = Bench()
    (written,) = bench.submit(put("W"))
    (refused,) = bench.submit(start("X"))
    before = refused.done()

    bench.commit()

    assert (before, written.done(), refused.done()) == (False, True, True)
    with pytest.raises(Rejection):
        refused.result()


def test_an_idle_processor_answers_a_read_at_once() -> None:
    bench = Bench()

    (refused,) = bench.submit(start("X"))

    assert isinstance(refused.exception(), Rejection)


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_so_many_entries_are_in_flight_and_the_next_one_fills(limit: int) -> None:
    bench = Bench(entries_in_flight=limit, entry_events=1)
    replies = bench.submit(*(put(f"W{number}") for number in range(5)))

    in_flight = []
    while bench.proposed:
        in_flight.append(len(bench.proposed))
        bench.commit()

    assert in_flight[0] == limit
    assert [reply.exception() for reply in replies] == [None] * 5


def test_load_makes_large_entries() -> None:
    bench = Bench(entries_in_flight=1)
    bench.submit(put("W0"))

    bench.submit(*(put(f"W{number}") for number in range(1, 100)))
    before = len(bench.proposed)
    bench.commit()

    assert (before, len(bench.proposed)) == (1, 1)


def test_the_end_of_an_epoch_tells_what_may_have_happened() -> None:
    bench = Bench(entries_in_flight=1)
    (proposed,) = bench.submit(put("W"))
    (queued,) = bench.submit(put("V"))

    bench.processor.close()
    late = bench.processor.submit(put("U"))

    assert [_reason(reply) for reply in (proposed, queued, late)] == [
        Reason.OUTCOME_UNKNOWN,
        Reason.NO_LEADER,
        Reason.NO_LEADER,
    ]


def test_what_is_in_no_log_was_certainly_not_done() -> None:
    bench = Bench(entries_in_flight=2)
    (in_the_log,) = bench.submit(put("W"))
    (refused,) = bench.submit(put("V"))
    _, (number, _) = bench.proposed

    bench.processor.close(refused_from=number)

    assert [_reason(reply) for reply in (in_the_log, refused)] == [
        Reason.OUTCOME_UNKNOWN,
        Reason.NO_LEADER,
    ]


def _reason(reply: ReplyFuture) -> Reason:
    error = reply.exception()
    assert isinstance(error, Rejection)
    return error.reason


def test_an_answer_that_nobody_waits_for_is_dropped() -> None:
    bench = Bench()
    (reply,) = bench.submit(put("W"))

    reply.cancel()
    bench.commit()

    assert bench.processor.is_idle


# What this program fails at


def broken(*_: object) -> Any:
    raise RuntimeError("a bug")


def test_a_bug_in_deciding_ends_its_execution_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    engine = InProcessEngine()
    engine.put_workflow("Good", scope(T=task("work")))
    engine.put_workflow("Bad", scope(A=pass_state()))
    good = engine.start("Good")
    monkeypatch.setattr(pass_, "start", broken)

    bad = engine.outcome(engine.start("Bad"))
    taken = engine.take("work")
    assert taken is not None
    engine.complete(taken, "fine")

    assert (bad.status, bad.error) == ("FAILED", "States.Runtime")
    assert bad.cause == "The server failed to process StartState: RuntimeError('a bug')"
    assert engine.outcome(good).output == "fine"
    assert [record.message for record in caplog.records] == ["failed to decide StartState"]


def test_a_bug_in_answering_a_caller_is_told_to_the_caller(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench()
    monkeypatch.setattr("stepraft.interpreter.workflows.put", broken)

    (reply,) = bench.submit(put("W"))

    assert _reason(reply) is Reason.INTERNAL
    assert caplog.records[0].levelno == logging.ERROR


def test_a_bug_in_writing_ends_the_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    monkeypatch.setattr(appliers, "apply", broken)

    with pytest.raises(RuntimeError, match="a bug"):
        bench.submit(put("W"))
    later = bench.processor.submit(put("V"))

    assert _reason(later) is Reason.NO_LEADER
    assert bench.proposed == []


@pytest.mark.parametrize("events", [1, 2, 5])
def test_what_a_group_leaves_is_pending_until_it_is_followed(events: int) -> None:
    bench = Bench(group_events=events, entry_events=1, entries_in_flight=1)
    bench.submit(put("W"))
    bench.commit()
    bench.submit(start("W"))

    pending = []
    while bench.proposed:
        bench.commit()
        pending.append(len(list(queries.pending_commands(bench.store))))

    # Started, state started, state completed, execution completed: four events in all.
    assert pending[-1] == 0
    assert max(pending) == (1 if events < 4 else 0)
