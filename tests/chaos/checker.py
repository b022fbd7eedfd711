"""Checks what a run has written down: each check yields one text for each violation that it finds.

The checks know the requests and the world outside; of the product they use only what it has
answered. `CHECKS` is the table of them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from tests.chaos import workload
from tests.chaos.findings import Findings
from tests.chaos.records import Answer, Event, OnExecution, Outcome, Read, Report
from tests.chaos.workload import CANCELED, SHAPES

CLOCK_TOLERANCE_S: Final = 0.05
"""How far a node's clock may stray from the machine's within one wait: it is drawn to the wall
clock by a thousandth at most, and both are rounded to milliseconds."""

_RANKS: Final = {"PENDING": 0, "RUNNING": 1, "PAUSED": 1, "COMPLETING": 2, "CANCELING": 2}
_ENDED: Final = 3
_TASK_ENDS: Final = ("TaskCompleted", "TaskFailed", "TaskTimedOut")


def acknowledged_starts_lost(found: Findings) -> Iterator[str]:
    """Every acknowledged start is there after the calm."""
    for start in found.acknowledged_starts:
        if start.execution_id not in found.outcomes:
            yield f"{start.key} was acknowledged as {start.execution_id}, which is not there"


def executions_stuck(found: Findings) -> Iterator[str]:
    """Every execution has ended after the calm."""
    for outcome in found.outcomes.values():
        if _rank(outcome.status) != _ENDED:
            yield f"{outcome.execution_id} ({outcome.key}) is {outcome.status}"


def wrong_ends(found: Findings) -> Iterator[str]:
    """Every execution has the input that was asked for, and ends as that input has it."""
    for outcome in found.outcomes.values():
        start = found.start_of(outcome)
        if start is None or _rank(outcome.status) != _ENDED:
            continue
        given = workload.request_input(start.shape, start.key, start.variant, start.base_ms)
        if outcome.input_digest != workload.digest(given):
            yield f"{outcome.execution_id} ({outcome.key}) has another input than was asked for"
        elif outcome.status == CANCELED:
            if outcome.execution_id not in found.maybe_canceled and start.shape != "held":
                yield f"{outcome.execution_id} ({outcome.key}) is canceled, and nobody asked for it"
        elif outcome.execution_id in found.surely_canceled:
            yield f"{outcome.execution_id} ({outcome.key}): canceled, and yet {outcome.status}"
        else:
            end = SHAPES[start.shape].end(given)
            if (outcome.status, outcome.output, outcome.error) != (
                end.status,
                end.output,
                end.error,
            ):
                text = f"{outcome.status} {outcome.output!r} {outcome.error!r}"
                yield f"{outcome.execution_id} ({start.shape}) ended with {text}, not with {end}"


def starts_out_of_nothing(found: Findings) -> Iterator[str]:
    """Every execution was asked for, by a call that was not told that nothing was done."""
    for outcome in found.outcomes.values():
        answers = {start.answer for start in found.starts_by_key.get(outcome.key, ())}
        if not answers & {Answer.OK, Answer.UNKNOWN, Answer.BROKEN}:
            said = ", ".join(sorted(answers)) or "never sent"
            yield f"{outcome.execution_id} is there, and its starts ({outcome.key}) were {said}"


def keys_with_two_executions(found: Findings) -> Iterator[str]:
    """One key is one execution, and is not taken for another input."""
    executions = defaultdict(set)
    for outcome in found.outcomes.values():
        executions[outcome.key].add(outcome.execution_id)
    for start in found.acknowledged_starts:
        executions[start.key].add(start.execution_id)
    for key, ids in executions.items():
        if len(ids) > 1:
            yield f"{key} has the executions {', '.join(sorted(ids))}"
    for key, starts in found.starts_by_key.items():
        variants = {start.variant for start in starts if start.answer is Answer.OK}
        if len(variants) > 1:
            yield f"{key} was accepted for two inputs"


def starts_refused(found: Findings) -> Iterator[str]:
    """Only a key that is used for another input is refused."""
    for start in found.starts:
        if start.answer is Answer.REFUSED and start.variant == 0:
            yield f"{start.key} was refused by {start.node}: {start.reason}"


def tasks_completed_twice(found: Findings) -> Iterator[str]:
    """A task ends once, and one completion of it is acknowledged at most."""
    for outcome in found.outcomes.values():
        for task_id, ends in _ends_by_task(outcome).items():
            if len(ends) > 1:
                said = ", ".join(f"{event.type} (delivery {event.attempt})" for event in ends)
                yield f"{task_id} ended more than once: {said}"
    proofs: Mapping[str, set[str]] = _proofs_by_task(found.acknowledged_reports)
    for task_id, proven in proofs.items():
        if len(proven) > 1:
            yield f"{task_id}: {len(proven)} different completions were acknowledged"


def completions_not_of_this_world(found: Findings) -> Iterator[str]:
    """Every accepted completion is a delivery's whose side effect was seen, with its result."""
    for outcome in found.outcomes.values():
        for event in outcome.events:
            if event.type != "TaskCompleted":
                continue
            work = found.works.get(event.proof)
            done = None if work is None else (work.task_id, work.attempt, work.worker)
            if done != (event.task_id, event.attempt, event.worker):
                yield f"{event.task_id} was completed by {event.worker}, which saw: {work}"


def acknowledged_completions_lost(found: Findings) -> Iterator[str]:
    """A completion that was acknowledged is the one in the history."""
    accepted = {
        event.task_id: event.proof
        for outcome in found.outcomes.values()
        for event in outcome.events
        if event.type == "TaskCompleted"
    }
    for report in found.acknowledged_reports:
        if accepted.get(report.task_id) != report.proof:
            yield f"{report.task_id}: the acknowledged completion {report.proof} is not there"


def timers_early(found: Findings) -> Iterator[str]:
    """No Wait ends, and no retry begins, before its time; not by the clock outside either."""
    for outcome in found.outcomes.values():
        start = found.start_of(outcome)
        if start is None:
            continue
        given = workload.request_input(start.shape, start.key, start.variant, start.base_ms)
        yield from _early_waits(outcome, given)
        yield from _early_retries(outcome)
        if start.shape == "wait" and outcome.status == "SUCCEEDED":
            yield from _early_ends(found, outcome, given["seconds"])


def _early_waits(outcome: Outcome, given: workload.Document) -> Iterator[str]:
    entered: dict[str, Event] = {}
    for event in outcome.events:
        if event.state_type == "Wait" and event.type == "StateStarted":
            entered[event.activity_id] = event
        elif event.type == "StateCompleted" and event.activity_id in entered:
            started = entered[event.activity_id]
            due_ms = workload.due_ms(started.state_name, started.hlc_ms, given)
            if event.hlc_ms < due_ms:
                early_ms = due_ms - event.hlc_ms
                yield f"{outcome.execution_id}: {started.state_name} ended {early_ms} ms early"


def _early_retries(outcome: Outcome) -> Iterator[str]:
    failed: dict[str, Event] = {}
    for event in outcome.events:
        if event.type in ("TaskFailed", "TaskTimedOut"):
            failed[event.activity_id] = event
        elif event.type == "TaskCreated" and event.retry_count and event.activity_id in failed:
            waited_ms = event.hlc_ms - failed[event.activity_id].hlc_ms
            if waited_ms < workload.RETRY_INTERVAL_S * 1000:
                yield f"{outcome.execution_id}: a retry came after {waited_ms} ms"


def _early_ends(found: Findings, outcome: Outcome, waits_s: float) -> Iterator[str]:
    asked_s = min(start.invoked_s for start in found.starts_by_key[outcome.key])
    for read in found.reads_by_execution.get(outcome.execution_id, ()):
        is_ended = read.answer is Answer.OK and _rank(read.status) == _ENDED
        lasted_s = read.returned_s - asked_s
        if is_ended and lasted_s < waits_s - CLOCK_TOLERANCE_S:
            yield f"{outcome.execution_id} waits {waits_s} s, and was over after {lasted_s:.3f} s"


def replicas_different(found: Findings) -> Iterator[str]:
    """Nodes at one index have one checksum."""
    by_index: dict[int, dict[int, str]] = defaultdict(dict)
    for sample in found.samples:
        by_index[sample.applied_index].setdefault(sample.checksum, sample.node)
    for index, checksums in sorted(by_index.items()):
        if len(checksums) > 1:
            said = ", ".join(f"{node} {checksum:016x}" for checksum, node in checksums.items())
            yield f"at index {index}: {said}"


def histories_broken(found: Findings) -> Iterator[str]:
    """A history counts from 1 without a gap, in the order of time, and ends once, at its end."""
    for outcome in found.outcomes.values():
        numbers = [event.sequence for event in outcome.events]
        types = [event.type for event in outcome.events]
        is_over = _rank(outcome.status) == _ENDED
        ends = ["ExecutionCompleted"] if is_over else []
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"{outcome.execution_id}: the sequence is {numbers}"
        if types[:1] != ["ExecutionStarted"] or types.count("ExecutionStarted") != 1:
            yield f"{outcome.execution_id}: it does not begin with its one ExecutionStarted"
        if [name for name in types if name == "ExecutionCompleted"] != ends or (
            is_over and types[-1:] != ends
        ):
            yield f"{outcome.execution_id}: {outcome.status}, and its events are {types}"
        if any(later.hlc_ms < earlier.hlc_ms for earlier, later in pairwise(outcome.events)):
            yield f"{outcome.execution_id}: its history goes back in time"


def reads_missed(found: Findings) -> Iterator[str]:
    """After a start is acknowledged, every read finds the execution."""
    acknowledged_s = found.acknowledged_s
    reads: Sequence[OnExecution] = [*found.reads, *found.history_reads]
    for read in reads:
        known_s = acknowledged_s.get(read.execution_id)
        is_later = known_s is not None and read.invoked_s >= known_s
        if read.answer is Answer.REFUSED and is_later:
            yield f"{read.execution_id} was not found by {read.node} ({read.reason})"


def reads_back_in_time(found: Findings) -> Iterator[str]:
    """A read that begins after another has returned shows no earlier state; an end stays."""
    for execution_id, reads in found.reads_by_execution.items():
        answered = sorted(
            (read for read in reads if read.answer is Answer.OK), key=lambda read: read.invoked_s
        )
        yield from _steps_back(answered)
        outcome = found.outcomes.get(execution_id)
        for read in answered:
            if (
                outcome is not None
                and _rank(read.status) == _ENDED
                and read.status != outcome.status
            ):
                yield f"{execution_id} was {read.status} at {read.node}, and is {outcome.status}"


def _steps_back(reads: list[Read]) -> Iterator[str]:
    """Compare each read with the furthest of those that had returned before it began."""
    returned = sorted(reads, key=lambda read: read.returned_s)
    furthest: Read | None = None
    position = 0
    for read in reads:
        while position < len(returned) and returned[position].returned_s < read.invoked_s:
            if furthest is None or _rank(returned[position].status) > _rank(furthest.status):
                furthest = returned[position]
            position += 1
        if furthest is not None and _rank(read.status) < _rank(furthest.status):
            before = f"{furthest.status} at {furthest.node}"
            yield f"{read.execution_id} was {before}, and later {read.status} at {read.node}"


def histories_rewritten(found: Findings) -> Iterator[str]:
    """What a history once showed, it shows at the end."""
    for read in found.history_reads:
        outcome = found.outcomes.get(read.execution_id)
        if read.answer is Answer.OK and outcome is not None:
            kept = tuple(event.fingerprint for event in outcome.events[: len(read.events)])
            if kept != read.events:
                yield f"{read.execution_id}: {read.node} showed events that are not there any more"


def faults_unnoticed(found: Findings) -> Iterator[str]:
    """What a node has to notice by itself, it says in its log."""
    for fault in found.faults:
        if not fault.has_alarmed:
            yield f"{fault.kind} of {', '.join(fault.targets)}: no node's log says so"


def server_failures(found: Findings) -> Iterator[str]:
    """No process of the run fails by its own fault, and no call by that of a node."""
    for failure in found.node_failures:
        yield f"{failure.node}: {failure.text}"
    for operation in found.operations:
        if operation.answer is Answer.BROKEN:
            name = type(operation).__name__
            yield f"{name} at {operation.node or 'any node'} failed: {operation.reason}"


Check = Callable[[Findings], Iterable[str]]

CHECKS: Final[Mapping[str, Check]] = {
    "acknowledged starts lost": acknowledged_starts_lost,
    "executions stuck": executions_stuck,
    "executions with a wrong end": wrong_ends,
    "executions that nobody started": starts_out_of_nothing,
    "keys with two executions": keys_with_two_executions,
    "starts refused without a reason": starts_refused,
    "tasks completed twice": tasks_completed_twice,
    "completions that nobody saw": completions_not_of_this_world,
    "acknowledged completions lost": acknowledged_completions_lost,
    "timers early": timers_early,
    "replicas different": replicas_different,
    "histories broken": histories_broken,
    "histories rewritten": histories_rewritten,
    "reads that missed an execution": reads_missed,
    "reads back in time": reads_back_in_time,
    "faults that nobody noticed": faults_unnoticed,
    "failures of the program": server_failures,
}
"""Every check, by the name that the report gives it."""


def violations(found: Findings) -> dict[str, list[str]]:
    """Return what each check finds; an empty list where all is well."""
    return {name: list(check(found)) for name, check in CHECKS.items()}


def _rank(status: str) -> int:
    return _RANKS.get(status, _ENDED)


def _ends_by_task(outcome: Outcome) -> Mapping[str, list[Event]]:
    ends: dict[str, list[Event]] = defaultdict(list)
    for event in outcome.events:
        if event.type in _TASK_ENDS:
            ends[event.task_id].append(event)
    return ends


def _proofs_by_task(reports: Iterable[Report]) -> Mapping[str, set[str]]:
    proofs: dict[str, set[str]] = defaultdict(set)
    for report in reports:
        proofs[report.task_id].add(report.proof)
    return proofs
