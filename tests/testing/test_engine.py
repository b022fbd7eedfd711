"""The in-process engine: what its users rely on."""

import pytest

from stepraft.interpreter.documents import Json
from stepraft.interpreter.errors import Reason, Rejection
from stepraft.interpreter.language.diagnostics import InvalidDefinition
from stepraft.storage import queries
from stepraft.testing import InProcessEngine, Outcome, TaskFailure, outline
from tests.interpreter.machines import map_, retrier, scope, task, wait

DAY_S = 86_400.0


def charge(order: Json) -> Json:
    assert isinstance(order, dict)
    if order["price"] == 0:
        raise TaskFailure("NothingToPay", "it is free")
    return {"paid": order["price"]}


def test_a_workflow_runs_to_its_end_at_once() -> None:
    engine = InProcessEngine()
    engine.put_workflow("Orders", scope(Later=wait(Seconds=int(DAY_S)), Charge=task("charge")))

    outcome = engine.run("Orders", {"price": 7}, {"charge": charge})

    assert outcome == Outcome("SUCCEEDED", {"paid": 7})
    assert engine.loop.time() == DAY_S


def test_a_worker_fails_a_task_by_raising() -> None:
    engine = InProcessEngine()
    engine.put_workflow("Orders", scope(Charge=task("charge")))

    outcome = engine.run("Orders", {"price": 0}, {"charge": charge})

    assert outcome == Outcome("FAILED", None, "NothingToPay", "it is free")


def test_a_missing_worker_is_told() -> None:
    engine = InProcessEngine()
    engine.put_workflow("Orders", scope(Charge=task("charge")))

    with pytest.raises(AssertionError, match="waits for a worker that is not there"):
        engine.run("Orders", {"price": 7}, {"other": charge})


def test_a_wrong_definition_is_refused() -> None:
    with pytest.raises(InvalidDefinition):
        InProcessEngine().put_workflow("Orders", {"StartAt": "Nowhere", "States": {}})


@pytest.mark.parametrize("size", [262_143, 262_144, 262_145])
def test_an_input_over_the_limit_is_refused(size: int) -> None:
    engine = InProcessEngine()
    engine.put_workflow("Orders", scope(A=wait(Seconds=1)))
    text = "x" * (size - 2)

    if size <= 262_144:
        assert engine.execution(engine.start("Orders", text)).status == "RUNNING"
    else:
        with pytest.raises(Rejection) as refused:
            engine.start("Orders", text)
        assert refused.value.reason is Reason.PAYLOAD_TOO_LARGE


def test_equal_seeds_give_equal_rows() -> None:
    assert rows_of(seed=1) == rows_of(seed=1)
    assert rows_of(seed=1) != rows_of(seed=2)


def rows_of(seed: int) -> list[tuple[bytes, bytes]]:
    engine = InProcessEngine(seed=seed)
    retry = [retrier("States.ALL", JitterStrategy="FULL")]
    engine.put_workflow("W", scope(M=map_(scope(Charge=task("charge", Retry=retry)))))
    engine.run("W", [{"price": 0}, {"price": 7}], {"charge": charge})
    return list(queries.replicated_rows(engine.store))


def test_a_long_history_is_read_whole() -> None:
    engine = InProcessEngine()
    engine.put_workflow("W", scope(M=map_(scope(A={"Type": "Pass"}))))
    execution = engine.start("W", list(range(400)))

    lines = outline(engine.history(execution))

    assert len(lines) == queries.last_sequence(engine.store, execution)
    assert (lines[0][:16], lines[-1][:28]) == ("ExecutionStarted", "ExecutionCompleted SUCCEEDED")


def test_an_execution_that_is_not_there_cannot_be_read() -> None:
    with pytest.raises(Rejection) as refused:
        InProcessEngine().outcome("/default/default/e0000000/0000000000000000")

    assert refused.value.reason is Reason.EXECUTION_NOT_FOUND
