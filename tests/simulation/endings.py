"""The checks at the end of a run: what the replicas hold, and how every execution ended."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct

from stepraft.interpreter import documents
from stepraft.interpreter.contexts import ExecutionContext
from stepraft.interpreter.lifecycle import ExecutionStatus
from stepraft.storage import keys, queries
from stepraft.storage.keys import Family, Part
from stepraft.storage.kv import Readable
from stepraft.storage.machine import Machine
from stepraft.storage.memory import MemoryStore
from tests.simulation.oracle import LEVEL_MAX, Oracle, require
from tests.simulation.outside import Outside, Started
from tests.simulation.reference import Reference, Result, TooMany, normal

_LASTING: Final = frozenset({Part.EXECUTION.value, Part.INPUT.value, Part.OUTPUT.value})
_PASSING: Final = frozenset({Family.PENDING.value, Family.TIMER.value, Family.READY.value})


class Told(Struct, frozen=True):
    """How many executions ended in each status, and of how many that could be told beforehand."""

    statuses: dict[str, int]
    checked: int


def check_replicas(replay: Callable[[Machine], None], stores: Mapping[str, Readable]) -> None:
    """I3, I9: all replicas, and a machine that replays the log from nothing, hold the same bytes.

    Errors: Violation.
    """
    replayed = MemoryStore()
    replay(Machine(replayed, supported_level=LEVEL_MAX))
    expected = list(queries.replicated_rows(replayed))
    for node_id, store in stores.items():
        rows = list(queries.replicated_rows(store))
        require(rows == expected, f"{node_id} holds other rows than the log makes")


def check_executions(
    rows: Readable, oracle: Oracle, outside: Outside, definitions: Mapping[str, Any]
) -> Told:
    """Every execution ended as it may, and left nothing over.

    Errors: Violation.
    """
    require(not oracle.pending, "commands are left pending")
    _check_left_over(rows)
    executions = [queries.execution(rows, key) for key in oracle.statuses]
    found = [execution for execution in executions if execution is not None]
    require(len(found) == len(executions), "an execution has no row")
    require(set(outside.started) <= set(oracle.statuses), "a start was lost")
    checked = sum(_check_outcome(execution, rows, outside, definitions) for execution in found)
    statuses: dict[str, int] = {}
    for execution in found:
        statuses[execution.status.value] = statuses.get(execution.status, 0) + 1
    return Told(statuses, checked)


def _check_left_over(rows: Readable) -> None:
    for key, _ in queries.replicated_rows(rows):
        require(key[:1] not in _PASSING, f"the row {key!r} is left over")
        if key[:1] == Family.CONTEXT.value:
            identifier, part = keys.split_context(key)
            belongs = identifier.split("/")[3].startswith("e") and part in _LASTING
            require(belongs, f"the row {key!r} is left over")


def _check_outcome(
    execution: ExecutionContext, rows: Readable, outside: Outside, definitions: Mapping[str, Any]
) -> bool:
    """Whether the outcome could be checked; one that cannot be is a violation."""
    started = outside.started[execution.execution_id]
    definition = definitions[started.workflow]
    if execution.status is ExecutionStatus.CANCELED:
        require(started.is_canceled, "an execution is canceled that nobody canceled")
        return True
    if execution.status is ExecutionStatus.TIMED_OUT:
        require(definition.timeout_s is not None, "an execution without a timeout times out")
        return True
    return _is_as_told(_outcome(execution, rows), started, outside, definition)


def _is_as_told(actual: Result, started: Started, outside: Outside, definition: Any) -> bool:
    try:
        outcomes = Reference(definition, started.input, outside.plan).outcomes()
    except TooMany:
        return False
    expected = {_normal(outcome) for outcome in outcomes}
    require(
        actual in expected, f"an execution of {started.workflow} ends as {actual}, not {outcomes}"
    )
    return True


def _outcome(execution: ExecutionContext, rows: Readable) -> Result:
    output = queries.execution_output(rows, execution.execution_id)
    if output is None:
        return _normal(Result(is_error=True, error=execution.error, cause=execution.cause))
    return _normal(Result(output=output))


def _normal(result: Result) -> Result:
    output = result.output and documents.canonical(documents.loads(result.output))
    return Result(
        output=normal(output.decode()).encode(),
        is_error=result.is_error,
        error=result.error,
        cause=None if result.cause is None else normal(result.cause),
    )
