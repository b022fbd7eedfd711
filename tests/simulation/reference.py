"""What a workflow may come to, told by a plain recursive reading of its definition.

It knows no commands, events, log or store. Where the schedule decides (which branch fails first,
whether a task comes before its timeout) it gives every outcome that may be.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from math import prod
from typing import Any

from msgspec import Struct

from stepraft.interpreter import documents
from stepraft.interpreter.definition import (
    ChoiceState,
    Definition,
    FailState,
    MapState,
    ParallelState,
    PassState,
    Scope,
    State,
    SucceedState,
    TaskState,
    WaitState,
)
from stepraft.interpreter.documents import Json
from stepraft.interpreter.errors import (
    ALL,
    EXCEED_TOLERATED_FAILURE_THRESHOLD,
    HEARTBEAT_TIMEOUT,
    NO_CHOICE_MATCHED,
    RUNTIME,
    TIMEOUT,
    LanguageError,
    matches,
)
from stepraft.interpreter.expressions import data_flow
from stepraft.interpreter.expressions.environment import Environment

_OUTCOMES_MAX = 100
_EVENT_ID = re.compile(r"event id #\d+")


class TooMany(Exception):
    """More outcomes are possible than can be told one by one."""


class Answer(Struct, frozen=True):
    """What a worker makes of a task: an output, or an error."""

    output: Json = None
    error: str | None = None
    cause: str | None = None


Plan = Callable[[str, Json, int], Answer | None]
"""A worker's answer by state name, input and retry count; None where nobody works."""


class Result(Struct, frozen=True):
    """How a state or scope ended: `output` as JSON, or `error` and `cause`.

    `next_state` is None where the scope ends; `variables`: those of the scope, as JSON;
    `also_matched_by`: what else in ErrorEquals answers the error within the same state.
    """

    output: bytes = b""
    is_error: bool = False
    error: str | None = None
    cause: str | None = None
    next_state: str | None = None
    variables: bytes = b"{}"
    also_matched_by: tuple[str, ...] = ()


def normal(text: str) -> str:
    """Return a text without the numbers of events, which only a real run has."""
    return _EVENT_ID.sub("event id #0", text)


class Reference:
    """Reads one definition on one input."""

    def __init__(self, definition: Definition, data: Json, plan: Plan) -> None:
        self._definition = definition
        self._data = data
        self._plan = plan

    def outcomes(self) -> set[Result]:
        """Return every way in which the execution may end.

        Errors: TooMany.
        """
        return self._scope(self._definition.top, self._data, {}, None)

    def _scope(self, scope: Scope, raw: Json, outer: Mapping[str, Json], item: Json) -> set[Result]:
        ended: set[Result] = set()
        open_: list[tuple[str, bytes, bytes]] = [(scope.start_at, documents.dumps(raw), b"{}")]
        seen = set(open_)
        while open_:
            name, text, own = open_.pop()
            for result in self._visit(scope.states[name], text, outer, own, item):
                if result.is_error or result.next_state is None:
                    ended.add(_without_variables(result))
                    continue
                following = (result.next_state, result.output, result.variables)
                if following not in seen:
                    seen.add(following)
                    open_.append(following)
            if len(seen) + len(ended) > _OUTCOMES_MAX:
                raise TooMany
        return ended

    def _visit(
        self, state: State, text: bytes, outer: Mapping[str, Json], own: bytes, item: Json
    ) -> set[Result]:
        visit = _Visit(self, state, documents.loads(text), outer, documents.loads(own), item)
        return visit.results(())


def _without_variables(result: Result) -> Result:
    return Result(
        output=result.output, is_error=result.is_error, error=result.error, cause=result.cause
    )


class _Visit:
    """One visit of one state; a retry is part of it."""

    def __init__(
        self,
        reference: Reference,
        state: State,
        raw: Json,
        outer: Mapping[str, Json],
        own: Any,
        item: Json,
    ) -> None:
        self.reference = reference
        self.state = state
        self.raw = raw
        self.own = own
        self.item = item
        self.variables = {**outer, **own}
        self.environment = self._environment(item)

    def _environment(self, item: Json) -> Environment:
        tree: dict[str, Json] = {
            "Execution": {"Input": self.reference._data},
            "State": {"Name": self.state.name},
        }
        if item is not None:
            tree["Map"] = {"Item": item}
        return Environment(lambda: tree, self.variables, b"")

    def results(self, retries: tuple[int, ...]) -> set[Result]:
        """Return how the visit may end when its retriers were used so often."""
        results: set[Result] = set()
        for attempt in self._attempts(sum(retries)):
            results |= self._answered(attempt, retries) if attempt.is_error else {attempt}
            if len(results) > _OUTCOMES_MAX:
                raise TooMany
        return results

    def _attempts(self, retry_count: int) -> Iterator[Result]:
        try:
            yield from self._attempt(retry_count)
        except LanguageError as error:
            yield self._failed(error)

    def _attempt(self, retry_count: int) -> Iterator[Result]:
        state, raw, environment = self.state, self.raw, self.environment
        match state:
            case PassState():
                effective = data_flow.effective_input(state, raw, environment)
                yield self._left(state.result if state.has_result else effective)
            case SucceedState() | WaitState():
                if isinstance(state, WaitState):
                    data_flow.wait_until_ms(state, raw, environment, 0)
                yield self._left(data_flow.effective_input(state, raw, environment))
            case ChoiceState():
                yield self._chosen(state)
            case FailState():
                error, cause = data_flow.fail_error(state, raw, environment)
                yield Result(is_error=True, error=error, cause=cause)
            case TaskState():
                yield from self._task(state, retry_count)
            case ParallelState():
                effective = data_flow.effective_input(state, raw, environment)
                yield from self._joined(
                    [
                        self.reference._scope(branch, effective, self.variables, self.item)
                        for branch in state.branches
                    ]
                )
            case MapState():
                yield from self._map(state)

    def _task(self, state: TaskState, retry_count: int) -> Iterator[Result]:
        effective = data_flow.effective_input(state, self.raw, self.environment)
        if data_flow.timeout_seconds(state, self.raw, self.environment) is not None:
            yield Result(is_error=True, error=TIMEOUT)
        if data_flow.heartbeat_seconds(state, self.raw, self.environment) is not None:
            yield Result(is_error=True, error=TIMEOUT, also_matched_by=(HEARTBEAT_TIMEOUT,))
        answer = self.reference._plan(state.name, effective, retry_count)
        if answer is None:
            return
        if answer.error is not None:
            yield Result(
                is_error=True, error=answer.error, cause=answer.cause, also_matched_by=(ALL,)
            )
        else:
            yield self._left(answer.output)

    def _map(self, state: MapState) -> Iterator[Result]:
        children = []
        data_flow.max_concurrency(state, self.raw, self.environment)
        for index, value in enumerate(data_flow.map_items(state, self.raw, self.environment)):
            item: Json = {"Index": index, "Value": value}
            try:
                made = data_flow.item_input(state, self.raw, value, self._environment(item))
            except LanguageError as error:
                yield self._failed(error)
                return
            children.append(self.reference._scope(state.processor, made, self.variables, item))
        failures_max = self._failures_max(state, len(children))
        if failures_max is None:
            yield from self._joined(children)
        else:
            yield from self._tolerant(children, failures_max)

    def _failures_max(self, state: MapState, total: int) -> int | None:
        count, percentage = data_flow.tolerated_failures(state, self.raw, self.environment)
        limits = [] if count is None else [count]
        if percentage is not None:
            limits.append(int(total * percentage / 100))
        return min(limits, default=None)

    def _tolerant(self, children: list[set[Result]], failures_max: int) -> Iterator[Result]:
        """Failed iterations are left out, unless there are too many."""
        if prod(map(len, children)) > _OUTCOMES_MAX:
            raise TooMany
        for results in product(*children):
            outputs = [result.output for result in results if not result.is_error]
            if len(children) - len(outputs) > failures_max:
                cause = "The specified tolerated failure threshold was exceeded"
                error = EXCEED_TOLERATED_FAILURE_THRESHOLD
                yield Result(is_error=True, error=error, cause=cause)
            else:
                yield self._left_or_failed(documents.loads(b"[" + b",".join(outputs) + b"]"))

    def _joined(self, children: list[set[Result]]) -> Iterator[Result]:
        """Any error that a child may end with may be the first; the outputs may be any
        combination.
        """
        for results in children:
            yield from (result for result in results if result.is_error)
        fine = [
            [result.output for result in results if not result.is_error] for results in children
        ]
        if prod(map(len, fine)) > _OUTCOMES_MAX:
            raise TooMany
        for outputs in product(*fine):
            yield self._left_or_failed(documents.loads(b"[" + b",".join(outputs) + b"]"))

    def _left_or_failed(self, result: Json) -> Result:
        try:
            return self._left(result)
        except LanguageError as error:
            return self._failed(error)

    def _chosen(self, state: ChoiceState) -> Result:
        next_state, output, assigned = data_flow.choose(state, self.raw, self.environment)
        if next_state is None:
            raise LanguageError(NO_CHOICE_MATCHED, "")
        return self._to(next_state, output, assigned)

    def _left(self, result: Json) -> Result:
        output = data_flow.effective_output(self.state, self.raw, result, self.environment)
        assigned: Mapping[str, Json] = {}
        if not isinstance(self.state, SucceedState):
            assigned = data_flow.assigned_variables(self.state, self.raw, result, self.environment)
        return self._to(self.state.next, output, assigned)

    def _to(self, next_state: str | None, output: Json, assigned: Mapping[str, Json]) -> Result:
        variables = documents.dumps({**self.own, **assigned})
        return Result(output=documents.dumps(output), next_state=next_state, variables=variables)

    def _failed(self, error: LanguageError) -> Result:
        cause = error.cause
        if error.name in (RUNTIME, "States.QueryEvaluationError", "States.IntrinsicFailure"):
            place = f"'{self.state.name}' (entered at the event id #0)"
            cause = f"An error occurred while executing the state {place}. {cause}"
        return Result(is_error=True, error=error.name, cause=cause)

    def _answered(self, failed: Result, retries: tuple[int, ...]) -> set[Result]:
        """Retry, then Catch."""
        state, error = self.state, failed.error or ""
        if not isinstance(state, TaskState | ParallelState | MapState) or error == RUNTIME:
            return {failed}
        counts = retries or (0,) * len(state.retry)
        for position, retrier in enumerate(state.retry):
            if matches(retrier.errors, error, failed.also_matched_by):
                if counts[position] < retrier.max_attempts:
                    used = (*counts[:position], counts[position] + 1, *counts[position + 1 :])
                    return self.results(used)
                break
        return {self._caught(failed, state, error)}

    def _caught(
        self, failed: Result, state: TaskState | ParallelState | MapState, error: str
    ) -> Result:
        for catcher in state.catch:
            if matches(catcher.errors, error, failed.also_matched_by):
                environment = self.environment
                try:
                    output = data_flow.caught_output(
                        state, catcher, self.raw, error, failed.cause, environment
                    )
                except LanguageError as second:
                    return self._failed(second)
                assigned = data_flow.caught_variables(
                    state, catcher, self.raw, error, failed.cause, environment
                )
                return self._to(catcher.next_state, output, assigned)
        return failed
