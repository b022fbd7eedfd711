"""What can go wrong when a cluster is asked for something.

    StepraftError
    ├── DocumentError            a value that JSON cannot hold; nothing was sent
    └── RequestError             the cluster refused, or could not be asked
        ├── InvalidRequestError  the request breaks a rule: `violations` name fields and rules
        ├── NotFoundError        there is no such workflow, execution or task
        ├── ConflictError        it cannot be done (any more): ended, completed, name or key taken
        ├── AccessError          the caller is not known, or may not do this
        ├── OverloadedError      a limit is reached, or the cluster sheds load; nothing was done
        ├── UnavailableError     no node or no leader answered in time; nothing was done
        │   └── OutcomeUnknownError  a write may or may not have taken effect
        └── ServerError          the server failed: a fault of its own

Programs test the class, or `reason`: a stable name such as WORKFLOW_NOT_FOUND.
"""

from dataclasses import dataclass
from typing import Final

import grpc
from google.protobuf.any_pb2 import Any as PackedDetail
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

DISK_FULL: Final = "DISK_FULL"
NO_LEADER: Final = "NO_LEADER"
NO_STATE: Final = "NO_STATE"
OVERLOADED: Final = "OVERLOADED"
OUTCOME_UNKNOWN: Final = "OUTCOME_UNKNOWN"
NOTHING_WAS_DONE: Final = frozenset({DISK_FULL, NO_LEADER, NO_STATE, OVERLOADED})
"""The reasons that promise that a request had no effect: any such request may be sent again."""

_DETAILS_KEY: Final = "grpc-status-details-bin"


class StepraftError(Exception):
    """The front of the tree: whatever the client raises on its own account."""


class DocumentError(StepraftError, ValueError):
    """A value that JSON cannot hold."""


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """A field of the request, as a path, and the rule that it breaks."""

    field: str
    rule: str


class RequestError(StepraftError):
    """The cluster refused a request, or could not be asked.

    `code` is the name of the gRPC status, `reason` a stable name, empty where the server gave none.
    `text` says it to a person. `retry_after_s` is set where the same request may be sent again
    after so many seconds.
    """

    def __init__(
        self,
        code: str,
        text: str,
        *,
        reason: str = "",
        violations: tuple[FieldViolation, ...] = (),
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(f"{reason or code}: {_with_fields(text, violations)}")
        self.code = code
        self.text = text
        self.reason = reason
        self.violations = violations
        self.retry_after_s = retry_after_s


def _with_fields(text: str, violations: tuple[FieldViolation, ...]) -> str:
    """Return the text with the fields to blame, without saying one thing twice."""
    if [violation.rule for violation in violations] == [text]:
        return f"{violations[0].field}: {text}"
    return text + "".join(f"\n  {violation.field}: {violation.rule}" for violation in violations)


class InvalidRequestError(RequestError):
    """The request breaks a rule."""


class NotFoundError(RequestError):
    """There is no such workflow, execution or task."""


class ConflictError(RequestError):
    """It cannot be done as things stand."""


class AccessError(RequestError):
    """The caller is not known, or may not do this."""


class OverloadedError(RequestError):
    """A limit is reached, or the cluster sheds load; nothing was done."""


class UnavailableError(RequestError):
    """No node or no leader answered in time."""


class OutcomeUnknownError(UnavailableError):
    """A write was sent, and no answer came: it may or may not have taken effect."""


class ServerError(RequestError):
    """The server failed by a fault of its own."""


_CLASSES: Final[dict[grpc.StatusCode, type[RequestError]]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequestError,
    grpc.StatusCode.OUT_OF_RANGE: InvalidRequestError,
    grpc.StatusCode.NOT_FOUND: NotFoundError,
    grpc.StatusCode.ALREADY_EXISTS: ConflictError,
    grpc.StatusCode.FAILED_PRECONDITION: ConflictError,
    grpc.StatusCode.ABORTED: ConflictError,
    grpc.StatusCode.PERMISSION_DENIED: AccessError,
    grpc.StatusCode.UNAUTHENTICATED: AccessError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: OverloadedError,
    grpc.StatusCode.UNAVAILABLE: UnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: UnavailableError,
    # A node that stops cancels what it has not answered.
    grpc.StatusCode.CANCELLED: UnavailableError,
}
"""Which error a gRPC status becomes; all others become ServerError."""


def from_rpc(failure: grpc.aio.AioRpcError) -> RequestError:
    """Return what a failed call means, with the details that the server sent along."""
    info = error_details_pb2.ErrorInfo()
    bad_request = error_details_pb2.BadRequest()
    retry = error_details_pb2.RetryInfo()
    retry_after_s = None
    for detail in _details(failure):
        detail.Unpack(info)
        detail.Unpack(bad_request)
        if detail.Unpack(retry):
            retry_after_s = retry.retry_delay.ToTimedelta().total_seconds()
    kind = _CLASSES.get(failure.code(), ServerError)
    if info.reason == OUTCOME_UNKNOWN:
        kind = OutcomeUnknownError
    return kind(
        failure.code().name,
        failure.details() or "no details",
        reason=info.reason,
        violations=tuple(
            FieldViolation(violation.field, violation.description)
            for violation in bad_request.field_violations
        ),
        retry_after_s=retry_after_s,
    )


def _details(failure: grpc.aio.AioRpcError) -> list[PackedDetail]:
    """Return the packed details of a status; none where the metadata has none, or damaged ones."""
    for key, value in failure.trailing_metadata() or ():
        if key == _DETAILS_KEY and isinstance(value, bytes):
            try:
                return list(status_pb2.Status.FromString(value).details)
            except DecodeError:
                return []
    return []
