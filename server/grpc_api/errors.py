"""How a refusal looks on the wire: the one table from reasons to gRPC statuses, and its details.

Source: https://google.aip.dev/193 and google/rpc/error_details.proto
"""

import logging
import secrets
from typing import Any, Final, NoReturn

import grpc
from google.protobuf.any_pb2 import Any as PackedDetail
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2
from msgspec import Struct

from stepraft.interpreter.errors import Reason, Rejection

_log = logging.getLogger(__name__)

DOMAIN: Final = "stepraft.dev"
DETAILS_KEY: Final = "grpc-status-details-bin"
_INCIDENT_BYTES: Final = 6

_MESSAGE_BYTES_MAX: Final = 700
_VIOLATIONS_BYTES_MAX: Final = 3000
_VIOLATION_BYTES: Final = 8
"""Details travel as metadata, of which a peer need not take more than 8 KiB, encoded and with all
that stands beside them."""

Context = grpc.aio.ServicerContext[Any, Any]


class Outcome(Struct, frozen=True):
    """The status of a reason. `retry_after_ms`: when the same request may be sent again, None if
    that is of no use.
    """

    code: grpc.StatusCode
    retry_after_ms: int | None = None


_C = grpc.StatusCode
OUTCOMES: Final[dict[Reason, Outcome]] = {
    Reason.INVALID_ARGUMENT: Outcome(_C.INVALID_ARGUMENT),
    Reason.INVALID_DEFINITION: Outcome(_C.INVALID_ARGUMENT),
    Reason.INVALID_INPUT: Outcome(_C.INVALID_ARGUMENT),
    Reason.INVALID_NAME: Outcome(_C.INVALID_ARGUMENT),
    Reason.INVALID_PAGE_TOKEN: Outcome(_C.INVALID_ARGUMENT),
    Reason.DUPLICATE_KEY: Outcome(_C.INVALID_ARGUMENT),
    Reason.NESTING_TOO_DEEP: Outcome(_C.INVALID_ARGUMENT),
    Reason.PAYLOAD_TOO_LARGE: Outcome(_C.INVALID_ARGUMENT),
    Reason.TASK_TOKEN_INVALID: Outcome(_C.INVALID_ARGUMENT),
    Reason.WORKFLOW_NOT_FOUND: Outcome(_C.NOT_FOUND),
    Reason.EXECUTION_NOT_FOUND: Outcome(_C.NOT_FOUND),
    Reason.TASK_NOT_FOUND: Outcome(_C.NOT_FOUND),
    Reason.WORKFLOW_ALREADY_EXISTS: Outcome(_C.ALREADY_EXISTS),
    Reason.EXECUTION_ALREADY_EXISTS: Outcome(_C.ALREADY_EXISTS),
    Reason.IDEMPOTENCY_CONFLICT: Outcome(_C.ALREADY_EXISTS),
    Reason.EXECUTION_ENDED: Outcome(_C.FAILED_PRECONDITION),
    Reason.TASK_TOKEN_STALE: Outcome(_C.FAILED_PRECONDITION),
    Reason.TASK_ALREADY_COMPLETED: Outcome(_C.FAILED_PRECONDITION),
    Reason.MEMBERSHIP_REFUSED: Outcome(_C.FAILED_PRECONDITION),
    Reason.TRANSFER_REFUSED: Outcome(_C.FAILED_PRECONDITION),
    Reason.PERMISSION_DENIED: Outcome(_C.PERMISSION_DENIED),
    Reason.UNAUTHENTICATED: Outcome(_C.UNAUTHENTICATED),
    Reason.QUOTA_EXCEEDED: Outcome(_C.RESOURCE_EXHAUSTED),
    Reason.OVERLOADED: Outcome(_C.RESOURCE_EXHAUSTED, retry_after_ms=1000),
    Reason.DISK_FULL: Outcome(_C.RESOURCE_EXHAUSTED, retry_after_ms=1000),
    Reason.NO_LEADER: Outcome(_C.UNAVAILABLE, retry_after_ms=100),
    Reason.NO_STATE: Outcome(_C.UNAVAILABLE, retry_after_ms=100),
    Reason.OUTCOME_UNKNOWN: Outcome(_C.UNAVAILABLE, retry_after_ms=100),
    Reason.INTERNAL: Outcome(_C.INTERNAL),
}


def retry_after(reason: Reason) -> Duration | None:
    """Return when the same request may be sent again; None if that is of no use."""
    after_ms = OUTCOMES[reason].retry_after_ms
    if after_ms is None:
        return None
    duration = Duration()
    duration.FromMilliseconds(after_ms)
    return duration


def status_of(rejection: Rejection) -> status_pb2.Status:
    """Return a refusal as a rich status: its reason, the fields to blame, when to try again."""
    code: int = OUTCOMES[rejection.reason].code.value[0]
    message = _shortened(rejection.text, _MESSAGE_BYTES_MAX)
    return status_pb2.Status(code=code, message=message, details=_details(rejection))


async def refuse(context: Context, rejection: Rejection) -> NoReturn:
    """End a call with a refusal."""
    status = status_of(rejection)
    details = ((DETAILS_KEY, status.SerializeToString()),)
    await context.abort(OUTCOMES[rejection.reason].code, status.message, details)
    raise AssertionError("abort raises")


async def pass_on(context: Context, error: grpc.aio.AioRpcError) -> NoReturn:
    """End a call as it ended at another node."""
    details = tuple(
        (key, value) for key, value in error.trailing_metadata() or () if key == DETAILS_KEY
    )
    await context.abort(error.code(), error.details() or "", details)
    raise AssertionError("abort raises")


def internal(error: BaseException, method: str) -> Rejection:
    """Log an error of this program under a number, which is all that the caller is told."""
    incident = secrets.token_hex(_INCIDENT_BYTES)
    _log.error("incident %s in %s", incident, method, exc_info=error)
    return Rejection(Reason.INTERNAL, f"the server failed; its log has it as incident {incident}")


def reason_of(error: grpc.aio.AioRpcError) -> str | None:
    """Return the reason in another node's refusal; None if it is no refusal of ours."""
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            return _reason_in(status_pb2.Status.FromString(value))
    return None


def _reason_in(status: status_pb2.Status) -> str | None:
    info = error_details_pb2.ErrorInfo()
    for detail in status.details:
        if detail.Unpack(info) and info.domain == DOMAIN:
            return str(info.reason)
    return None


def _details(rejection: Rejection) -> list[PackedDetail]:
    details = [_packed(error_details_pb2.ErrorInfo(reason=rejection.reason, domain=DOMAIN))]
    violations = rejection.violations
    if not violations and rejection.field is not None:
        violations = ((rejection.field, rejection.text),)
    if violations:
        details.append(_packed(_bad_request(violations)))
    after = retry_after(rejection.reason)
    if after is not None:
        details.append(_packed(error_details_pb2.RetryInfo(retry_delay=after)))
    return details


def _bad_request(violations: tuple[tuple[str, str], ...]) -> error_details_pb2.BadRequest:
    """Return the violations, the first as many as metadata holds; the last one counts the rest."""
    request, room = error_details_pb2.BadRequest(), _VIOLATIONS_BYTES_MAX
    for position, (field, text) in enumerate(violations):
        description = _shortened(text, _MESSAGE_BYTES_MAX)
        room -= len(field.encode()) + len(description.encode()) + _VIOLATION_BYTES
        if room < 0 and position > 0:
            left = len(violations) - position
            request.field_violations.add(field="", description=f"and {left} more problems")
            break
        request.field_violations.add(
            field=_shortened(field, _MESSAGE_BYTES_MAX), description=description
        )
    return request


def _shortened(text: str, bytes_max: int) -> str:
    encoded = text.encode(errors="replace")
    if len(encoded) <= bytes_max:
        return text
    return encoded[:bytes_max].decode(errors="ignore") + "…"


def _packed(
    message: error_details_pb2.ErrorInfo
    | error_details_pb2.BadRequest
    | error_details_pb2.RetryInfo,
) -> PackedDetail:
    packed = PackedDetail()
    packed.Pack(message)
    return packed
