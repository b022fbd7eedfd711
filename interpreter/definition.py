"""A workflow definition as immutable values: what `parse_definition` gives and the rest reads.

Every path, template, query and rule in it is compiled, so that running a state parses nothing.
`next` is the name of the following state, None where the state ends its scope (`"End": true`).
Fields named `…_query`, `arguments`, `output` and `items` are of states in JSONata, those named
`…_path` and the templates of states in JSONPath.

Source: https://states-language.net/spec.html#toplevelfields and #state-types
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal, TypeAlias

from stepraft.interpreter.documents import Json
from stepraft.interpreter.expressions.choice_rules import ChoiceRule
from stepraft.interpreter.expressions.paths import WHOLE_INPUT, Path
from stepraft.interpreter.expressions.queries import Query
from stepraft.interpreter.expressions.reference_paths import ResultPath
from stepraft.interpreter.expressions.templates import Expression, Template

TIMEOUT_S_MAX: Final = 99_999_999
"""The longest timeout or wait in seconds, a little over three years."""


class QueryLanguage(StrEnum):
    """How a state's fields are written."""

    JSONPATH = "JSONPath"
    JSONATA = "JSONata"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """One States object: the machine's own, a branch's or an item processor's."""

    start_at: str
    states: Mapping[str, "State"]
    comment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A whole state machine.

    `all_states` holds the states of every nesting level by name, for names are unique in a machine.
    `timeout_s` is None where the execution may run for ever.
    """

    top: Scope
    all_states: Mapping[str, "State"]
    timeout_s: int | None = None
    comment: str | None = None
    version: str = "1.0"
    query_language: QueryLanguage = QueryLanguage.JSONPATH

    @property
    def start_at(self) -> str:
        """The name of the first state."""
        return self.top.start_at

    @property
    def states(self) -> Mapping[str, "State"]:
        """The states of the top scope."""
        return self.top.states


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrier:
    """One entry of Retry. The delay before attempt k is interval_s * backoff_rate ** (k - 1)."""

    errors: tuple[str, ...]
    interval_s: int = 1
    max_attempts: int = 3
    backoff_rate: float = 2.0
    max_delay_s: int | None = None
    jitter: Literal["FULL", "NONE"] = "NONE"
    comment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Catcher:
    """One entry of Catch. `result_path` None keeps the raw input and drops the error."""

    errors: tuple[str, ...]
    next_state: str
    result_path: ResultPath | None = field(default_factory=ResultPath)
    assign: Template | None = None
    assign_query: Query | None = None
    output: Query | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonFields:
    """What every state has. `input_path` and `output_path` None mean the empty object."""

    name: str
    comment: str | None = None
    query_language: QueryLanguage = QueryLanguage.JSONPATH
    next: str | None = None
    input_path: Path | None = WHOLE_INPUT
    output_path: Path | None = WHOLE_INPUT
    assign: Template | None = None
    assign_query: Query | None = None
    output: Query | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkFields(CommonFields):
    """What the states that do work share: Task, Parallel and Map.

    `result_path` None drops the result and keeps the raw input.
    """

    result_selector: Template | None = None
    result_path: ResultPath | None = field(default_factory=ResultPath)
    retry: tuple[Retrier, ...] = ()
    catch: tuple[Catcher, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskState(WorkFields):
    """Work for a worker. Of timeout_s, timeout_s_path and timeout_query at most one is set."""

    resource: str
    parameters: Template | None = None
    arguments: Query | None = None
    timeout_s: int | None = None
    timeout_s_path: Path | None = None
    timeout_query: Query | None = None
    heartbeat_s: int | None = None
    heartbeat_s_path: Path | None = None
    heartbeat_query: Query | None = None
    credentials: Template | None = None
    credentials_query: Query | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelState(WorkFields):
    """Runs every branch on the same input; the result is the array of their outputs."""

    branches: tuple[Scope, ...]
    parameters: Template | None = None
    arguments: Query | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MapState(WorkFields):
    """Runs `processor` once for each item.

    `item_selector` None gives each iteration its item; `max_concurrency` 0 means no limit. With no
    tolerated_... field set, the first failed iteration fails the state.
    """

    processor: Scope
    items_path: Path | None = None
    items: Query | None = None
    item_selector: Template | None = None
    item_selector_query: Query | None = None
    max_concurrency: int = 0
    max_concurrency_path: Path | None = None
    max_concurrency_query: Query | None = None
    tolerated_failure_count: int | None = None
    tolerated_failure_count_path: Path | None = None
    tolerated_failure_count_query: Query | None = None
    tolerated_failure_percentage: float | None = None
    tolerated_failure_percentage_path: Path | None = None
    tolerated_failure_percentage_query: Query | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PassState(CommonFields):
    """Puts out its input or a fixed result. `result` counts only if `has_result`."""

    parameters: Template | None = None
    result: Json = None
    has_result: bool = False
    result_path: ResultPath | None = field(default_factory=ResultPath)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryRule:
    """A rule of a Choice state in JSONata."""

    condition: Query
    next_state: str
    assign_query: Query | None = None
    output: Query | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceState(CommonFields):
    """Goes on by the first rule that matches, else to `default`; None means no Default."""

    rules: tuple[ChoiceRule, ...] = ()
    query_rules: tuple[QueryRule, ...] = ()
    default: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitState(CommonFields):
    """Waits; exactly one of the six is set."""

    seconds: int | None = None
    seconds_query: Query | None = None
    timestamp: str | None = None
    timestamp_query: Query | None = None
    seconds_path: Path | None = None
    timestamp_path: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SucceedState(CommonFields):
    """Ends its scope with its output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailState(CommonFields):
    """Fails its scope; every field may be absent."""

    error: str | None = None
    error_path: Expression | None = None
    error_query: Query | None = None
    cause: str | None = None
    cause_path: Expression | None = None
    cause_query: Query | None = None


State: TypeAlias = (
    TaskState
    | PassState
    | ChoiceState
    | WaitState
    | SucceedState
    | FailState
    | ParallelState
    | MapState
)
