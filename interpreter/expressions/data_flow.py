"""How data flows through a state: its input, its output, and the numbers and times that it reads.

raw input -> InputPath -> Parameters -> work -> ResultSelector -> ResultPath (into the raw input)
-> OutputPath -> output. `raw` is a state's raw input everywhere; what a field reads after InputPath
is computed here. All functions raise LanguageError and nothing else.

These are the rules of JSONPath; a state in JSONata goes by those of `query_flow.py`, and this is
the one place that chooses.

Source: https://states-language.net/spec.html#filters
"""

import math
from collections.abc import Mapping

from stepraft.interpreter.definition import (
    TIMEOUT_S_MAX,
    Catcher,
    ChoiceState,
    FailState,
    MapState,
    ParallelState,
    PassState,
    QueryLanguage,
    State,
    TaskState,
    WaitState,
    WorkFields,
)
from stepraft.interpreter.documents import Json, shown
from stepraft.interpreter.errors import RUNTIME, LanguageError
from stepraft.interpreter.expressions import query_flow
from stepraft.interpreter.expressions.choice_rules import ChoiceRule
from stepraft.interpreter.expressions.environment import Environment
from stepraft.interpreter.expressions.path_search import PathMissError
from stepraft.interpreter.expressions.paths import WHOLE_INPUT, Path
from stepraft.interpreter.expressions.templates import Expression, Template
from stepraft.interpreter.expressions.timestamps import to_unix_ms


def effective_input(state: State, raw: Json, environment: Environment) -> Json:
    """Return what the state works on: the input after InputPath and Parameters.

    For a Map that is the input after InputPath; `item_input` makes the input of each iteration.
    """
    if _is_jsonata(state):
        return query_flow.effective_input(state, raw, environment)
    selected = _filtered(state.input_path, raw, environment)
    if isinstance(state, (TaskState, ParallelState, PassState)) and state.parameters is not None:
        return state.parameters.evaluate(selected, environment)
    return selected


def effective_output(state: State, raw: Json, result: Json, environment: Environment) -> Json:
    """Return what the state puts out, given the result of its work.

    The result of a Choice, Wait or Succeed state is its effective input; only OutputPath applies.
    """
    if _is_jsonata(state):
        return query_flow.effective_output(state, raw, result, environment)
    if isinstance(state, WorkFields) and state.result_selector is not None:
        result = state.result_selector.evaluate(result, environment)
    if isinstance(state, (WorkFields, PassState)):
        result = raw if state.result_path is None else state.result_path.merge(raw, result)
    return _filtered(state.output_path, result, environment)


def caught_output(
    state: State,
    catcher: Catcher,
    raw: Json,
    error: str,
    cause: str | None,
    environment: Environment,
) -> Json:
    """Return the input of the state that a Catcher leads to; its OutputPath does not apply."""
    if _is_jsonata(state):
        return query_flow.caught_output(catcher, raw, error_output(error, cause), environment)
    if catcher.result_path is None:
        return raw
    return catcher.result_path.merge(raw, error_output(error, cause))


def error_output(error: str, cause: str | None) -> Json:
    """Return the Error Output; an error without a cause has an empty one.

    Source: https://states-language.net/spec.html#error-output
    """
    return {"Error": error, "Cause": cause or ""}


def passed_result(state: PassState, effective: Json) -> Json:
    """Return the result of a Pass state: its Result, else its effective input."""
    return state.result if state.has_result else effective


def assigned_variables(
    state: State, raw: Json, result: Json, environment: Environment
) -> Mapping[str, Json]:
    """Return the variables that the state assigns as it succeeds; empty if none.

    `$` is the raw result of a Task, Parallel, Map or Pass state, and the effective input of a Wait.

    Source: https://states-language.net/spec.html#assign
    """
    if _is_jsonata(state):
        return query_flow.assigned_variables(state, raw, result, environment)
    return _assigned(state.assign, result, environment)


def caught_variables(
    state: State,
    catcher: Catcher,
    raw: Json,
    error: str,
    cause: str | None,
    environment: Environment,
) -> Mapping[str, Json]:
    """Return the variables that a Catcher assigns; `$` is the Error Output."""
    if _is_jsonata(state):
        return query_flow.caught_variables(catcher, raw, error_output(error, cause), environment)
    return _assigned(catcher.assign, error_output(error, cause), environment)


def choose(
    state: ChoiceState, raw: Json, environment: Environment
) -> tuple[str | None, Json, Mapping[str, Json]]:
    """Return where a Choice goes, with its output and the variables that it assigns.

    The first rule that matches decides, else the state's own fields on the way to Default; the
    state is None where there is no Default.
    """
    if _is_jsonata(state):
        return _chosen_by_query(state, raw, environment)
    effective = effective_input(state, raw, environment)
    rule = _chosen_rule(state, effective, environment)
    next_state = state.default if rule is None else rule.next_state
    if next_state is None:
        return None, None, {}
    output = effective_output(state, raw, effective, environment)
    assign = state.assign if rule is None else rule.assign
    return next_state, output, _assigned(assign, effective, environment)


def _chosen_by_query(
    state: ChoiceState, raw: Json, environment: Environment
) -> tuple[str | None, Json, Mapping[str, Json]]:
    rule = query_flow.chosen_rule(state, raw, environment)
    next_state = state.default if rule is None else rule.next_state
    if next_state is None:
        return None, None, {}
    output = query_flow.chosen_output(state, rule, raw, environment)
    return next_state, output, query_flow.chosen_variables(state, rule, raw, environment)


def _chosen_rule(
    state: ChoiceState, effective: Json, environment: Environment
) -> ChoiceRule | None:
    for rule in state.rules:
        if rule.matches(effective, environment):
            return rule
    return None


def timeout_seconds(state: TaskState, raw: Json, environment: Environment) -> int | None:
    """Return TimeoutSeconds, None if the state sets none."""
    if _is_jsonata(state):
        return query_flow.timeout_seconds(state, raw, environment)
    return _seconds(
        state, state.timeout_s, state.timeout_s_path, "TimeoutSecondsPath", raw, environment
    )


def heartbeat_seconds(state: TaskState, raw: Json, environment: Environment) -> int | None:
    """Return HeartbeatSeconds, None if the state sets none."""
    if _is_jsonata(state):
        return query_flow.heartbeat_seconds(state, raw, environment)
    return _seconds(
        state, state.heartbeat_s, state.heartbeat_s_path, "HeartbeatSecondsPath", raw, environment
    )


def wait_until_ms(state: WaitState, raw: Json, environment: Environment, entered_ms: int) -> int:
    """Return when the Wait ends, in Unix milliseconds; it may lie in the past.

    `entered_ms` is when the state was entered.
    """
    wait_end_ms = query_flow.wait_until_ms if _is_jsonata(state) else _wait_end_ms
    until_ms = wait_end_ms(state, raw, environment, entered_ms)
    if until_ms - entered_ms > TIMEOUT_S_MAX * 1000:
        raise LanguageError(RUNTIME, "Wait state delay is too long.")
    return until_ms


def fail_error(
    state: FailState, raw: Json, environment: Environment
) -> tuple[str | None, str | None]:
    """Return error and cause of a Fail state, each None if the state sets none."""
    if _is_jsonata(state):
        return query_flow.fail_error(state, raw, environment)
    error = _fail_text(state.error, state.error_path, "ErrorPath", raw, environment)
    cause = _fail_text(state.cause, state.cause_path, "CausePath", raw, environment)
    return error, cause


def map_items(state: MapState, raw: Json, environment: Environment) -> list[Json]:
    """Return the items of a Map: the array that ItemsPath leads to."""
    if _is_jsonata(state):
        return query_flow.map_items(state, raw, environment)
    path = state.items_path or WHOLE_INPUT
    items = _read(path, _filtered(state.input_path, raw, environment), environment)
    if not isinstance(items, list):
        text = path.text.removeprefix("$") if path.root == "$$" else path.text
        raise LanguageError(RUNTIME, f'Reference path "{text}" must point to array.')
    return items


def item_input(state: MapState, raw: Json, item: Json, environment: Environment) -> Json:
    """Return the input of one iteration: ItemSelector's value, else the item itself.

    The context object of `environment` must hold `Map.Item` of this iteration.
    """
    if _is_jsonata(state):
        return query_flow.item_input(state, raw, item, environment)
    if state.item_selector is None:
        return item
    selected = _filtered(state.input_path, raw, environment)
    return state.item_selector.evaluate(selected, environment)


def max_concurrency(state: MapState, raw: Json, environment: Environment) -> int:
    """Return how many iterations may run at once; 0 means no limit."""
    if _is_jsonata(state):
        return query_flow.max_concurrency(state, raw, environment)
    if state.max_concurrency_path is None:
        return state.max_concurrency
    field = "MaxConcurrencyPath"
    value = _read_input(state, state.max_concurrency_path, raw, environment)
    limit = _integer(value, field, state.max_concurrency_path)
    if limit < 0:
        raise LanguageError(RUNTIME, "MaxConcurrency cannot be negative.")
    return limit


def tolerated_failures(
    state: MapState, raw: Json, environment: Environment
) -> tuple[int | None, float | None]:
    """Return how many failed iterations a Map tolerates: (count, percentage of all).

    None means that this limit is not set; with neither, the first failure fails the state.
    """
    if _is_jsonata(state):
        return query_flow.tolerated_failures(state, raw, environment)
    count = state.tolerated_failure_count
    if state.tolerated_failure_count_path is not None:
        path = state.tolerated_failure_count_path
        value = _read_input(state, path, raw, environment)
        count = _integer(value, "ToleratedFailureCountPath", path)
        if count < 0:
            raise LanguageError(RUNTIME, "ToleratedFailureCount cannot be negative.")
    percentage = state.tolerated_failure_percentage
    if state.tolerated_failure_percentage_path is not None:
        path = state.tolerated_failure_percentage_path
        value = _read_input(state, path, raw, environment)
        percentage = _float(value, "ToleratedFailurePercentagePath", path)
        if not 0 <= percentage <= 100:
            raise LanguageError(RUNTIME, "ToleratedFailurePercentage must be between 0 and 100.")
    return count, percentage


def credentials(state: TaskState, raw: Json, environment: Environment) -> Json:
    """Return the state's Credentials with their expressions evaluated, None if it has none."""
    if _is_jsonata(state):
        return query_flow.credentials(state, raw, environment)
    if state.credentials is None:
        return None
    return state.credentials.evaluate(_filtered(state.input_path, raw, environment), environment)


def _is_jsonata(state: State) -> bool:
    return state.query_language is QueryLanguage.JSONATA


def _filtered(path: Path | None, document: Json, environment: Environment) -> Json:
    """Apply InputPath or OutputPath; the path null gives the empty object."""
    if path is WHOLE_INPUT:
        return document
    return {} if path is None else _read(path, document, environment)


def _read(path: Path, document: Json, environment: Environment) -> Json:
    try:
        return path.read(document, environment)
    except PathMissError as miss:
        raise LanguageError(RUNTIME, f"Invalid path '{path.text}' : {miss}") from None


def _read_input(state: State, path: Path, raw: Json, environment: Environment) -> Json:
    return _read(path, _filtered(state.input_path, raw, environment), environment)


def _assigned(
    template: Template | None, document: Json, environment: Environment
) -> Mapping[str, Json]:
    if template is None:
        return {}
    variables = template.evaluate(document, environment)
    assert isinstance(variables, dict), "the parser lets only objects through as Assign"
    return variables


def _seconds(
    state: TaskState,
    fixed: int | None,
    path: Path | None,
    field: str,
    raw: Json,
    environment: Environment,
) -> int | None:
    if path is None:
        return fixed
    seconds = _integer(_read_input(state, path, raw, environment), field, path)
    if not 0 < seconds <= TIMEOUT_S_MAX:
        raise LanguageError(
            RUNTIME,
            f'The {field} field refers to value "{seconds}" which is not between 1 and'
            f" {TIMEOUT_S_MAX}: {path.text}",
        )
    return seconds


def _integer(value: Json, field: str, path: Path) -> int:
    """An integer, or a string that reads as one, as the service takes it."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and len(value) <= 20 and value.removeprefix("-").isdecimal():
        return int(value)
    raise _wrong_number(value, field, "integer", path)


def _float(value: Json, field: str, path: Path) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            raise _wrong_number(value, field, "float", path) from None
        if math.isfinite(number):
            return number
    raise _wrong_number(value, field, "float", path)


def _wrong_number(value: Json, field: str, expected: str, path: Path) -> LanguageError:
    text = value if isinstance(value, str) else shown(value)
    return LanguageError(
        RUNTIME,
        f'The {field} field refers to value "{text}" which is not a valid {expected}: {path.text}',
    )


def _wait_end_ms(state: WaitState, raw: Json, environment: Environment, entered_ms: int) -> int:
    if state.seconds is not None:
        return entered_ms + state.seconds * 1000
    if state.seconds_path is not None:
        return entered_ms + _wait_seconds(state, state.seconds_path, raw, environment) * 1000
    if state.timestamp_path is not None:
        return _wait_timestamp_ms(state, state.timestamp_path, raw, environment)
    until_ms = to_unix_ms(state.timestamp or "")
    assert until_ms is not None, "the parser lets only valid timestamps through"
    return until_ms


def _wait_seconds(state: WaitState, path: Path, raw: Json, environment: Environment) -> int:
    value = _wait_value(state, path, "SecondsPath", raw, environment)
    if isinstance(value, bool) or not isinstance(value, int):
        raise LanguageError(
            RUNTIME,
            "The SecondsPath parameter cannot be parsed as a long value:"
            f" {path.text} == {_plain(value)}",
        )
    if value < 0:
        raise LanguageError(
            RUNTIME,
            f"The SecondsPath parameter references a negative value: {path.text} == {value}",
        )
    return value


def _wait_timestamp_ms(state: WaitState, path: Path, raw: Json, environment: Environment) -> int:
    value = _wait_value(state, path, "TimestampPath", raw, environment)
    until_ms = to_unix_ms(value) if isinstance(value, str) else None
    if until_ms is None:
        raise LanguageError(
            RUNTIME,
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset"
            f" date-time format string: {path.text} == {_plain(value)}",
        )
    return until_ms


def _wait_value(
    state: WaitState, path: Path, field: str, raw: Json, environment: Environment
) -> Json:
    try:
        return path.read(_filtered(state.input_path, raw, environment), environment)
    except PathMissError:
        raise LanguageError(
            RUNTIME, f"The {field} parameter does not reference an input value: {path.text}"
        ) from None


def _plain(value: Json) -> str:
    return value if isinstance(value, str) else shown(value)


def _fail_text(
    fixed: str | None,
    expression: Expression | None,
    field: str,
    raw: Json,
    environment: Environment,
) -> str | None:
    if expression is None:
        return fixed
    value = expression.evaluate(raw, environment, field)
    if not isinstance(value, str):
        raise LanguageError(
            RUNTIME,
            f"The {field} field refers to a value that is not a string:"
            f" {expression.text} == {shown(value)}",
        )
    return value
