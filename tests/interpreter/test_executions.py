"""The life of an execution: started once for its key, canceled, timed out, ended once."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from stepraft.interpreter.commands import CancelExecution, CompleteTask
from stepraft.interpreter.errors import Reason, Rejection
from stepraft.interpreter.limits import Limits
from stepraft.server.engine.processor import Budget, ReplyFuture
from stepraft.testing import InProcessEngine, Outcome
from tests.interpreter.conftest import Begin, LinesOf
from tests.interpreter.machines import map_, parallel, pass_, retrier, scope, task, wait

LeftOver = Callable[[], list[bytes]]
WAITING = scope(A=wait(Seconds=100))


@pytest.mark.parametrize(
    "again",
    [
        pytest.param({}, id="the same request"),
        pytest.param({"input": {"b": 2, "a": 1}}, id="other order of keys"),
    ],
)
def test_one_key_is_one_execution(again: dict[str, Any], engine: InProcessEngine) -> None:
    engine.put_workflow("W", WAITING)
    first: dict[str, Any] = {"input": {"a": 1, "b": 2}, "idempotency_key": "k"}

    started = engine.start("W", **first)
    engine.advance(1)

    assert engine.start("W", **{**first, **again}) == started
    assert len(engine.executions()) == 1


@pytest.mark.parametrize("ended", [False, True], ids=["while it runs", "after its end"])
@pytest.mark.parametrize("restarted", [False, True], ids=["same leader", "new leader"])
def test_a_key_is_remembered(ended: bool, restarted: bool, engine: InProcessEngine) -> None:
    engine.put_workflow("W", WAITING)
    started = engine.start("W", 1, idempotency_key="k")
    if ended:
        engine.advance(100)
    if restarted:
        engine.restart()

    assert engine.start("W", 1, idempotency_key="k") == started


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"input": 2}, id="input"),
        pytest.param({"workflow": "V"}, id="workflow"),
        pytest.param({"version": 1}, id="version"),
        pytest.param({"name": "n"}, id="name"),
    ],
)
def test_a_key_with_another_request_is_refused(
    other: dict[str, Any], engine: InProcessEngine
) -> None:
    engine.put_workflow("W", WAITING)
    engine.put_workflow("V", WAITING)
    first = {"workflow": "W", "input": 1, "idempotency_key": "k"}
    engine.start(**first)  # type: ignore[arg-type]

    with pytest.raises(Rejection) as refused:
        engine.start(**{**first, **other})

    assert (refused.value.reason, refused.value.field) == (
        Reason.IDEMPOTENCY_CONFLICT,
        "idempotency_key",
    )
    assert len(engine.executions()) == 1


def test_a_name_with_the_same_request_is_the_running_execution(engine: InProcessEngine) -> None:
    engine.put_workflow("W", WAITING)

    assert engine.start("W", 1, name="n") == engine.start("W", 1, name="n")


@pytest.mark.parametrize("ended", [False, True])
def test_a_name_that_is_taken_is_refused(ended: bool, engine: InProcessEngine) -> None:
    engine.put_workflow("W", WAITING)
    engine.start("W", 1, name="n")
    if ended:
        engine.advance(100)

    with pytest.raises(Rejection) as refused:
        engine.start("W", 1 if ended else 2, name="n")

    assert (refused.value.reason, refused.value.field) == (Reason.EXECUTION_ALREADY_EXISTS, "name")


def test_a_name_belongs_to_one_workflow(engine: InProcessEngine) -> None:
    engine.put_workflow("W", WAITING)
    engine.put_workflow("V", WAITING)

    assert engine.start("W", name="n") != engine.start("V", name="n")


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        pytest.param({"workflow": "X"}, "workflow", id="no such workflow"),
        pytest.param({"workflow": "W", "version": 2}, "version", id="no such version"),
        pytest.param({"workflow": "W", "version": -1}, "version", id="no version"),
    ],
)
def test_what_is_not_there_cannot_be_started(
    request_: dict[str, Any], field: str, engine: InProcessEngine
) -> None:
    engine.put_workflow("W", WAITING)

    with pytest.raises(Rejection) as refused:
        engine.start(**request_)

    assert (refused.value.reason, refused.value.field) == (Reason.WORKFLOW_NOT_FOUND, field)


def test_an_execution_keeps_the_version_that_it_was_started_by(engine: InProcessEngine) -> None:
    engine.put_workflow("W", scope(A=wait(Seconds=1), B=pass_(Result="old")))
    old = engine.start("W")
    engine.put_workflow("W", scope(A=wait(Seconds=1), B=pass_(Result="new")))
    new, first = engine.start("W"), engine.start("W", version=1)

    engine.restart()
    engine.advance(1)

    outputs = [engine.outcome(execution).output for execution in (old, new, first)]
    assert outputs == ["old", "new", "old"]


def test_the_same_definition_is_no_new_version(engine: InProcessEngine) -> None:
    assert [
        engine.put_workflow("W", WAITING),
        engine.put_workflow("W", WAITING),
        engine.put_workflow("W", WAITING, "described"),
        engine.put_workflow("W", scope(A=pass_())),
        engine.put_workflow("W", WAITING),
    ] == [1, 1, 2, 3, 4]


STAGES: dict[str, tuple[dict[str, Any], Callable[[InProcessEngine], object]]] = {
    "in a Wait": (WAITING, lambda engine: None),
    "with a task offered": (scope(T=task("work")), lambda engine: None),
    "with a task handed out": (scope(T=task("work")), lambda engine: engine.take("work")),
    "in a retry's backoff": (
        scope(T=task("fail", Retry=[retrier("States.ALL", IntervalSeconds=50)])),
        lambda engine: engine.fail(_taken(engine, "fail"), "E"),
    ),
    "in a Parallel": (
        scope(P=parallel(scope(A=wait(Seconds=9)), scope(T=task("work")))),
        lambda engine: None,
    ),
    "in a Map of a Parallel": (
        scope(M=map_(scope(P=parallel(scope(A=wait(Seconds=9)), scope(T=task("work")))))),
        lambda engine: engine.take("work"),
    ),
    "with a timeout of the machine": (
        {**scope(T=task("work", TimeoutSeconds=20)), "TimeoutSeconds": 30},
        lambda engine: None,
    ),
    "with variables": (
        scope(A=pass_(Assign={"x": 1}), B=map_(scope(C=pass_(Assign={"y": 2}), D=wait(Seconds=9)))),
        lambda engine: None,
    ),
}


def _taken(engine: InProcessEngine, resource: str) -> Any:
    taken = engine.take(resource)
    assert taken is not None
    return taken


@pytest.mark.parametrize("restarted", [False, True], ids=["same leader", "new leader"])
@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES.keys())
def test_cancel_leaves_nothing_behind(
    stage: tuple[dict[str, Any], Callable[[InProcessEngine], object]],
    restarted: bool,
    engine: InProcessEngine,
    begin: Begin,
    lines_of: LinesOf,
    left_over: LeftOver,
) -> None:
    definition, prepare = stage
    execution = begin(definition, [1, 2])
    prepare(engine)
    if restarted:
        engine.restart()

    engine.cancel(execution, "Stop", "enough")

    assert lines_of(execution)[-1] == "ExecutionCompleted CANCELED Stop: enough"
    assert engine.outcome(execution) == Outcome("CANCELED", None, "Stop", "enough")
    assert left_over() == []


def test_cancel_takes_the_workers_task_away(engine: InProcessEngine, begin: Begin) -> None:
    execution = begin(scope(T=task("work")))
    taken = _taken(engine, "work")

    engine.cancel(execution)

    with pytest.raises(Rejection) as refused:
        engine.heartbeat(taken)
    assert refused.value.reason is Reason.TASK_NOT_FOUND


@pytest.mark.parametrize(
    ("execution", "reason"),
    [
        ("ended", Reason.EXECUTION_ENDED),
        ("/default/default/e0000000/0000000000000000", Reason.EXECUTION_NOT_FOUND),
    ],
)
def test_what_does_not_run_cannot_be_canceled(
    execution: str, reason: Reason, engine: InProcessEngine, begin: Begin
) -> None:
    ended = begin(scope(A=pass_()))

    with pytest.raises(Rejection) as refused:
        engine.cancel(ended if execution == "ended" else execution)

    assert refused.value.reason is reason


def test_canceling_twice_is_canceling_once(lines_of: LinesOf) -> None:
    engine = InProcessEngine(budget=Budget(group_events=1), limits=Limits(reclaim_chunk=1))
    engine.put_workflow("W", scope(M=map_(scope(A=wait(Seconds=9)))))
    execution = engine.start("W", [1, 2, 3])
    processor = engine.partition.leading().processor
    commands = [
        CancelExecution(execution_id=execution, error=error, cause=None) for error in ("A", "B")
    ]

    replies = [processor.submit(command) for command in commands]
    engine.run_until_idle()

    assert [reply.result() for reply in replies] == [None, None]
    assert engine.outcome(execution).error == "A"


@pytest.mark.parametrize("moment", range(12))
def test_of_two_ends_the_first_counts(moment: int, caplog: pytest.LogCaptureFixture) -> None:
    """One event a group and one group an entry: a cancellation meets the last task's completion
    at each of its steps.
    """
    engine = InProcessEngine(budget=Budget(group_events=1, entry_events=1))
    engine.put_workflow("W", scope(T=task("work")))
    execution = engine.start("W")
    taken = _taken(engine, "work")

    async def complete_and_cancel() -> list[ReplyFuture]:
        processor = engine.partition.leading().processor
        complete = CompleteTask(task_id=taken.task_id, delivery=1, output=b"1")
        cancel = CancelExecution(execution_id=execution, error="Stop", cause=None)
        replies = [processor.submit(complete)]
        for _ in range(moment):
            await asyncio.sleep(0)
        return [*replies, processor.submit(cancel)]

    completed, canceled = engine.loop.run_until_complete(complete_and_cancel())
    engine.run_until_idle()

    assert completed.exception() is None
    if canceled.exception() is None:
        assert engine.outcome(execution) == Outcome("CANCELED", None, "Stop", None)
    else:
        assert engine.outcome(execution) == Outcome("SUCCEEDED", 1, None, None)
    assert caplog.records == []


def test_timeout_of_the_machine_ends_whatever_runs(
    engine: InProcessEngine, begin: Begin, lines_of: LinesOf, left_over: LeftOver
) -> None:
    definition = {
        **scope(P=parallel(scope(A=wait(Seconds=90)), scope(T=task("work")))),
        "TimeoutSeconds": 30,
    }
    execution = begin(definition)

    engine.advance(29.999)
    before = engine.execution(execution).status
    engine.advance(0.001)

    assert before == "RUNNING"
    assert lines_of(execution)[-1] == "ExecutionCompleted TIMED_OUT States.Timeout"
    assert left_over() == []


def test_an_execution_that_ends_in_time_leaves_no_timer(
    engine: InProcessEngine, begin: Begin, left_over: LeftOver
) -> None:
    begin({**scope(A=wait(Seconds=10)), "TimeoutSeconds": 30})

    engine.advance(10)

    assert left_over() == []


def test_variables_go_with_their_scopes(
    engine: InProcessEngine, begin: Begin, left_over: LeftOver
) -> None:
    inner = scope(
        C=pass_(Assign={"y.$": "$"}), D=pass_(Parameters={"sum.$": "States.MathAdd($x, $y)"})
    )
    execution = begin(scope(A=pass_(Assign={"x": 10}), M=map_(inner)), [1, 2])

    assert engine.outcome(execution).output == [{"sum": 11}, {"sum": 12}]
    assert left_over() == []
