"""Cases that execute a workflow: deploy, start, replay its tasks, compare."""

import asyncio
import json
from typing import Any

from msgspec import UNSET

from stepraft.client import Client, Execution, ExecutionStatus, StepraftError
from tests.conformance.aws_history import aws_history
from tests.conformance.cases import Case
from tests.conformance.matcher import Matcher
from tests.conformance.replay import Replay, serve
from tests.conformance.results import Level, Result

TIME_MAX_S = 60.0
"""How long an execution may take; recorded waits, retries and timeouts pass in real time."""

_WORKFLOW = "recorded"
_STATUSES = {ExecutionStatus.CANCELED: "ABORTED"}
"""Where AWS calls a status otherwise."""


async def execute(case: Case, client: Client, matcher: Matcher) -> Result:
    """Run a case in the client's namespace, which is its own."""
    result = Result(case)
    levels = [Level.OUTCOME, Level.CAUSE]
    if case.expected.get("history"):
        levels += [Level.TYPES, Level.DETAILS]
    try:
        execution = await _run(case, client, matcher)
        if not execution.status.is_ended:
            result.fail(levels, f"still {execution.status} after {TIME_MAX_S} s")
            return result
        _compare_outcome(result, execution, matcher)
        if case.expected.get("history"):
            await _compare_history(result, execution, client, matcher)
    except StepraftError as error:
        result.fail(levels, f"{type(error).__name__}: {error}")
    return result


async def _run(case: Case, client: Client, matcher: Matcher) -> Execution:
    await client.put_workflow(_WORKFLOW, case.definition_text)
    given = {} if case.input is UNSET else case.input
    started = await client.start_execution(_WORKFLOW, given)
    worker = None
    if case.resources:
        replay = Replay(case.tasks, matcher)
        worker = asyncio.create_task(serve(client, case.worker_name, case.resources, replay))
    try:
        return await client.wait_execution(started.execution_id, timeout_s=TIME_MAX_S)
    finally:
        if worker is not None:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)


def _compare_outcome(result: Result, execution: Execution, matcher: Matcher) -> None:
    expected = result.case.expected
    status = _STATUSES.get(execution.status, str(execution.status))
    if status != expected["status"]:
        text = f"status: expected {expected['status']} got {status}"
        result.fail((Level.OUTCOME, Level.CAUSE), f"{text} ({execution.error}: {execution.cause})")
        return
    differences: list[str] = []
    if status == "SUCCEEDED":
        same = _same_output(expected.get("output"), execution.output, matcher, differences)
        result.set(Level.OUTCOME, same, differences)
        result.set(Level.CAUSE, same, differences)
        return
    same = matcher.match(expected.get("error"), execution.error, "error", differences)
    wanted, got = expected.get("cause"), execution.cause
    text = f"cause: expected {json.dumps(wanted)} got {json.dumps(got)}"
    for level, mode in ((Level.OUTCOME, "loose"), (Level.CAUSE, "exact")):
        is_cause_same = matcher.match_cause(wanted, got, mode)
        notes = differences if is_cause_same else [*differences, text]
        result.set(level, same and is_cause_same, notes)


def _same_output(wanted: Any, got: Any, matcher: Matcher, differences: list[str]) -> bool:
    """A text is compared as text: the matcher would read both as JSON where they look like it."""
    if isinstance(wanted, str) and isinstance(got, str) and "<any>" not in wanted:
        if wanted != got:
            differences.append(f"output: expected {json.dumps(wanted)} got {json.dumps(got)}")
        return wanted == got
    return matcher.match(wanted, got, "output", differences)


async def _compare_history(
    result: Result, execution: Execution, client: Client, matcher: Matcher
) -> None:
    events = [event async for event in client.history(execution.execution_id)]
    got = aws_history(events, result.case.states)
    expected = result.case.expected["history"]
    same, note = matcher.compare_types(expected, got)
    result.set(Level.TYPES, same, [note or ""])
    if not same:
        result.set(Level.DETAILS, False, ["the types differ"])
        return
    same, differences = matcher.compare_details(expected, got)
    result.set(Level.DETAILS, same, differences)
