"""Each state type, from command to what follows: definition, input, workers, expected history."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest

from stepraft.interpreter.documents import Json
from stepraft.interpreter.lifecycle import ENDED
from stepraft.server.engine.processor import Budget
from stepraft.testing import InProcessEngine, TaskFailure, outline
from tests.interpreter.machines import (
    catcher,
    fail,
    map_,
    parallel,
    pass_,
    retrier,
    scope,
    task,
    wait,
)

Worker = Callable[[Json], Json]


class Case(NamedTuple):
    """What is run, and the lines of the history behind ExecutionStarted."""

    name: str
    definition: Mapping[str, Any]
    input: Json
    expected: list[str]
    workers: Mapping[str, Worker] = {}


def failing(error: str, cause: str | None = None) -> Worker:
    def work(_: Json) -> Json:
        raise TaskFailure(error, cause)

    return work


def big_or_small(**fields: Any) -> dict[str, Any]:
    choices = [{"Variable": "$", "NumericGreaterThan": 10, "Next": "Big"}]
    return scope(
        Size={"Type": "Choice", "Choices": choices, **fields},
        Big={"Type": "Succeed"},
        Small={"Type": "Succeed"},
    )


CASES = [
    Case(
        "a Pass hands its input on",
        scope(A=pass_()),
        {"x": 1},
        [
            'StateStarted A {"x":1}',
            'StateCompleted A {"x":1} -> end',
            'ExecutionCompleted SUCCEEDED {"x":1}',
        ],
    ),
    Case(
        "a Pass puts its Result at ResultPath",
        scope(A=pass_(Result=7, ResultPath="$.y"), B={"Type": "Succeed"}),
        {"x": 1},
        [
            'StateStarted A {"x":1}',
            'StateCompleted A {"x":1,"y":7} -> B',
            'StateStarted B {"x":1,"y":7}',
            'StateCompleted B {"x":1,"y":7} -> end',
            'ExecutionCompleted SUCCEEDED {"x":1,"y":7}',
        ],
    ),
    Case(
        "a Choice goes on by the first rule that matches",
        big_or_small(Default="Small"),
        11,
        [
            "StateStarted Size 11",
            "StateCompleted Size 11 -> Big",
            "StateStarted Big 11",
            "StateCompleted Big 11 -> end",
            "ExecutionCompleted SUCCEEDED 11",
        ],
    ),
    Case(
        "a Choice that matches nothing goes on to Default",
        big_or_small(Default="Small"),
        10,
        [
            "StateStarted Size 10",
            "StateCompleted Size 10 -> Small",
            "StateStarted Small 10",
            "StateCompleted Small 10 -> end",
            "ExecutionCompleted SUCCEEDED 10",
        ],
    ),
    Case(
        "a Choice without a match or Default fails",
        scope(
            Size={
                "Type": "Choice",
                "Choices": [{"Variable": "$", "NumericGreaterThan": 10, "Next": "Big"}],
            },
            Big={"Type": "Succeed"},
        ),
        10,
        [
            "StateStarted Size 10",
            (
                "ExecutionCompleted FAILED States.NoChoiceMatched: Failed to transition out of the"
                " state. The state does not point to a next state."
            ),
        ],
    ),
    Case(
        "a Fail ends the execution with its Error and Cause",
        scope(A=fail("Sorry", "no stock")),
        None,
        ["StateStarted A null", "ExecutionCompleted FAILED Sorry: no stock"],
    ),
    Case(
        "a Fail may give neither",
        scope(A={"Type": "Fail"}),
        None,
        ["StateStarted A null", "ExecutionCompleted FAILED"],
    ),
    Case(
        "an error of a path names the state and where it was entered",
        scope(A=pass_(), B=pass_(InputPath="$.missing")),
        {},
        [
            "StateStarted A {}",
            "StateCompleted A {} -> B",
            "StateStarted B {}",
            (
                "ExecutionCompleted FAILED States.Runtime: An error occurred while executing the"
                " state 'B' (entered at the event id #4). Invalid path '$.missing' : No results for"
                " path: $['missing']"
            ),
        ],
    ),
    Case(
        "a Wait goes on when its time has come",
        scope(A=wait(Seconds=60)),
        1,
        ["StateStarted A 1", "StateCompleted A 1 -> end", "ExecutionCompleted SUCCEEDED 1"],
    ),
    Case(
        "a Task is created, handed out and completed",
        scope(T=task("double", Parameters={"n.$": "$.n"}, ResultPath="$.r")),
        {"n": 2},
        [
            'StateStarted T {"n":2}',
            'TaskCreated T {"n":2}',
            "TaskActivated T #1",
            'TaskCompleted T {"done":{"n":2}}',
            'StateCompleted T {"n":2,"r":{"done":{"n":2}}} -> end',
            'ExecutionCompleted SUCCEEDED {"n":2,"r":{"done":{"n":2}}}',
        ],
        {"double": lambda value: {"done": value}},
    ),
    Case(
        "a Task that fails ends the execution",
        scope(T=task("pay")),
        2,
        [
            "StateStarted T 2",
            "TaskCreated T 2",
            "TaskActivated T #1",
            "TaskFailed T Broke: no money",
            "ExecutionCompleted FAILED Broke: no money",
        ],
        {"pay": failing("Broke", "no money")},
    ),
    Case(
        "a Task is retried, then caught",
        scope(
            T=task(
                "pay",
                Retry=[retrier("Broke", MaxAttempts=1)],
                Catch=[catcher("Rescue", "States.ALL", ResultPath="$.error")],
            ),
            Rescue={"Type": "Succeed"},
        ),
        {},
        [
            "StateStarted T {}",
            "TaskCreated T {}",
            "TaskActivated T #1",
            "TaskFailed T Broke: no money",
            "TaskCreated T {}",
            "TaskActivated T #1",
            "TaskFailed T Broke: no money",
            'StateCompleted T {"error":{"Error":"Broke","Cause":"no money"}} -> Rescue',
            'StateStarted Rescue {"error":{"Error":"Broke","Cause":"no money"}}',
            'StateCompleted Rescue {"error":{"Error":"Broke","Cause":"no money"}} -> end',
            'ExecutionCompleted SUCCEEDED {"error":{"Error":"Broke","Cause":"no money"}}',
        ],
        {"pay": failing("Broke", "no money")},
    ),
    Case(
        "a Parallel joins its branches in their order",
        scope(P=parallel(scope(A=pass_(Result="a")), scope(B=pass_(Result="b")))),
        0,
        [
            "StateStarted P 0",
            "ParallelStarted 2",
            "StateStarted A 0",
            'StateCompleted A "a" -> end',
            "StateStarted B 0",
            'StateCompleted B "b" -> end',
            "FanOutSucceeded Parallel",
            'StateCompleted P ["a","b"] -> end',
            'ExecutionCompleted SUCCEEDED ["a","b"]',
        ],
    ),
    Case(
        "a Parallel fails with the first branch that fails",
        scope(P=parallel(scope(A=wait(Seconds=9)), scope(B=fail("Sorry")))),
        0,
        [
            "StateStarted P 0",
            "ParallelStarted 2",
            "StateStarted A 0",
            "StateStarted B 0",
            "FanOutFailed Parallel Sorry",
            "ExecutionCompleted FAILED Sorry",
        ],
    ),
    Case(
        "a Map runs its processor for each item",
        scope(
            M=map_(
                scope(A=pass_()),
                ItemsPath="$.xs",
                ItemSelector={"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value"},
            )
        ),
        {"xs": [5, 6]},
        [
            'StateStarted M {"xs":[5,6]}',
            "MapStarted 2",
            'IterationStarted M[0] {"i":0,"v":5}',
            'IterationStarted M[1] {"i":1,"v":6}',
            'StateStarted A {"i":0,"v":5}',
            'StateCompleted A {"i":0,"v":5} -> end',
            'StateStarted A {"i":1,"v":6}',
            'StateCompleted A {"i":1,"v":6} -> end',
            'IterationCompleted M[0] {"i":0,"v":5}',
            'IterationCompleted M[1] {"i":1,"v":6}',
            "FanOutSucceeded Map",
            'StateCompleted M [{"i":0,"v":5},{"i":1,"v":6}] -> end',
            'ExecutionCompleted SUCCEEDED [{"i":0,"v":5},{"i":1,"v":6}]',
        ],
    ),
    Case(
        "a Map of no items has an empty result",
        scope(M=map_(scope(A=pass_()))),
        [],
        [
            "StateStarted M []",
            "MapStarted 0",
            "FanOutSucceeded Map",
            "StateCompleted M [] -> end",
            "ExecutionCompleted SUCCEEDED []",
        ],
    ),
    Case(
        "a Map runs MaxConcurrency iterations at a time",
        scope(M=map_(scope(A=pass_()), MaxConcurrency=1)),
        [5, 6],
        [
            "StateStarted M [5,6]",
            "MapStarted 2",
            "IterationStarted M[0] 5",
            "StateStarted A 5",
            "StateCompleted A 5 -> end",
            "IterationCompleted M[0] 5",
            "IterationStarted M[1] 6",
            "StateStarted A 6",
            "StateCompleted A 6 -> end",
            "IterationCompleted M[1] 6",
            "FanOutSucceeded Map",
            "StateCompleted M [5,6] -> end",
            "ExecutionCompleted SUCCEEDED [5,6]",
        ],
    ),
    Case(
        "a Map of what is no array fails, and its Catch cannot answer",
        scope(M=map_(scope(A=pass_()), Catch=[catcher("R", "States.ALL")]), R={"Type": "Succeed"}),
        {"x": 1},
        [
            'StateStarted M {"x":1}',
            (
                "ExecutionCompleted FAILED States.Runtime: An error occurred while executing the"
                " state 'M' (entered at the event id #2). Reference path \"$\" must point to array."
            ),
        ],
    ),
    Case(
        "a Map evaluates its limits when it has begun",
        scope(
            M=map_(scope(A=pass_()), ItemsPath="$.items", ToleratedFailureCountPath="$.limit"),
        ),
        {"items": [1], "limit": -1},
        [
            'StateStarted M {"items":[1],"limit":-1}',
            "MapStarted 1",
            (
                "ExecutionCompleted FAILED States.Runtime: An error occurred while executing the"
                " state 'M' (entered at the event id #2). ToleratedFailureCount cannot be negative."
            ),
        ],
    ),
    Case(
        "a Parallel that cannot make its input ends its scope at once",
        scope(P=parallel(scope(A=pass_()), InputPath="$.none")),
        {},
        [
            "StateStarted P {}",
            (
                "ExecutionCompleted FAILED States.Runtime: An error occurred while executing the"
                " state 'P' (entered at the event id #2). Invalid path '$.none' : No results for"
                " path: $['none']"
            ),
        ],
    ),
    Case(
        "a Map fails, too, with an iteration that ends by States.Runtime",
        scope(M=map_(scope(A=pass_(InputPath="$.none")))),
        [{}],
        [
            "StateStarted M [{}]",
            "MapStarted 1",
            "IterationStarted M[0] {}",
            "StateStarted A {}",
            *(
                f"{event} States.Runtime: An error occurred while executing the state 'A'"
                " (entered at the event id #5). Invalid path '$.none' : No results for path:"
                " $['none']"
                for event in (
                    "IterationFailed M[0]",
                    "FanOutFailed Map",
                    "ExecutionCompleted FAILED",
                )
            ),
        ],
    ),
    Case(
        "a Map fails with the first iteration that fails",
        scope(M=map_(scope(T=task("pay")), Catch=[catcher("R", "Broke")]), R={"Type": "Succeed"}),
        [1, 2],
        [
            "StateStarted M [1,2]",
            "MapStarted 2",
            "IterationStarted M[0] 1",
            "IterationStarted M[1] 2",
            "StateStarted T 1",
            "TaskCreated T 1",
            "StateStarted T 2",
            "TaskCreated T 2",
            "TaskActivated T #1",
            "TaskFailed T Broke",
            "IterationFailed M[0] Broke",
            "FanOutFailed Map Broke",
            'StateCompleted M {"Error":"Broke","Cause":""} -> R',
            'StateStarted R {"Error":"Broke","Cause":""}',
            'StateCompleted R {"Error":"Broke","Cause":""} -> end',
            'ExecutionCompleted SUCCEEDED {"Error":"Broke","Cause":""}',
        ],
        {"pay": failing("Broke")},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_history(case: Case, engine: InProcessEngine, left_over: Callable[[], list[bytes]]) -> None:
    engine.put_workflow("W", dict(case.definition))

    engine.run("W", case.input, case.workers)

    (execution,) = engine.executions("W")
    started, *lines = outline(engine.history(execution.execution_id))
    assert lines == case.expected
    assert started.startswith("ExecutionStarted")
    assert left_over() == []


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_history_is_the_same_when_the_leader_changes_at_every_step(case: Case) -> None:
    engine = InProcessEngine(budget=Budget(group_events=1, entry_events=1))
    engine.put_workflow("W", dict(case.definition))
    execution = engine.start("W", case.input)

    while engine.execution(execution).status not in ENDED:
        engine.restart()
        task_ = engine.take(*case.workers)
        engine.restart()
        if task_ is not None:
            engine.perform(task_, case.workers[task_.resource])
        else:
            assert engine.skip_wait()

    _, *lines = outline(engine.history(execution))
    assert sorted(lines[:-1]) == sorted(case.expected[:-1])
    assert lines[-1] == case.expected[-1]
