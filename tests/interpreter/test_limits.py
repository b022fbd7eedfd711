"""What an execution may use, and that others have their turn meanwhile."""

import pytest

from stepraft.interpreter.commands import StartExecution
from stepraft.interpreter.limits import Limits
from stepraft.testing import InProcessEngine
from tests.interpreter.machines import map_, parallel, pass_, scope, task

ENDLESS = scope(
    A=pass_(Next="B"),
    B={
        "Type": "Choice",
        "Choices": [{"Variable": "$", "StringEquals": "out", "Next": "C"}],
        "Default": "A",
    },
    C={"Type": "Succeed"},
)
TOO_LONG = "The execution reached the maximum number of history events (100)."


@pytest.fixture
def engine() -> InProcessEngine:
    return InProcessEngine(limits=Limits(history_events=100))


@pytest.mark.parametrize(("limit", "length"), [(100, 102), (101, 102), (102, 104)])
def test_a_history_at_its_limit_ends_an_endless_loop(limit: int, length: int) -> None:
    """The history grows by two events a state from one, so it is at 101 or 103 when it ends."""
    engine = InProcessEngine(limits=Limits(history_events=limit))
    engine.put_workflow("Endless", ENDLESS)

    outcome = engine.run("Endless")

    assert (outcome.status, outcome.error) == ("FAILED", "States.Runtime")
    (execution,) = engine.executions()
    assert len(engine.history(execution.execution_id)) == length


@pytest.mark.parametrize(
    "state",
    [
        pytest.param(parallel(ENDLESS, scope(T=task("work"))), id="in a branch"),
        pytest.param(map_(ENDLESS), id="in iterations"),
    ],
)
def test_an_endless_loop_beneath_ends_the_whole_execution(
    state: dict[str, object], engine: InProcessEngine
) -> None:
    engine.put_workflow("Endless", scope(S=state))

    assert engine.run("Endless", [1, 2, 3]).cause == TOO_LONG


def start_of(workflow: str) -> StartExecution:
    return StartExecution(
        tenant="default",
        namespace="default",
        workflow=workflow,
        version=0,
        name="",
        idempotency_key="",
        input=b"{}",
    )


def test_another_execution_goes_on_during_an_endless_loop() -> None:
    engine = InProcessEngine(limits=Limits(history_events=20_000))
    engine.put_workflow("Endless", ENDLESS)
    engine.put_workflow("Short", scope(A=pass_(), B=pass_(), C=pass_()))

    processor = engine.partition.leading().processor
    replies = [processor.submit(start_of(workflow)) for workflow in ("Endless", "Short")]
    engine.run_until_idle()

    assert [reply.exception() for reply in replies] == [None, None]
    ended = {execution.workflow: execution.stopped_at for execution in engine.executions()}
    assert ended["Short"] < ended["Endless"]
