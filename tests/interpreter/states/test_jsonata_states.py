"""Each state type in JSONata: definition, input, workers; what comes out, or what is said."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest

from stepraft.interpreter.documents import Json
from stepraft.testing import InProcessEngine, TaskFailure
from tests.interpreter.machines import catcher, map_, parallel, pass_, retrier, scope, task, wait

Worker = Callable[[Json], Json]


class Case(NamedTuple):
    """What is run, and its output."""

    name: str
    definition: Mapping[str, Any]
    input: Json
    expected: Json
    workers: Mapping[str, Worker] = {}


def failing(error: str, cause: str | None = None) -> Worker:
    def work(_: Json) -> Json:
        raise TaskFailure(error, cause)

    return work


def choice(*rules: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"Type": "Choice", "Choices": list(rules), **fields}


END: dict[str, Any] = {"Type": "Succeed"}
ITEM = pass_(Output="{% $states.input %}")

CASES = [
    Case("a Pass hands its input on", scope(A=pass_()), {"x": 1}, {"x": 1}),
    Case(
        "a Pass puts out what it says",
        scope(A=pass_(Output={"y": "{% $states.input.x * 2 %}", "z": [1]})),
        {"x": 2},
        {"y": 4, "z": [1]},
    ),
    Case(
        "variables are seen from the next state on",
        scope(
            A=pass_(Assign={"v": "{% $states.input.x %}"}),
            B=pass_(Assign={"v": "{% $v + 1 %}", "w": "{% $v %}"}),
            C=pass_(Output="{% [$v, $w] %}"),
        ),
        {"x": 1},
        [2, 1],
    ),
    Case(
        "a Task gets its Arguments and puts out its Output",
        scope(
            A=task(
                "r",
                Arguments={"n": "{% $states.input.x %}"},
                Assign={"got": "{% $states.result %}"},
                Output="{% {'in': $states.input.x, 'out': $states.result.sum} %}",
            ),
            B=pass_(Output="{% {'all': $states.input, 'got': $got} %}"),
        ),
        {"x": 3},
        {"all": {"in": 3, "out": 4}, "got": {"sum": 4}},
        {"r": lambda given: {"sum": given["n"] + 1}},  # type: ignore[index,call-overload,operator]
    ),
    Case(
        "without Arguments a Task gets the input, without Output it puts out the result",
        scope(A=task("r")),
        {"x": 3},
        [{"x": 3}],
        {"r": lambda given: [given]},
    ),
    Case(
        "a Catcher sees the error and the input",
        scope(
            A=task(
                "r",
                Catch=[
                    catcher(
                        "B",
                        "Bad",
                        Output="{% $states.errorOutput.Error & $states.input.x %}",
                        Assign={"cause": "{% $states.errorOutput.Cause %}"},
                    )
                ],
            ),
            B=pass_(Output="{% [$states.input, $cause] %}"),
        ),
        {"x": 1},
        ["Bad1", "why"],
        {"r": failing("Bad", "why")},
    ),
    Case(
        "a Catcher without Output puts out the error",
        scope(A=task("r", Catch=[catcher("B", "States.ALL")]), B=END),
        None,
        {"Error": "Bad", "Cause": ""},
        {"r": failing("Bad")},
    ),
    Case(
        "the first rule whose Condition is true",
        scope(
            A=choice(
                {"Condition": "{% $states.input > 10 %}", "Next": "B", "Output": "big"},
                {
                    "Condition": "{% $states.input > 5 %}",
                    "Next": "B",
                    "Assign": {"v": "{% $states.input %}"},
                },
                Default="B",
                Output="small",
            ),
            B=pass_(Output="{% [$states.input, $exists($v)] %}"),
        ),
        7,
        [7, True],
    ),
    Case(
        "on the way to Default the state's own Output",
        scope(A=choice({"Condition": False, "Next": "B"}, Default="B", Output="small"), B=END),
        7,
        "small",
    ),
    Case("a Wait of seconds", scope(A=wait(Seconds="{% $states.input %}")), 5, 5),
    Case(
        "a Wait until a time",
        scope(A=wait(Timestamp="{% $fromMillis($millis() + 5000) %}", Output="{% 'over' %}")),
        None,
        "over",
    ),
    Case("a Succeed with Output", scope(A={**END, "Output": "{% 1 + 1 %}"}), None, 2),
    Case(
        "a Parallel",
        scope(
            A=parallel(
                scope(X=pass_(Output="{% $states.input.n + 1 %}")),
                scope(Y=pass_(Output="{% $states.input.n + 2 %}")),
                Arguments={"n": "{% $states.input %}"},
                Output="{% $sum($states.result) %}",
            )
        ),
        1,
        5,
    ),
    Case(
        "a Map",
        scope(
            A=map_(
                scope(X=ITEM),
                Items="{% $states.input.list[$ > 1] %}",
                ItemSelector={
                    "i": "{% $states.context.Map.Item.Index %}",
                    "v": "{% $states.context.Map.Item.Value %}",
                    "of": "{% $states.input.name %}",
                },
                MaxConcurrency="{% 1 %}",
            )
        ),
        {"name": "n", "list": [1, 2, 3]},
        [{"i": 0, "v": 2, "of": "n"}, {"i": 1, "v": 3, "of": "n"}],
    ),
    Case(
        "a Map that tolerates failures: the results of the others",
        scope(
            A=map_(
                scope(X=task("r")),
                ToleratedFailurePercentage="{% 50 %}",
                Output="{% $count($states.result) %}",
            )
        ),
        [1, 2],
        1,
        {"r": lambda n: failing("odd")(n) if n == 1 else n},
    ),
    Case(
        "one state in JSONata among others",
        scope(
            A=pass_(Parameters={"x.$": "$.y"}),
            B=pass_(QueryLanguage="JSONata", Output="{% $states.input.x & 'b' %}"),
        ),
        {"y": "a"},
        "ab",
    ),
]


def of(definition: Mapping[str, Any]) -> dict[str, Any]:
    states = definition["States"].values()
    is_mixed = any("QueryLanguage" in state for state in states)
    return {**definition, **({} if is_mixed else {"QueryLanguage": "JSONata"})}


def types_of(engine: InProcessEngine) -> list[str]:
    """Return what happened in the one execution, in order."""
    (execution,) = engine.executions()
    return [type(row.event).__name__ for row in engine.history(execution.execution_id)]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_what_comes_out(case: Case, engine: InProcessEngine) -> None:
    engine.put_workflow("W", of(case.definition))

    outcome = engine.run("W", case.input, case.workers)

    assert (outcome.status, outcome.error, outcome.output) == ("SUCCEEDED", None, case.expected)


WRONG = "The JSONata expression '{}' specified for the field '{}' {}"
FAILURES = [
    pytest.param(
        scope(A=pass_(Output={"a": "{% $x %}"})),
        WRONG.format("$x", "Output/a", "returned nothing (undefined)."),
        id="Output",
    ),
    pytest.param(
        scope(A=task("r", TimeoutSeconds="{% 'long' %}")),
        WRONG.format(
            "'long'",
            "TimeoutSeconds",
            "returned an unexpected result type. Expected 'number', but was 'string' for value: "
            '"long"',
        ),
        id="a number",
    ),
    pytest.param(
        scope(A=task("r", HeartbeatSeconds="{% 0 %}")),
        "HeartbeatSeconds must be from 1 to 99999999, but is 0",
        id="out of range",
    ),
    pytest.param(
        scope(A=choice({"Condition": "{% 1 %}", "Next": "B"}, Default="B"), B=END),
        WRONG.format(
            "1",
            "Choices[0]/Condition",
            "returned an unexpected result type. Expected 'boolean', but was 'number' for value: 1",
        ),
        id="a condition",
    ),
    pytest.param(
        scope(A=map_(scope(X=ITEM), Items="{% {'a': 1} %}")),
        WRONG.format(
            "{'a': 1}",
            "Items",
            "returned an unexpected result type. Expected 'array', but was 'object' for value: "
            '{"a":1}',
        ),
        id="items",
    ),
    pytest.param(
        scope(A=map_(scope(X=ITEM))),
        "Map state input must be an array but was: {}",
        id="an input that is no array",
    ),
    pytest.param(
        scope(A={"Type": "Fail", "Error": "{% 1 %}"}),
        WRONG.format(
            "1",
            "Error",
            "returned an unexpected result type. Expected 'string', but was 'number' for value: 1",
        ),
        id="an error's name",
    ),
]


@pytest.mark.parametrize(("definition", "cause"), FAILURES)
def test_what_is_said_of_an_expression_that_fails(
    definition: Mapping[str, Any], cause: str, engine: InProcessEngine
) -> None:
    engine.put_workflow("W", of(definition))

    outcome = engine.run("W", {})
    types = types_of(engine)

    place = "An error occurred while executing the state 'A' (entered at the event id #2)."
    assert (outcome.error, outcome.cause) == ("States.QueryEvaluationError", f"{place} {cause}")
    assert types[:3] == ["ExecutionStarted", "StateStarted", "EvaluationFailed"]


def test_a_query_that_fails_is_tried_again_and_caught(engine: InProcessEngine) -> None:
    query_error = "States.QueryEvaluationError"
    failing_task = task(
        "r",
        Arguments="{% $nothing %}",
        Retry=[retrier(query_error, MaxAttempts=1)],
        Catch=[catcher("B", query_error, Output="{% $states.errorOutput.Error %}")],
    )
    engine.put_workflow("W", of(scope(A=failing_task, B=END)))

    outcome = engine.run("W", {})

    assert outcome.output == query_error
    assert types_of(engine).count("EvaluationFailed") == 2


def test_time_chance_and_ids_are_drawn_once_and_kept(engine: InProcessEngine) -> None:
    drawn = "{% {'t': $millis(), 'r': $random(), 'u': $uuid()} %}"
    engine.put_workflow("W", of(scope(A=pass_(Output=drawn), B=task("r"))))
    execution_id = engine.start("W", {})
    engine.run_until_idle()
    before = engine.history(execution_id)

    engine.restart()
    waiting = engine.take("r")
    assert waiting is not None
    engine.complete(waiting, waiting.input)

    assert engine.history(execution_id)[: len(before)] == before
    output = engine.outcome(execution_id).output
    assert isinstance(output, dict)
    assert sorted(output) == ["r", "t", "u"]
