"""The checker passes a run in which all is well, and catches each way in which one is not."""

from collections.abc import Callable

import pytest

from tests.chaos.checker import CHECKS, violations
from tests.chaos.conftest import (
    FLAKY,
    LINE,
    LINE_FINAL,
    LINE_START,
    PROOF,
    UNTIL_MS,
    WAIT,
    WAIT_MS,
    Records,
    cancel,
    changed,
    completed,
    event,
    final,
    flaky_final,
    good_run,
    history_read,
    read,
    report,
    start,
    wait_final,
)
from tests.chaos.findings import Findings
from tests.chaos.records import (
    Answer,
    AnyRecord,
    Event,
    FaultRecord,
    NodeFailure,
    Outcome,
    Sample,
    Work,
)


def found_by_checks(records: Records) -> set[str]:
    return {name for name, texts in violations(Findings(records)).items() if texts}


def test_a_run_in_which_all_is_well_has_no_violation() -> None:
    assert violations(Findings(good_run())) == {name: [] for name in CHECKS}


Corruption = Callable[[Records], Records]


def add(*records: AnyRecord) -> Corruption:
    return lambda run: [*run, *records]


def put(record: Outcome) -> Corruption:
    """Put an execution in the place of the one with its id."""

    def put_in_place(run: Records) -> Records:
        return [
            record
            if isinstance(each, Outcome) and each.execution_id == record.execution_id
            else each
            for each in run
        ]

    return put_in_place


def without_final(execution_id: str) -> Corruption:
    return lambda run: [
        each
        for each in run
        if not (isinstance(each, Outcome) and each.execution_id == execution_id)
    ]


def without_work(proof: str) -> Corruption:
    return lambda run: [
        each for each in run if not (isinstance(each, Work) and each.proof == proof)
    ]


def line_with(*events: Event) -> Corruption:
    return put(final(LINE_START, *events))


T1, T2 = completed("t1", 500, PROOF), completed("t2", 600, "proof 2")

CORRUPTIONS = [
    pytest.param(without_final(FLAKY), {"acknowledged starts lost"}, id="a start is lost"),
    pytest.param(
        put(changed(LINE_FINAL, status="RUNNING", events=LINE_FINAL.events[:-1])),
        {"executions stuck", "reads back in time"},
        id="an execution never ends",
    ),
    pytest.param(
        put(changed(LINE_FINAL, output={"value": -1})),
        {"executions with a wrong end"},
        id="an output is wrong",
    ),
    pytest.param(
        put(changed(flaky_final(1100), status="FAILED", output=None, error="States.Timeout")),
        {"executions with a wrong end"},
        id="an execution fails that should succeed",
    ),
    pytest.param(
        put(changed(LINE_FINAL, input_digest="0")),
        {"executions with a wrong end"},
        id="an input is changed",
    ),
    pytest.param(
        put(changed(flaky_final(1100), status="CANCELED", output=None)),
        {"executions with a wrong end"},
        id="an execution is canceled that nobody canceled",
    ),
    pytest.param(
        add(cancel(FLAKY)),
        {"executions with a wrong end"},
        id="an acknowledged cancelation has no effect",
    ),
    pytest.param(
        add(final(start("k6", "line", "/t/n/e6", 3.0))),
        {"executions that nobody started"},
        id="a start took effect after its client was told that it had not",
    ),
    pytest.param(
        add(final(start("k7", "line", "/t/n/e7", 3.0))),
        {"executions that nobody started"},
        id="an execution comes out of nothing",
    ),
    pytest.param(
        add(final(start("k3", "retry", "/t/n/e8", 3.0))),
        {"keys with two executions"},
        id="a key has a second execution",
    ),
    pytest.param(
        add(start("k1", "line", "/t/n/e9", 3.0)),
        {"keys with two executions", "acknowledged starts lost"},
        id="a repeated start is answered with another execution",
    ),
    pytest.param(
        add(start("k1", "line", LINE, 3.0, variant=1)),
        {"keys with two executions"},
        id="a key is accepted for another input",
    ),
    pytest.param(
        add(start("k1", "line", "", 3.0, answer=Answer.REFUSED)),
        {"starts refused without a reason"},
        id="a repeated start is refused",
    ),
    pytest.param(
        line_with(T1, completed("t1", 550, "another proof", attempt=2), T2),
        {"tasks completed twice", "acknowledged completions lost"},
        id="a task is completed twice",
    ),
    pytest.param(
        line_with(T1, T2, event("TaskTimedOut", 700, task_id="t2")),
        {"tasks completed twice"},
        id="a task times out after it was completed",
    ),
    pytest.param(
        add(report("t1", "another proof", attempt=2)),
        {"tasks completed twice", "acknowledged completions lost"},
        id="two completions are acknowledged",
    ),
    pytest.param(
        without_work("proof 2"),
        {"completions that nobody saw"},
        id="a completion comes out of nothing",
    ),
    pytest.param(
        line_with(T1, completed("t2", 600, PROOF)),
        {"completions that nobody saw"},
        id="a completion has the result of another task",
    ),
    pytest.param(
        line_with(completed("t1", 500, PROOF, attempt=2), T2),
        {"completions that nobody saw"},
        id="a completion is put down to another delivery",
    ),
    pytest.param(
        line_with(completed("t1", 500, "another proof", attempt=2), T2),
        {"acknowledged completions lost"},
        id="another completion counts than was acknowledged",
    ),
    pytest.param(
        put(wait_final(WAIT_MS - 1, UNTIL_MS)),
        {"timers early"},
        id="a wait ends a millisecond early",
    ),
    pytest.param(
        put(wait_final(WAIT_MS, UNTIL_MS - 1)),
        {"timers early"},
        id="a wait for a time of day ends early",
    ),
    pytest.param(put(flaky_final(1099)), {"timers early"}, id="a retry comes early"),
    pytest.param(
        add(read(WAIT, "SUCCEEDED", 1.0 + WAIT_MS / 1000 - 0.2)),
        {"timers early"},
        id="a wait is over early by the clock outside",
    ),
    pytest.param(
        add(Sample(node="n3", at_s=1.2, applied_index=10, checksum=8)),
        {"replicas different"},
        id="a replica differs",
    ),
    pytest.param(
        put(changed(LINE_FINAL, events=LINE_FINAL.events[:2] + LINE_FINAL.events[3:])),
        {"histories broken"},
        id="an event is missing",
    ),
    pytest.param(
        put(changed(LINE_FINAL, events=LINE_FINAL.events[:-1])),
        {"histories broken"},
        id="the last event is missing",
    ),
    pytest.param(
        line_with(T1, T2, event("ExecutionCompleted", 700)),
        {"histories broken"},
        id="an execution ends twice",
    ),
    pytest.param(
        line_with(completed("t1", 700, PROOF), T2),
        {"histories broken"},
        id="a history goes back in time",
    ),
    pytest.param(
        add(history_read(LINE, 101, 999)),
        {"histories rewritten"},
        id="an event that was read is another at the end",
    ),
    pytest.param(
        add(history_read(LINE, 101, 102, 103, 104, 105)),
        {"histories rewritten"},
        id="an event that was read is gone at the end",
    ),
    pytest.param(
        add(read(LINE, "", 1.15, answer=Answer.REFUSED, reason="EXECUTION_NOT_FOUND")),
        {"reads that missed an execution"},
        id="a read misses an acknowledged execution",
    ),
    pytest.param(
        add(read(LINE, "RUNNING", 2.5)),
        {"reads back in time"},
        id="a status goes back",
    ),
    pytest.param(
        add(read(WAIT, "CANCELED", 16.0)),
        {"reads back in time"},
        id="an end becomes another end",
    ),
    pytest.param(
        add(NodeFailure(node="n1", at_s=1.0, text="ended by itself with 70")),
        {"failures of the program"},
        id="a node ends by itself",
    ),
    pytest.param(
        add(
            FaultRecord(
                kind="spoiled-store",
                aim="follower",
                targets=("n2",),
                began_s=1.0,
                ended_s=2.0,
                has_alarmed=False,
            )
        ),
        {"faults that nobody noticed"},
        id="a store was changed, and no node says so",
    ),
    pytest.param(
        add(read(LINE, "", 3.0, answer=Answer.BROKEN, reason="INTERNAL")),
        {"failures of the program"},
        id="a call fails by the server's fault",
    ),
]


@pytest.mark.parametrize(("corruption", "names"), CORRUPTIONS)
def test_each_corruption_is_caught(corruption: Corruption, names: set[str]) -> None:
    assert found_by_checks(corruption(good_run())) == names


def test_every_check_catches_something() -> None:
    caught: set[str] = set()
    for parameters in CORRUPTIONS:
        names = parameters.values[1]
        assert isinstance(names, set)
        caught |= names

    assert caught == set(CHECKS)
