"""How data flows through a state that is written in JSONata: input -> Arguments -> work -> Output.

The functions have the names and shapes of those in `data_flow.py`, which chooses between the two
query languages. All raise LanguageError and nothing else.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from collections.abc import Mapping

from stepraft.interpreter.definition import (
    TIMEOUT_S_MAX,
    Catcher,
    ChoiceState,
    FailState,
    MapState,
    ParallelState,
    QueryRule,
    State,
    TaskState,
    WaitState,
    WorkFields,
)
from stepraft.interpreter.documents import Json, shown
from stepraft.interpreter.errors import RUNTIME, LanguageError, QueryError
from stepraft.interpreter.expressions.environment import Environment
from stepraft.interpreter.expressions.queries import Inputs, Query, wrong_type
from stepraft.interpreter.expressions.timestamps import to_unix_ms


def effective_input(state: State, raw: Json, environment: Environment) -> Json:
    """Return what the state works on: its Arguments, else its input."""
    if isinstance(state, (TaskState, ParallelState)) and state.arguments is not None:
        return state.arguments.evaluate(Inputs(raw), environment)
    return raw


def effective_output(state: State, raw: Json, result: Json, environment: Environment) -> Json:
    """Return what the state puts out: its Output, else its result."""
    if state.output is None:
        return result
    return state.output.evaluate(_inputs(state, raw, result), environment)


def caught_output(catcher: Catcher, raw: Json, error: Json, environment: Environment) -> Json:
    """Return the input of the state that a Catcher leads to; `error` is the Error Output."""
    if catcher.output is None:
        return error
    return catcher.output.evaluate(Inputs(raw, errorOutput=error), environment)


def assigned_variables(
    state: State, raw: Json, result: Json, environment: Environment
) -> Mapping[str, Json]:
    """Return the variables that the state assigns as it succeeds."""
    return _assigned(state.assign_query, _inputs(state, raw, result), environment)


def caught_variables(
    catcher: Catcher, raw: Json, error: Json, environment: Environment
) -> Mapping[str, Json]:
    """Return the variables that a Catcher assigns."""
    return _assigned(catcher.assign_query, Inputs(raw, errorOutput=error), environment)


def chosen_rule(state: ChoiceState, raw: Json, environment: Environment) -> QueryRule | None:
    """Return the first rule whose Condition is true, None if there is none."""
    for place, rule in enumerate(state.query_rules):
        condition = rule.condition.evaluate(Inputs(raw), environment)
        if not isinstance(condition, bool):
            field = f"Choices[{place}]/Condition"
            raise wrong_type(rule.condition, field, "boolean", condition)
        if condition:
            return rule
    return None


def chosen_output(
    state: ChoiceState, rule: QueryRule | None, raw: Json, environment: Environment
) -> Json:
    """Return the output by the rule's own Output, or on the way to Default by the state's."""
    query = state.output if rule is None else rule.output
    return raw if query is None else query.evaluate(Inputs(raw), environment)


def chosen_variables(
    state: ChoiceState, rule: QueryRule | None, raw: Json, environment: Environment
) -> Mapping[str, Json]:
    """Return the variables that the chosen rule assigns, or the state on its way to Default."""
    query = state.assign_query if rule is None else rule.assign_query
    return _assigned(query, Inputs(raw), environment)


def timeout_seconds(state: TaskState, raw: Json, environment: Environment) -> int | None:
    """Return TimeoutSeconds, None if the state sets none."""
    return _seconds(state.timeout_query, state.timeout_s, "TimeoutSeconds", raw, environment)


def heartbeat_seconds(state: TaskState, raw: Json, environment: Environment) -> int | None:
    """Return HeartbeatSeconds, None if the state sets none."""
    return _seconds(state.heartbeat_query, state.heartbeat_s, "HeartbeatSeconds", raw, environment)


def wait_until_ms(state: WaitState, raw: Json, environment: Environment, entered_ms: int) -> int:
    """Return when the Wait ends, in Unix milliseconds."""
    if state.seconds_query is not None:
        seconds = _integer(state.seconds_query, "Seconds", raw, environment)
        if seconds < 0:
            raise QueryError(f"The Seconds field cannot be negative: {seconds}", "Seconds")
        return entered_ms + seconds * 1000
    if state.timestamp_query is not None:
        return _timestamp_ms(state.timestamp_query, raw, environment)
    if state.seconds is not None:
        return entered_ms + state.seconds * 1000
    until_ms = to_unix_ms(state.timestamp or "")
    assert until_ms is not None, "the parser lets only valid timestamps through"
    return until_ms


def fail_error(
    state: FailState, raw: Json, environment: Environment
) -> tuple[str | None, str | None]:
    """Return error and cause of a Fail state."""
    error = _text(state.error_query, state.error, "Error", raw, environment)
    cause = _text(state.cause_query, state.cause, "Cause", raw, environment)
    return error, cause


def map_items(state: MapState, raw: Json, environment: Environment) -> list[Json]:
    """Return the items of a Map: Items, else the input."""
    if state.items is None:
        if not isinstance(raw, list):
            raise QueryError(f"Map state input must be an array but was: {shown(raw)}", "Items")
        return raw
    items = state.items.evaluate(Inputs(raw), environment)
    if not isinstance(items, list):
        raise wrong_type(state.items, "Items", "array", items)
    return items


def item_input(state: MapState, raw: Json, item: Json, environment: Environment) -> Json:
    """Return the input of one iteration: ItemSelector's value, else the item itself."""
    if state.item_selector_query is None:
        return item
    return state.item_selector_query.evaluate(Inputs(raw), environment)


def max_concurrency(state: MapState, raw: Json, environment: Environment) -> int:
    """Return how many iterations may run at once; 0 means no limit."""
    if state.max_concurrency_query is None:
        return state.max_concurrency
    limit = _integer(state.max_concurrency_query, "MaxConcurrency", raw, environment)
    if limit < 0:
        raise QueryError("MaxConcurrency cannot be negative.", "MaxConcurrency")
    return limit


def tolerated_failures(
    state: MapState, raw: Json, environment: Environment
) -> tuple[int | None, float | None]:
    """Return how many failed iterations a Map tolerates: (count, percentage of all)."""
    count, percentage = state.tolerated_failure_count, state.tolerated_failure_percentage
    if state.tolerated_failure_count_query is not None:
        query = state.tolerated_failure_count_query
        count = _integer(query, "ToleratedFailureCount", raw, environment)
        if count < 0:
            raise QueryError("ToleratedFailureCount cannot be negative.", "ToleratedFailureCount")
    if state.tolerated_failure_percentage_query is not None:
        query = state.tolerated_failure_percentage_query
        percentage = _number(query, "ToleratedFailurePercentage", raw, environment)
        if not 0 <= percentage <= 100:
            raise QueryError(
                "ToleratedFailurePercentage must be between 0 and 100.",
                "ToleratedFailurePercentage",
            )
    return count, percentage


def credentials(state: TaskState, raw: Json, environment: Environment) -> Json:
    """Return the state's Credentials, None if it has none."""
    query = state.credentials_query
    return None if query is None else query.evaluate(Inputs(raw), environment)


def _inputs(state: State, raw: Json, result: Json) -> Inputs:
    return Inputs(raw, result=result) if isinstance(state, WorkFields) else Inputs(raw)


def _assigned(query: Query | None, inputs: Inputs, environment: Environment) -> Mapping[str, Json]:
    if query is None:
        return {}
    variables = query.evaluate(inputs, environment)
    assert isinstance(variables, dict), "the parser lets only objects through as Assign"
    return variables


def _seconds(
    query: Query | None, fixed: int | None, field: str, raw: Json, environment: Environment
) -> int | None:
    if query is None:
        return fixed
    seconds = _integer(query, field, raw, environment)
    if not 0 < seconds <= TIMEOUT_S_MAX:
        raise QueryError(f"{field} must be from 1 to {TIMEOUT_S_MAX}, but is {seconds}", field)
    return seconds


def _number(query: Query, field: str, raw: Json, environment: Environment) -> float:
    value = query.evaluate(Inputs(raw), environment)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise wrong_type(query, field, "number", value)
    return value


def _integer(query: Query, field: str, raw: Json, environment: Environment) -> int:
    value = _number(query, field, raw, environment)
    if value != int(value):
        raise wrong_type(query, field, "integer", value)
    return int(value)


def _text(
    query: Query | None, fixed: str | None, field: str, raw: Json, environment: Environment
) -> str | None:
    if query is None:
        return fixed
    value = query.evaluate(Inputs(raw), environment)
    if not isinstance(value, str):
        raise wrong_type(query, field, "string", value)
    return value


def _timestamp_ms(query: Query, raw: Json, environment: Environment) -> int:
    value = query.evaluate(Inputs(raw), environment)
    if not isinstance(value, str):
        raise wrong_type(query, "Timestamp", "string", value)
    until_ms = to_unix_ms(value)
    if until_ms is None:
        raise LanguageError(
            RUNTIME,
            "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format "
            f"string: {value}",
        )
    return until_ms
