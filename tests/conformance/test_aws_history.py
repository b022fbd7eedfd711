"""The AWS view of a history: types, ids, what points to what, and details."""

from typing import Any

import pytest

from stepraft.client import messages
from stepraft.interpreter.documents import Json
from stepraft.server.grpc_api.history import history_event
from stepraft.server.service.executions import HistoryItem
from stepraft.testing import InProcessEngine, TaskFailure
from tests.conformance.aws_history import aws_history
from tests.conformance.cases import Case
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

FUNCTION = "arn:aws:lambda:us-east-1:1:function:f"
WHOLE = {"truncated": False}


def broke(_: Json) -> Json:
    raise TaskFailure("Broke", "no money")


WORKERS = {"work": lambda given: given, "fail": broke, FUNCTION: lambda given: [given]}


@pytest.fixture
def engine() -> InProcessEngine:
    """A new engine."""
    return InProcessEngine()


def told(engine: InProcessEngine, definition: dict[str, Any], given: Json) -> list[dict[str, Any]]:
    """Run a definition to its end, and return the AWS view of its history."""
    engine.put_workflow("W", definition)
    engine.run("W", given, WORKERS)
    return view(engine, engine.executions("W")[0].execution_id, definition)


def view(
    engine: InProcessEngine, execution_id: str, definition: dict[str, Any]
) -> list[dict[str, Any]]:
    rows = enumerate(engine.history(execution_id), start=1)
    events = [
        messages.history_event(history_event(HistoryItem(sequence, row))) for sequence, row in rows
    ]
    case = Case(id="", area="", api="execute", expected={}, definition=definition)
    return aws_history(events, case.states)


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        pytest.param(
            scope(A=pass_(), B={"Type": "Succeed"}),
            """
            1 0 ExecutionStarted
            2 0 PassStateEntered
            3 2 PassStateExited
            4 3 SucceedStateEntered
            5 4 SucceedStateExited
            6 5 ExecutionSucceeded
            """,
            id="one after another",
        ),
        pytest.param(
            scope(F=fail("E")),
            """
            1 0 ExecutionStarted
            2 0 FailStateEntered
            3 2 ExecutionFailed
            """,
            id="Fail has no exit",
        ),
        pytest.param(
            scope(T=task(FUNCTION)),
            """
            1 0 ExecutionStarted
            2 0 TaskStateEntered
            3 2 LambdaFunctionScheduled
            4 3 LambdaFunctionStarted
            5 4 LambdaFunctionSucceeded
            6 5 TaskStateExited
            7 6 ExecutionSucceeded
            """,
            id="function",
        ),
        pytest.param(
            scope(T=task("fail", Retry=[retrier("Broke", MaxAttempts=1)])),
            """
            1 0 ExecutionStarted
            2 0 TaskStateEntered
            3 2 ActivityScheduled
            4 3 ActivityStarted
            5 4 ActivityFailed
            6 5 ActivityScheduled
            7 6 ActivityStarted
            8 7 ActivityFailed
            9 8 ExecutionFailed
            """,
            id="a retry points to the failure",
        ),
        pytest.param(
            scope(M=map_(scope(P=pass_()), MaxConcurrency=1, ItemsPath="$.items")),
            """
            1 0 ExecutionStarted
            2 0 MapStateEntered
            3 2 MapStateStarted
            4 3 MapIterationStarted
            5 4 PassStateEntered
            6 5 PassStateExited
            7 6 MapIterationSucceeded
            8 6 MapIterationStarted
            9 8 PassStateEntered
            10 9 PassStateExited
            11 10 MapIterationSucceeded
            12 11 MapStateSucceeded
            13 11 MapStateExited
            14 13 ExecutionSucceeded
            """,
            id="the next iteration points to the last state of the one before",
        ),
        pytest.param(
            scope(M=map_(scope(P=pass_()), ItemsPath="$.none")),
            """
            1 0 ExecutionStarted
            2 0 MapStateEntered
            3 2 MapStateStarted
            4 3 MapStateSucceeded
            5 3 MapStateExited
            6 5 ExecutionSucceeded
            """,
            id="no items",
        ),
        pytest.param(
            scope(
                M=map_(
                    scope(F=fail("E")),
                    ItemsPath="$.item",
                    Retry=[retrier("E", MaxAttempts=1)],
                    Catch=[catcher("R", "E")],
                    End=True,
                ),
                R=pass_(),
            ),
            """
            1 0 ExecutionStarted
            2 0 MapStateEntered
            3 2 MapStateStarted
            4 3 MapIterationStarted
            5 4 FailStateEntered
            6 5 MapIterationFailed
            7 5 MapStateStarted
            8 7 MapIterationStarted
            9 8 FailStateEntered
            10 9 MapIterationFailed
            11 9 MapStateFailed
            12 11 MapStateExited
            13 12 PassStateEntered
            14 13 PassStateExited
            15 14 ExecutionSucceeded
            """,
            id="a Map that failed points to what failed",
        ),
        pytest.param(
            scope(P=parallel(scope(A=pass_()), scope(B=pass_()))),
            """
            1 0 ExecutionStarted
            2 0 ParallelStateEntered
            3 2 ParallelStateStarted
            4 3 PassStateEntered
            5 4 PassStateExited
            6 3 PassStateEntered
            7 6 PassStateExited
            8 7 ParallelStateSucceeded
            9 7 ParallelStateExited
            10 9 ExecutionSucceeded
            """,
            id="each branch points to the start of them all",
        ),
        pytest.param(
            scope(P=parallel(scope(F=fail("E")), Retry=[retrier("E", MaxAttempts=1)])),
            """
            1 0 ExecutionStarted
            2 0 ParallelStateEntered
            3 2 ParallelStateStarted
            4 3 FailStateEntered
            5 4 ParallelStateStarted
            6 5 FailStateEntered
            7 6 ParallelStateFailed
            8 7 ExecutionFailed
            """,
            id="a retried Parallel begins its branches anew",
        ),
        pytest.param(
            scope(P=parallel(scope(M=map_(scope(A=pass_()), ItemsPath="$.item")))),
            """
            1 0 ExecutionStarted
            2 0 ParallelStateEntered
            3 2 ParallelStateStarted
            4 3 MapStateEntered
            5 4 MapStateStarted
            6 5 MapIterationStarted
            7 6 PassStateEntered
            8 7 PassStateExited
            9 8 MapIterationSucceeded
            10 9 MapStateSucceeded
            11 9 MapStateExited
            12 11 ParallelStateSucceeded
            13 11 ParallelStateExited
            14 13 ExecutionSucceeded
            """,
            id="a Map in a branch",
        ),
    ],
)
def test_an_event_points_to_the_one_that_caused_it(
    definition: dict[str, Any], expected: str, engine: InProcessEngine
) -> None:
    history = told(engine, definition, {"items": [1, 2], "item": [1], "none": []})

    lines = [f"{event['id']} {event['previousEventId']} {event['type']}" for event in history]
    assert lines == [line.strip() for line in expected.strip().splitlines()]


@pytest.mark.parametrize(
    ("fields", "scheduled"),
    [
        pytest.param(
            {"Resource": "pay", "TimeoutSeconds": 9, "HeartbeatSeconds": 3},
            {
                "type": "ActivityScheduled",
                "activityScheduledEventDetails": {
                    "resource": "pay",
                    "input": '{"x":1}',
                    "inputDetails": WHOLE,
                    "timeoutInSeconds": 9,
                    "heartbeatInSeconds": 3,
                },
            },
            id="any resource is an activity",
        ),
        pytest.param(
            {"Resource": FUNCTION},
            {
                "type": "LambdaFunctionScheduled",
                "lambdaFunctionScheduledEventDetails": {
                    "resource": FUNCTION,
                    "input": '{"x":1}',
                    "inputDetails": WHOLE,
                },
            },
            id="function",
        ),
        pytest.param(
            {"Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken"},
            {
                "type": "TaskScheduled",
                "taskScheduledEventDetails": {
                    "resourceType": "sqs",
                    "resource": "sendMessage.waitForTaskToken",
                    "region": "us-east-1",
                    "parameters": '{"x":1}',
                },
            },
            id="integration",
        ),
        pytest.param(
            {
                "Resource": "arn:aws:states:::aws-sdk:sfn:startExecution",
                "Credentials": {"RoleArn": "r"},
            },
            {
                "type": "TaskScheduled",
                "taskScheduledEventDetails": {
                    "resourceType": "aws-sdk:sfn",
                    "resource": "startExecution",
                    "region": "us-east-1",
                    "parameters": '{"x":1}',
                    "taskCredentials": {"roleArn": "r"},
                },
            },
            id="integration by the SDK, with a role",
        ),
    ],
)
def test_a_task_is_told_by_the_kind_of_its_resource(
    fields: dict[str, Any], scheduled: dict[str, Any], engine: InProcessEngine
) -> None:
    definition = scope(T={"Type": "Task", **fields})
    engine.put_workflow("W", definition)

    event = view(engine, engine.start("W", {"x": 1}), definition)[2]

    assert {name: event[name] for name in event if name not in _PLACE} == scheduled


_PLACE = ("id", "previousEventId", "timestamp")


def test_assigned_variables_are_told_as_text(engine: InProcessEngine) -> None:
    history = told(engine, scope(P=pass_(Assign={"v": "a", "n": 1})), {})

    assert history[2]["stateExitedEventDetails"] == {
        "name": "P",
        "output": "{}",
        "outputDetails": WHOLE,
        "assignedVariables": {"v": '"a"', "n": "1"},
        "assignedVariablesDetails": WHOLE,
    }


@pytest.mark.parametrize(
    ("state", "details"),
    [
        pytest.param(fail("E", "why"), {"error": "E", "cause": "why"}, id="error and cause"),
        pytest.param({"Type": "Fail"}, {}, id="neither"),
        pytest.param(
            task("none", TimeoutSeconds=5), {"error": "States.Timeout"}, id="timeout has no cause"
        ),
    ],
)
def test_a_failure_tells_what_there_is(
    state: dict[str, Any], details: dict[str, Any], engine: InProcessEngine
) -> None:
    history = told(engine, scope(S=state), {})

    assert history[-1]["type"] == "ExecutionFailed"
    assert history[-1]["executionFailedEventDetails"] == details


def test_a_canceled_execution_is_aborted(engine: InProcessEngine) -> None:
    definition = scope(W=wait(Seconds=9))
    engine.put_workflow("W", definition)
    execution_id = engine.start("W", {})
    engine.cancel(execution_id, "E", "why")

    last = view(engine, execution_id, definition)[-1]

    assert (last["type"], last["executionAbortedEventDetails"]) == (
        "ExecutionAborted",
        {"error": "E", "cause": "why"},
    )
