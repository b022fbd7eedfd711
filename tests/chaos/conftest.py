"""What the tests of the checker share: a run in which all is well, and its parts."""

from typing import Any

from tests.chaos import workload
from tests.chaos.records import (
    Answer,
    AnyRecord,
    Cancel,
    Event,
    HistoryRead,
    Outcome,
    Read,
    Report,
    Sample,
    Start,
    Work,
)

BASE_MS = 1_800_000_000_000
LINE, WAIT, FLAKY, HELD = "/t/n/e1", "/t/n/e2", "/t/n/e3", "/t/n/e4"
PROOF = "proof"

Records = list[AnyRecord]


def start(key: str, shape: str, execution_id: str, at_s: float, **more: Any) -> Start:
    fields: dict[str, Any] = {
        "client": "c1",
        "node": "n1",
        "invoked_s": at_s,
        "returned_s": at_s + 0.1,
        "answer": Answer.OK,
        "key": key,
        "shape": shape,
        "variant": 0,
        "base_ms": BASE_MS,
        "execution_id": execution_id,
    }
    return Start(**fields | more)


def read(execution_id: str, status: str, at_s: float, **more: Any) -> Read:
    fields: dict[str, Any] = {
        "client": "c1",
        "node": "n2",
        "invoked_s": at_s,
        "returned_s": at_s + 0.1,
        "answer": Answer.OK,
        "execution_id": execution_id,
        "status": status,
    }
    return Read(**fields | more)


def history_read(execution_id: str, *events: int) -> HistoryRead:
    return HistoryRead(
        client="c1",
        node="n3",
        invoked_s=20.0,
        returned_s=20.1,
        answer=Answer.OK,
        execution_id=execution_id,
        events=events,
    )


def cancel(execution_id: str, answer: Answer = Answer.OK) -> Cancel:
    return Cancel(
        client="c1",
        node="n1",
        invoked_s=5.0,
        returned_s=5.1,
        answer=answer,
        execution_id=execution_id,
    )


def report(task_id: str, proof: str, answer: Answer = Answer.OK, attempt: int = 1) -> Report:
    return Report(
        client="slow-1",
        node="",
        invoked_s=1.5,
        returned_s=1.6,
        answer=answer,
        task_id=task_id,
        attempt=attempt,
        proof=proof,
    )


def work(task_id: str, proof: str, attempt: int = 1) -> Work:
    return Work(
        execution_id=LINE,
        task_id=task_id,
        attempt=attempt,
        worker="slow-1",
        proof=proof,
        token_hash="",
        at_s=1.4,
    )


def completed(task_id: str, at_ms: int, proof: str, attempt: int = 1) -> Event:
    return event(
        "TaskCompleted", at_ms, task_id=task_id, proof=proof, attempt=attempt, worker="slow-1"
    )


def event(kind: str, at_ms: int, **more: Any) -> Event:
    return Event(sequence=0, hlc_ms=BASE_MS + at_ms, type=kind, **more)


def final(start: Start, *events: Event, **more: Any) -> Outcome:
    """Return an execution that ended as its request has it, its events numbered."""
    given = given_of(start)
    end = workload.SHAPES[start.shape].end(given)
    all_of_it = [
        event("ExecutionStarted", 0),
        *events,
        event("ExecutionCompleted", 9_000),
    ]
    fields: dict[str, Any] = {
        "execution_id": start.execution_id,
        "key": start.key,
        "status": end.status,
        "input_digest": workload.digest(given),
        "output": end.output,
        "error": end.error,
        "events": numbered(all_of_it),
    }
    return Outcome(**fields | more)


def given_of(start: Start) -> workload.Document:
    return workload.request_input(start.shape, start.key, start.variant, start.base_ms)


def numbered(events: list[Event]) -> tuple[Event, ...]:
    return tuple(
        changed(each, sequence=number, fingerprint=100 + number)
        for number, each in enumerate(events, start=1)
    )


def changed(record: Any, **fields: Any) -> Any:
    """Return a record with other values in some fields."""
    old = {name: getattr(record, name) for name in record.__struct_fields__}
    return type(record)(**old | fields)


LINE_START = start("k1", "line", LINE, 1.0)
WAIT_START = start("k2", "wait", WAIT, 1.0)
FLAKY_START = start("k3", "retry", FLAKY, 1.0)
HELD_START = start("k4", "held", HELD, 1.0)
WAIT_MS = given_of(WAIT_START)["seconds"] * 1000
UNTIL_MS = workload.parse_ms(given_of(WAIT_START)["until"]) - BASE_MS
assert WAIT_MS < UNTIL_MS - 1, "take a key for which the second wait is the longer one"

LINE_FINAL = final(LINE_START, completed("t1", 500, PROOF), completed("t2", 600, "proof 2"))


def wait_final(pause_ms: int, until_ms: int) -> Outcome:
    """An execution whose waits ended so many milliseconds after it began."""
    return final(
        WAIT_START,
        event("StateStarted", 0, state_type="Wait", state_name="Pause", activity_id="a1"),
        event("StateCompleted", pause_ms, activity_id="a1"),
        event("StateStarted", pause_ms, state_type="Wait", state_name="Until", activity_id="a2"),
        event("StateCompleted", until_ms, activity_id="a2"),
    )


def flaky_final(retry_ms: int) -> Outcome:
    """An execution whose task failed at 100 ms and was tried again at `retry_ms`."""
    return final(
        FLAKY_START,
        event("TaskFailed", 100, task_id="t3", activity_id="a3"),
        event("TaskCreated", retry_ms, task_id="t4", activity_id="a3", retry_count=1),
    )


def good_run() -> Records:
    """A run in which all is well, the uncertain and the refused included."""
    return [
        LINE_START,
        start("k1", "line", LINE, 2.0, existing=True, node="n2"),
        start("k1", "line", "", 2.2, variant=1, answer=Answer.REFUSED),
        WAIT_START,
        FLAKY_START,
        HELD_START,
        start("k5", "line", "", 3.0, answer=Answer.UNKNOWN),
        start("k6", "line", "", 3.0, answer=Answer.UNAVAILABLE),
        read(LINE, "RUNNING", 1.2),
        read(LINE, "SUCCEEDED", 1.9),
        read(WAIT, "RUNNING", 1.2),
        read(WAIT, "SUCCEEDED", 15.0),
        read(HELD, "", 0.9, answer=Answer.REFUSED),
        history_read(LINE, 101, 102),
        cancel(HELD),
        cancel(WAIT, Answer.REFUSED),
        work("t1", PROOF),
        work("t1", "another proof", attempt=2),
        work("t2", "proof 2"),
        report("t1", PROOF),
        report("t1", "another proof", Answer.REFUSED, attempt=2),
        Sample(node="n1", at_s=1.0, applied_index=10, checksum=7),
        Sample(node="n2", at_s=1.1, applied_index=10, checksum=7),
        Sample(node="n3", at_s=1.1, applied_index=9, checksum=6),
        LINE_FINAL,
        wait_final(WAIT_MS, UNTIL_MS),
        flaky_final(1100),
        final(HELD_START),
    ]
