"""Catch: where a failed state goes on."""

from typing import Any

import pytest

from stepraft.interpreter.documents import Json
from stepraft.testing import InProcessEngine, Outcome, TaskFailure
from tests.interpreter.machines import catcher, map_, parallel, pass_, scope, task

SUCCEEDED = "SUCCEEDED"


def broke(_: Json) -> Json:
    raise TaskFailure("Broke", "no money")


def run(engine: InProcessEngine, catch: list[dict[str, Any]], **fields: Any) -> Outcome:
    engine.put_workflow(
        "W",
        scope(
            T=task("pay", Catch=catch, End=True, **fields),
            R1=pass_(ResultPath=None, OutputPath="$", End=True),
            R2=pass_(Result="second", End=True),
        ),
    )
    return engine.run("W", {"x": 1}, {"pay": broke})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, {"Error": "Broke", "Cause": "no money"}, id="replaces the input"),
        pytest.param(
            {"ResultPath": "$.e"},
            {"x": 1, "e": {"Error": "Broke", "Cause": "no money"}},
            id="joins the input",
        ),
        pytest.param({"ResultPath": None}, {"x": 1}, id="drops the error"),
    ],
)
def test_the_error_output_goes_to_result_path(
    fields: dict[str, Any], expected: Json, engine: InProcessEngine
) -> None:
    catch = [catcher("R1", "Broke", **fields), catcher("R2", "States.ALL")]

    assert run(engine, catch) == Outcome(SUCCEEDED, expected)


def test_the_first_catcher_that_matches_counts(engine: InProcessEngine) -> None:
    catch = [catcher("R1", "Other"), catcher("R2", "Broke", "Other")]

    assert run(engine, [*catch, catcher("R1", "States.ALL")]).output == "second"


def test_an_error_that_no_catcher_names_fails_the_execution(engine: InProcessEngine) -> None:
    catch = [catcher("R1", "Other"), catcher("R2", "States.Timeout")]

    assert run(engine, catch) == Outcome("FAILED", None, "Broke", "no money")


def test_a_cause_that_is_absent_is_empty(engine: InProcessEngine) -> None:
    engine.put_workflow(
        "W",
        scope(
            P=parallel(scope(F={"Type": "Fail"}), Catch=[catcher("R", "States.ALL")]),
            R={"Type": "Succeed"},
        ),
    )

    assert engine.run("W") == Outcome(SUCCEEDED, {"Error": "", "Cause": ""})


@pytest.mark.parametrize(
    "state",
    [
        pytest.param(parallel(scope(T=task("pay"))), id="Parallel"),
        pytest.param(map_(scope(T=task("pay"))), id="Map"),
    ],
)
def test_a_catcher_whose_result_path_does_not_fit_fails_the_state(
    state: dict[str, Any], engine: InProcessEngine, left_over: Any
) -> None:
    catch = [catcher("R", "States.ALL", ResultPath="$.x.y")]
    engine.put_workflow("W", scope(S={**state, "Catch": catch}, R={"Type": "Succeed"}))

    outcome = engine.run("W", [1], {"pay": broke})

    assert (outcome.status, outcome.error) == ("FAILED", "States.ResultPathMatchFailure")
    assert left_over() == []
