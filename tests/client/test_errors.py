"""From a gRPC status with its details to an exception."""

from collections.abc import Callable
from typing import Any

import grpc
import pytest

from stepraft.client import (
    AccessError,
    Client,
    ConflictError,
    FieldViolation,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    OverloadedError,
    RequestError,
    ServerError,
    UnavailableError,
)
from stepraft.client.errors import from_rpc


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        ("INVALID_ARGUMENT", "INVALID_INPUT", InvalidRequestError),
        ("OUT_OF_RANGE", "", InvalidRequestError),
        ("NOT_FOUND", "WORKFLOW_NOT_FOUND", NotFoundError),
        ("ALREADY_EXISTS", "EXECUTION_ALREADY_EXISTS", ConflictError),
        ("FAILED_PRECONDITION", "EXECUTION_ENDED", ConflictError),
        ("ABORTED", "", ConflictError),
        ("PERMISSION_DENIED", "PERMISSION_DENIED", AccessError),
        ("UNAUTHENTICATED", "UNAUTHENTICATED", AccessError),
        ("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", OverloadedError),
        ("UNAVAILABLE", "NO_LEADER", UnavailableError),
        ("UNAVAILABLE", "OUTCOME_UNKNOWN", OutcomeUnknownError),
        ("DEADLINE_EXCEEDED", "", UnavailableError),
        ("CANCELLED", "", UnavailableError),
        ("INTERNAL", "", ServerError),
        ("UNIMPLEMENTED", "", ServerError),
        ("DATA_LOSS", "", ServerError),
    ],
)
async def test_a_status_becomes_its_kind_of_error(
    fake_node: Callable[..., Any],
    refusal: Callable[..., Any],
    code: str,
    reason: str,
    kind: type[RequestError],
) -> None:
    async with fake_node() as node, Client(node.address, timeout_s=0.2) as client:
        node.script("CancelExecution", *[refusal(grpc.StatusCode[code], reason, "why")] * 50)

        with pytest.raises(RequestError) as caught:
            await client.cancel_execution("/default/default/e0/0")

    if kind is UnavailableError and not reason:
        # A write whose answer got lost on the way.
        assert type(caught.value) is OutcomeUnknownError
    else:
        assert (type(caught.value), caught.value.code) == (kind, code)
        assert caught.value.reason == reason
        assert caught.value.text.startswith("why")


async def test_the_details_of_a_refusal_are_kept(
    fake_node: Callable[..., Any], refusal: Callable[..., Any]
) -> None:
    problems = (("definition/StartAt", "is missing"), ("definition/States", "is empty"))
    async with fake_node() as node, Client(node.address) as client:
        node.script(
            "PutWorkflow",
            refusal(
                grpc.StatusCode.INVALID_ARGUMENT,
                "INVALID_DEFINITION",
                "the definition has 2 problems",
                problems,
            ),
        )

        with pytest.raises(InvalidRequestError) as caught:
            await client.put_workflow("orders", "{}")

    assert str(caught.value) == (
        "INVALID_DEFINITION: the definition has 2 problems"
        "\n  definition/StartAt: is missing"
        "\n  definition/States: is empty"
    )
    assert caught.value.violations == tuple(FieldViolation(*problem) for problem in problems)


def test_a_rule_that_is_the_whole_text_is_said_once() -> None:
    error = NotFoundError(
        "NOT_FOUND",
        "there is no execution e1",
        reason="EXECUTION_NOT_FOUND",
        violations=(FieldViolation("execution_id", "there is no execution e1"),),
    )

    assert str(error) == "EXECUTION_NOT_FOUND: execution_id: there is no execution e1"


@pytest.mark.parametrize(
    "details",
    [
        pytest.param(b"\xff\xff\xff", id="damaged"),
        pytest.param(b"", id="empty"),
        pytest.param(None, id="none"),
    ],
)
def test_a_status_without_readable_details_is_an_error_all_the_same(details: bytes | None) -> None:
    metadata = grpc.aio.Metadata()
    if details is not None:
        metadata.add("grpc-status-details-bin", details)

    error = from_rpc(
        grpc.aio.AioRpcError(grpc.StatusCode.NOT_FOUND, grpc.aio.Metadata(), metadata, "gone")
    )

    assert (type(error), str(error)) == (NotFoundError, "NOT_FOUND: gone")
