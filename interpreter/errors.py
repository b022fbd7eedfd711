"""The two ways in which a request ends badly, and the names of the language's own errors.

`LanguageError` says that the workflow failed; `decide` turns it into a failed state, which Retry
and Catch may answer. `Rejection` says that the caller asked wrongly; the service turns it into a
status.

Source: https://states-language.net/spec.html#appendix-a and #errors
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final

ALL: Final = "States.ALL"
BRANCH_FAILED: Final = "States.BranchFailed"
DATA_LIMIT_EXCEEDED: Final = "States.DataLimitExceeded"
EXCEED_TOLERATED_FAILURE_THRESHOLD: Final = "States.ExceedToleratedFailureThreshold"
HEARTBEAT_TIMEOUT: Final = "States.HeartbeatTimeout"
HTTP_SOCKET: Final = "States.Http.Socket"
INTRINSIC_FAILURE: Final = "States.IntrinsicFailure"
ITEM_READER_FAILED: Final = "States.ItemReaderFailed"
NO_CHOICE_MATCHED: Final = "States.NoChoiceMatched"
PARAMETER_PATH_FAILURE: Final = "States.ParameterPathFailure"
PERMISSIONS: Final = "States.Permissions"
QUERY_EVALUATION_ERROR: Final = "States.QueryEvaluationError"
RESULT_PATH_MATCH_FAILURE: Final = "States.ResultPathMatchFailure"
RESULT_WRITER_FAILED: Final = "States.ResultWriterFailed"
RUNTIME: Final = "States.Runtime"
TASK_FAILED: Final = "States.TaskFailed"
TIMEOUT: Final = "States.Timeout"

PREDEFINED_ERRORS: Final = (
    ALL,
    BRANCH_FAILED,
    DATA_LIMIT_EXCEEDED,
    EXCEED_TOLERATED_FAILURE_THRESHOLD,
    HEARTBEAT_TIMEOUT,
    HTTP_SOCKET,
    INTRINSIC_FAILURE,
    ITEM_READER_FAILED,
    NO_CHOICE_MATCHED,
    PARAMETER_PATH_FAILURE,
    PERMISSIONS,
    QUERY_EVALUATION_ERROR,
    RESULT_PATH_MATCH_FAILURE,
    RESULT_WRITER_FAILED,
    RUNTIME,
    TASK_FAILED,
    TIMEOUT,
)
"""Every error name that begins with `States.`; a definition may name no other of that kind."""

_UNCATCHABLE_BY_ALL: Final = frozenset({DATA_LIMIT_EXCEEDED, RUNTIME})
_UNCATCHABLE_BY_TASK_FAILED: Final = frozenset(
    {DATA_LIMIT_EXCEEDED, HEARTBEAT_TIMEOUT, RUNTIME, TIMEOUT}
)


def matches(
    error_equals: Iterable[str], error_name: str, also_matched_by: Sequence[str] = ()
) -> bool:
    """Whether a Retrier or Catcher with this `ErrorEquals` answers the error.

    A name matches itself. `States.ALL` matches all but States.DataLimitExceeded and
    States.Runtime; `States.TaskFailed` all but these two and the timeouts; `States.Timeout` also a
    missed heartbeat. `also_matched_by` are further names that answer this one error: where it came
    from may say more than its own name.

    Source: https://states-language.net/spec.html#error-representation
    """
    return any(
        pattern in also_matched_by or _matches_one(pattern, error_name) for pattern in error_equals
    )


def _matches_one(pattern: str, error_name: str) -> bool:
    if pattern == error_name:
        return True
    if pattern == ALL:
        return error_name not in _UNCATCHABLE_BY_ALL
    if pattern == TASK_FAILED:
        return error_name not in _UNCATCHABLE_BY_TASK_FAILED
    return pattern == TIMEOUT and error_name == HEARTBEAT_TIMEOUT


class LanguageError(Exception):
    """The workflow failed: `name` is what Retry and Catch match, `cause` is text for people.

    `cause` is None where the language gives none, as with States.Timeout.
    """

    def __init__(self, name: str, cause: str | None) -> None:
        super().__init__(name if cause is None else f"{name}: {cause}")
        self.name = name
        self.cause = cause


class QueryError(LanguageError):
    """States.QueryEvaluationError: an expression in JSONata gave nothing of use. `location`: the
    field that it is in, as a path of the state.
    """

    def __init__(self, cause: str, location: str) -> None:
        super().__init__(QUERY_EVALUATION_ERROR, cause)
        self.location = location


def data_limit_exceeded(producer: str) -> LanguageError:
    """Return the error of a document that is longer than the payload limit; `producer` is the name
    of the state or task that put it out.
    """
    return LanguageError(
        DATA_LIMIT_EXCEEDED,
        f"The state/task '{producer}' returned a result with a size exceeding "
        "the maximum number of bytes service limit.",
    )


class Reason(StrEnum):
    """Why a request is refused: a stable name that programs may test."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    """A field of the request breaks a rule that no other reason names."""
    INVALID_DEFINITION = "INVALID_DEFINITION"
    """The text is no valid state machine; the diagnostics say where and why."""
    INVALID_INPUT = "INVALID_INPUT"
    """A document is no JSON, or holds what JSON cannot say (NaN, lone surrogates)."""
    INVALID_NAME = "INVALID_NAME"
    """A name is empty, too long or holds a character that names may not hold."""
    INVALID_PAGE_TOKEN = "INVALID_PAGE_TOKEN"
    """A page token was not issued for this listing, or is damaged."""
    DUPLICATE_KEY = "DUPLICATE_KEY"
    """One JSON object of a document names the same key twice."""
    NESTING_TOO_DEEP = "NESTING_TOO_DEEP"
    """A document nests arrays and objects deeper than the limit."""
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    """A document or request has more bytes than the limit."""
    WORKFLOW_NOT_FOUND = "WORKFLOW_NOT_FOUND"
    """No workflow of that name, or no such version of it."""
    WORKFLOW_ALREADY_EXISTS = "WORKFLOW_ALREADY_EXISTS"
    """The name is taken by a workflow with another definition."""
    EXECUTION_NOT_FOUND = "EXECUTION_NOT_FOUND"
    """No execution has this id (any more)."""
    EXECUTION_ALREADY_EXISTS = "EXECUTION_ALREADY_EXISTS"
    """The name belongs to another execution of the workflow."""
    EXECUTION_ENDED = "EXECUTION_ENDED"
    """The execution has ended, so it cannot be changed."""
    IDEMPOTENCY_CONFLICT = "IDEMPOTENCY_CONFLICT"
    """The idempotency key was used before with another request."""
    TASK_NOT_FOUND = "TASK_NOT_FOUND"
    """The task of the token is over and forgotten, or never was."""
    TASK_TOKEN_INVALID = "TASK_TOKEN_INVALID"
    """The token was not issued by this cluster, or is damaged."""
    TASK_TOKEN_STALE = "TASK_TOKEN_STALE"
    """The lease of this delivery ran out and the task was delivered again."""
    TASK_ALREADY_COMPLETED = "TASK_ALREADY_COMPLETED"
    """The task has its result; only the first completion counts."""
    MEMBERSHIP_REFUSED = "MEMBERSHIP_REFUSED"
    """A rule keeps the members of the cluster from being changed so, or now; nothing was done."""
    TRANSFER_REFUSED = "TRANSFER_REFUSED"
    """Leadership cannot go to that node now; the old leader goes on."""
    PERMISSION_DENIED = "PERMISSION_DENIED"
    """The caller is known and may not do this."""
    UNAUTHENTICATED = "UNAUTHENTICATED"
    """The caller did not say who it is, or could not prove it."""
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    """A limit of the tenant or namespace is reached."""
    INTERNAL = "INTERNAL"
    """The server failed at the request; its log says why."""
    OVERLOADED = "OVERLOADED"
    """The server sheds load; nothing was done, try again later."""
    DISK_FULL = "DISK_FULL"
    """The disks of too many nodes fill up; nothing was done, it goes on when there is room."""
    NO_LEADER = "NO_LEADER"
    """The cluster has no leader at the moment; nothing was done, try again."""
    NO_STATE = "NO_STATE"
    """This node has no state that a stale read could be answered from; another node has."""
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
    """The request may or may not take effect; repeat it with the same idempotency key."""


class Rejection(Exception):
    """The caller asked wrongly, or cannot be served now: `text` says it to a person.

    `field` is the path of the offending request field, None where no single one is to blame;
    `violations` are (field, text) pairs where several are.
    """

    def __init__(
        self,
        reason: Reason,
        text: str,
        field: str | None = None,
        violations: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(f"{reason}: {text}")
        self.reason = reason
        self.text = text
        self.field = field
        self.violations = violations
