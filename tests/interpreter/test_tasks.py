"""A task: handed out under a lease, completed at most once, timed out in time."""

import pytest
from msgspec.structs import replace

from stepraft.interpreter.commands import CompleteTask
from stepraft.interpreter.documents import Json
from stepraft.interpreter.errors import Reason, Rejection
from stepraft.testing import InProcessEngine, Outcome, Task
from tests.interpreter.conftest import Begin, LinesOf
from tests.interpreter.machines import catcher, retrier, scope, task


def take(engine: InProcessEngine, *, lease_s: float = 60.0, worker: str = "worker") -> Task:
    taken = engine.take("work", lease_s=lease_s, worker=worker)
    assert taken is not None
    return taken


def test_tasks_are_handed_out_the_oldest_first(engine: InProcessEngine, begin: Begin) -> None:
    begin(scope(T=task("work")), 0)
    for number in range(1, 4):
        engine.start("W", number)

    assert [take(engine).input for _ in range(4)] == [0, 1, 2, 3]


def test_a_worker_gets_tasks_of_its_resources_alone(engine: InProcessEngine, begin: Begin) -> None:
    begin(scope(T=task("work")))

    assert engine.take("other", "wor", "work2") is None
    assert engine.take("other", "work") is not None


def test_a_task_is_handed_to_one_worker(engine: InProcessEngine, begin: Begin) -> None:
    begin(scope(T=task("work")))
    take(engine)

    assert engine.take("work", worker="another") is None


def test_a_lease_that_runs_out_is_delivered_again(engine: InProcessEngine, begin: Begin) -> None:
    begin(scope(T=task("work")))
    first = take(engine, lease_s=10)

    engine.advance(9.999)
    assert engine.take("work") is None
    engine.advance(0.001)

    deadline_ms = first.lease_deadline_ms + 60_000
    assert take(engine) == replace(first, attempt=2, lease_deadline_ms=deadline_ms)


def test_a_heartbeat_renews_the_lease(engine: InProcessEngine, begin: Begin) -> None:
    begin(scope(T=task("work")))
    first = take(engine, lease_s=10)

    engine.advance(9)
    assert engine.heartbeat(first, lease_s=10) == first.lease_deadline_ms + 9000
    engine.advance(9)
    assert engine.take("work") is None
    engine.advance(1)

    assert take(engine).attempt == 2


def test_a_heartbeat_never_shortens_the_lease(engine: InProcessEngine, begin: Begin) -> None:
    begin(scope(T=task("work")))
    first = take(engine, lease_s=60)

    assert engine.heartbeat(first, lease_s=1) == first.lease_deadline_ms
    engine.advance(59)

    assert engine.take("work") is None


def test_the_completion_of_a_lost_lease_counts_until_the_next_delivery(
    engine: InProcessEngine, begin: Begin
) -> None:
    execution = begin(scope(T=task("work")))
    first = take(engine, lease_s=10)
    engine.advance(10)

    engine.complete(first, "late")

    assert engine.outcome(execution).output == "late"
    assert engine.take("work") is None


REPORTS = {
    "complete": lambda engine, taken: engine.complete(taken, "again"),
    "fail": lambda engine, taken: engine.fail(taken, "again"),
    "heartbeat": lambda engine, taken: engine.heartbeat(taken),
    "hand back": lambda engine, taken: engine.hand_back(taken),
}


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS.keys())
def test_a_stale_delivery_is_refused(report, engine: InProcessEngine, begin: Begin) -> None:  # type: ignore[no-untyped-def]
    execution = begin(scope(T=task("work")))
    first = take(engine, lease_s=10)
    engine.advance(10)
    second = take(engine)

    with pytest.raises(Rejection) as refused:
        report(engine, first)
    engine.complete(second, "second")

    assert refused.value.reason is Reason.TASK_TOKEN_STALE
    assert engine.outcome(execution).output == "second"


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS.keys())
def test_a_task_that_is_over_takes_no_report(report, engine: InProcessEngine, begin: Begin) -> None:  # type: ignore[no-untyped-def]
    execution = begin(scope(T=task("work")))
    taken = take(engine)
    engine.complete(taken, "first")

    with pytest.raises(Rejection) as refused:
        report(engine, taken)

    assert refused.value.reason is Reason.TASK_NOT_FOUND
    assert engine.outcome(execution).output == "first"


def test_a_task_that_was_never_handed_out_cannot_be_completed(
    engine: InProcessEngine, begin: Begin
) -> None:
    begin(scope(T=task("work")))
    task_id = next(
        iter(engine.partition.leading().state.ready_task_ids(("default", "default", "work"), 1))
    )

    with pytest.raises(Rejection) as refused:
        engine.submit(CompleteTask(task_id=task_id, delivery=0, output=b"1"))

    assert refused.value.reason is Reason.TASK_TOKEN_STALE


def test_a_task_that_is_handed_back_is_offered_at_once(
    engine: InProcessEngine, begin: Begin
) -> None:
    begin(scope(T=task("work")))

    engine.hand_back(take(engine))

    assert take(engine).attempt == 2


def test_a_delivery_survives_a_new_leader(engine: InProcessEngine, begin: Begin) -> None:
    execution = begin(scope(T=task("work")))
    taken = take(engine)

    engine.restart()
    assert engine.take("work") is None
    engine.complete(taken, 1)

    assert engine.outcome(execution).output == 1


def test_a_new_leader_takes_lost_leases_back(engine: InProcessEngine, begin: Begin) -> None:
    begin(scope(T=task("work")))
    take(engine, lease_s=10)

    engine.restart()
    engine.advance(10)

    assert take(engine).attempt == 2


def test_timeout_counts_without_a_worker(
    engine: InProcessEngine, begin: Begin, lines_of: LinesOf
) -> None:
    execution = begin(scope(T=task("work", TimeoutSeconds=30)))

    engine.advance(29.999)
    before = engine.execution(execution).status
    engine.advance(0.001)

    assert before == "RUNNING"
    assert lines_of(execution)[-2:] == [
        "TaskTimedOut T States.Timeout",
        "ExecutionCompleted FAILED States.Timeout",
    ]


@pytest.mark.parametrize("beats", [0, 3])
def test_timeout_counts_whatever_the_worker_says(
    beats: int, engine: InProcessEngine, begin: Begin
) -> None:
    execution = begin(scope(T=task("work", TimeoutSeconds=40)))
    taken = take(engine, lease_s=1000)

    for _ in range(beats):
        engine.advance(10)
        engine.heartbeat(taken, lease_s=1000)
    engine.advance(40 - 10 * beats)

    assert engine.outcome(execution).error == "States.Timeout"
    with pytest.raises(Rejection):
        engine.complete(taken, "late")


def test_a_missed_heartbeat_fails_the_state(
    engine: InProcessEngine, begin: Begin, lines_of: LinesOf
) -> None:
    execution = begin(scope(T=task("work", HeartbeatSeconds=5)))
    engine.advance(100)
    taken = take(engine, lease_s=1000)
    engine.advance(4)
    engine.heartbeat(taken, lease_s=1000)
    engine.advance(4)
    engine.heartbeat(taken, lease_s=1000)
    before = engine.execution(execution).status
    engine.advance(5)

    assert before == "RUNNING"
    assert lines_of(execution)[-2] == "TaskTimedOut T States.Timeout"
    assert engine.outcome(execution) == Outcome("FAILED", None, "States.Timeout", None)


@pytest.mark.parametrize(
    "error_equals", ["States.HeartbeatTimeout", "States.Timeout", "States.ALL"]
)
def test_a_missed_heartbeat_is_caught_as_such_or_as_a_timeout(
    error_equals: str, engine: InProcessEngine, begin: Begin
) -> None:
    execution = begin(
        scope(
            T=task("work", HeartbeatSeconds=5, Catch=[catcher("C", error_equals)]),
            C={"Type": "Succeed"},
        )
    )
    take(engine, lease_s=1000)

    engine.advance(5)

    assert engine.outcome(execution) == Outcome(
        "SUCCEEDED", {"Error": "States.Timeout", "Cause": ""}
    )


def test_a_timeout_is_not_caught_as_a_missed_heartbeat(
    engine: InProcessEngine, begin: Begin
) -> None:
    execution = begin(
        scope(
            T=task("work", TimeoutSeconds=5, Catch=[catcher("C", "States.HeartbeatTimeout")]),
            C={"Type": "Succeed"},
        )
    )

    engine.advance(5)

    assert engine.outcome(execution) == Outcome("FAILED", None, "States.Timeout", None)


def test_the_heartbeat_stops_counting_when_the_lease_runs_out(
    engine: InProcessEngine, begin: Begin
) -> None:
    execution = begin(scope(T=task("work", HeartbeatSeconds=20)))
    take(engine, lease_s=10)

    engine.advance(100)

    assert engine.execution(execution).status == "RUNNING"
    assert take(engine).attempt == 2


@pytest.mark.parametrize(
    ("fields", "credentials"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"Credentials": {"RoleArn": "charger"}}, {"RoleArn": "charger"}, id="fixed"),
        pytest.param(
            {"Credentials": {"RoleArn.$": "$.role"}}, {"RoleArn": "teller"}, id="from the input"
        ),
    ],
)
def test_a_worker_gets_the_credentials_of_the_state(
    fields: dict[str, Json], credentials: Json, engine: InProcessEngine, begin: Begin
) -> None:
    begin(scope(T=task("work", **fields)), {"role": "teller"})

    assert take(engine).credentials == credentials


def test_timeouts_come_from_paths(engine: InProcessEngine, begin: Begin, lines_of: LinesOf) -> None:
    execution = begin(
        scope(T=task("work", TimeoutSecondsPath="$.t", HeartbeatSecondsPath="$.h")),
        {"t": 7, "h": 3},
    )
    taken = take(engine)
    engine.advance(2)
    engine.heartbeat(taken)
    engine.advance(2.999)
    before = engine.execution(execution).status
    engine.advance(0.001)

    assert before == "RUNNING"
    assert lines_of(execution)[-2] == "TaskTimedOut T States.Timeout"


def test_each_try_has_its_own_timeout(
    engine: InProcessEngine, begin: Begin, lines_of: LinesOf
) -> None:
    execution = begin(
        scope(T=task("work", TimeoutSeconds=30, Retry=[retrier("States.Timeout", MaxAttempts=1)]))
    )

    engine.advance(30 + 1 + 29)
    before = engine.execution(execution).status
    engine.advance(1)

    assert before == "RUNNING"
    assert [line for line in lines_of(execution) if line.startswith("TaskTimedOut")] == [
        "TaskTimedOut T States.Timeout",
        "TaskTimedOut T States.Timeout",
    ]


@pytest.mark.parametrize(
    ("resource", "producer"),
    [
        pytest.param("work", "work", id="plain name"),
        pytest.param(
            "arn:aws:lambda:us-east-1:1:function:f",
            "arn:aws:lambda:us-east-1:1:function:f",
            id="function",
        ),
        pytest.param("arn:aws:states:::lambda:invoke", "lambda", id="integration"),
        pytest.param(
            "arn:aws:states:::aws-sdk:s3:getObject", "aws-sdk:s3", id="integration by the SDK"
        ),
    ],
)
def test_a_result_over_the_payload_limit_fails_the_task(
    resource: str, producer: str, engine: InProcessEngine, begin: Begin, lines_of: LinesOf
) -> None:
    execution = begin(scope(T=task(resource)))
    taken = engine.take(resource)
    assert taken is not None

    engine.complete(taken, "x" * 262_143)

    assert lines_of(execution)[-2].startswith("TaskFailed T States.DataLimitExceeded: ")
    assert engine.outcome(execution) == Outcome(
        "FAILED",
        None,
        "States.DataLimitExceeded",
        f"The state/task '{producer}' returned a result with a size exceeding the maximum number of"
        " bytes service limit.",
    )


def test_a_result_at_the_payload_limit_is_taken(engine: InProcessEngine, begin: Begin) -> None:
    execution = begin(scope(T=task("work")))

    engine.complete(take(engine), "x" * 262_142)

    assert engine.outcome(execution).status == "SUCCEEDED"
