"""The context object: what a definition may read about its own run."""

from typing import Any

import pytest

from stepraft.interpreter.documents import Json
from stepraft.testing import InProcessEngine
from tests.interpreter.machines import map_, parallel, pass_, scope, task, wait


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        pytest.param(pass_(InputPath="$$.State"), {"EnteredTime", "Name"}, id="Pass"),
        pytest.param(wait(Seconds=0, InputPath="$$.State"), {"EnteredTime", "Name"}, id="Wait"),
        pytest.param(
            task("work", InputPath="$$.State"), {"EnteredTime", "Name", "RetryCount"}, id="Task"
        ),
        pytest.param(
            parallel(scope(P=pass_()), InputPath="$$.State", OutputPath="$[0]"),
            {"EnteredTime", "Name", "RetryCount"},
            id="Parallel",
        ),
        pytest.param(
            map_(
                scope(P=pass_()),
                ItemsPath="$.items",
                ItemSelector={"state.$": "$$.State"},
                OutputPath="$[0].state",
            ),
            {"EnteredTime", "Name", "RetryCount"},
            id="Map",
        ),
    ],
)
def test_a_state_that_can_be_retried_has_a_retry_count(
    state: dict[str, Any], expected: set[str], engine: InProcessEngine
) -> None:
    engine.put_workflow("W", scope(S=state))

    output = engine.run("W", {"items": [0]}, {"work": echo}).output

    assert isinstance(output, dict)
    assert set(output) == expected


def echo(given: Json) -> Json:
    return given
