"""The Wait state: its four forms, and what is no time."""

from typing import Any

import pytest

from stepraft.interpreter.documents import Json
from stepraft.testing import InProcessEngine
from tests.interpreter.conftest import Begin
from tests.interpreter.machines import scope, wait


@pytest.mark.parametrize(
    ("fields", "data", "expected_s"),
    [
        pytest.param({"Seconds": 90}, None, 90, id="Seconds"),
        pytest.param({"SecondsPath": "$.s"}, {"s": 90}, 90, id="SecondsPath"),
        pytest.param({"Timestamp": "2026-01-01T00:01:30Z"}, None, 90, id="Timestamp"),
        pytest.param(
            {"TimestampPath": "$.t"}, {"t": "2026-01-01T00:01:30.5Z"}, 90.5, id="TimestampPath"
        ),
        pytest.param({"Seconds": 0}, None, 0, id="no time"),
        pytest.param({"Timestamp": "2020-01-01T00:00:00Z"}, None, 0, id="in the past"),
    ],
)
def test_waits_no_shorter_and_no_longer(
    fields: dict[str, Any], data: Json, expected_s: float, engine: InProcessEngine, begin: Begin
) -> None:
    execution = begin(scope(A=wait(**fields)), data)

    engine.advance(max(expected_s - 0.001, 0))
    before = engine.execution(execution).status
    engine.advance(0.001)

    assert before == ("RUNNING" if expected_s else "SUCCEEDED")
    assert engine.outcome(execution).status == "SUCCEEDED"


@pytest.mark.parametrize(
    ("fields", "data", "error"),
    [
        pytest.param({"SecondsPath": "$.s"}, {"s": -1}, "States.Runtime", id="negative"),
        pytest.param({"SecondsPath": "$.s"}, {"s": "x"}, "States.Runtime", id="no number"),
        pytest.param({"SecondsPath": "$.s"}, {"s": 10**9}, "States.Runtime", id="too long"),
        pytest.param({"TimestampPath": "$.t"}, {"t": "soon"}, "States.Runtime", id="no time"),
        pytest.param({"TimestampPath": "$.t"}, {}, "States.Runtime", id="missing"),
    ],
)
def test_what_is_no_time_fails_the_state(
    fields: dict[str, Any], data: Json, error: str, engine: InProcessEngine, begin: Begin
) -> None:
    execution = begin(scope(A=wait(**fields)), data)

    outcome = engine.outcome(execution)
    assert (outcome.status, outcome.error) == ("FAILED", error)


def test_a_wait_survives_a_new_leader(engine: InProcessEngine, begin: Begin) -> None:
    execution = begin(scope(A=wait(Seconds=60)))

    engine.advance(59)
    engine.restart()
    before = engine.execution(execution).status
    engine.advance(1)

    assert (before, engine.execution(execution).status) == ("RUNNING", "SUCCEEDED")


def test_an_output_path_that_misses_fails_when_the_wait_is_over(
    engine: InProcessEngine, begin: Begin
) -> None:
    execution = begin(scope(A=wait(Seconds=1, OutputPath="$.missing")), {})

    before = engine.execution(execution).status
    engine.advance(1)

    assert (before, engine.execution(execution).error) == ("RUNNING", "States.Runtime")
