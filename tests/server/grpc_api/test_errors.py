"""The table from reasons to statuses, and the details that ride along."""

import pytest
from google.rpc import error_details_pb2

from stepraft.interpreter.errors import Reason, Rejection
from stepraft.server.grpc_api import errors

METADATA_BYTES_MAX = 8192


def test_every_reason_has_its_status() -> None:
    assert set(errors.OUTCOMES) == set(Reason)


@pytest.mark.parametrize("reason", list(Reason))
def test_a_reason_is_named_in_the_details(reason: Reason) -> None:
    status = errors.status_of(Rejection(reason, "why"))
    info = error_details_pb2.ErrorInfo()
    status.details[0].Unpack(info)

    assert (status.code, status.message, info.reason, info.domain) == (
        errors.OUTCOMES[reason].code.value[0],
        "why",
        reason.value,
        "stepraft.dev",
    )


@pytest.mark.parametrize(
    "reason",
    [Reason.NO_LEADER, Reason.OVERLOADED, Reason.DISK_FULL, Reason.OUTCOME_UNKNOWN],
    ids=str,
)
def test_what_may_be_sent_again_says_when(reason: Reason) -> None:
    status = errors.status_of(Rejection(reason, "later"))
    retry = error_details_pb2.RetryInfo()

    assert status.details[-1].Unpack(retry)
    assert retry.retry_delay.ToMilliseconds() == errors.OUTCOMES[reason].retry_after_ms


def test_all_violations_are_told_while_there_is_room_and_the_rest_is_counted() -> None:
    violations = tuple((f"definition/States/S{n}", "x" * 100) for n in range(1000))

    status = errors.status_of(
        Rejection(Reason.INVALID_DEFINITION, "ü" * 10_000, violations=violations)
    )
    request = error_details_pb2.BadRequest()
    status.details[1].Unpack(request)

    told = request.field_violations
    assert told[0].field == "definition/States/S0"
    assert told[-1].description == f"and {1000 - (len(told) - 1)} more problems"
    # Metadata is sent in base64, and the message beside it in percent encoding.
    sent = len(status.SerializeToString()) * 4 / 3 + len(status.message.encode()) * 3
    assert sent < METADATA_BYTES_MAX
