"""Page tokens: they lead on in their own list, and nowhere else."""

import base64

import pytest

from stepraft.interpreter.errors import Reason, Rejection
from stepraft.server.service.pages import PAGE_SIZE_DEFAULT, Listing, PageRequest
from stepraft.server.service.signing import Signer

SIGNER = Signer(b"s" * 32)
LISTING = Listing(SIGNER, "executions", "default", "shop", None, ["FAILED"])


@pytest.mark.parametrize("cursor", [b"", b"name", bytes(range(256))])
def test_a_token_leads_to_its_cursor(cursor: bytes) -> None:
    assert LISTING.cursor(LISTING.token(cursor)) == cursor


def test_no_token_is_the_first_page() -> None:
    assert LISTING.cursor("") is None


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("x", id="too short"),
        pytest.param("not base64!", id="no base64"),
        pytest.param("ü", id="not ASCII"),
        pytest.param(base64.urlsafe_b64encode(b"x" * 40).decode(), id="not signed"),
        pytest.param(
            Listing(SIGNER, "versions", "default", "shop", None, ["FAILED"]).token(b"c"),
            id="another kind of list",
        ),
        pytest.param(
            Listing(SIGNER, "executions", "default", "shop", None, []).token(b"c"),
            id="other filters",
        ),
        pytest.param(
            Listing(Signer(b"t" * 32), "executions", "default", "shop", None, ["FAILED"]).token(
                b"c"
            ),
            id="another cluster",
        ),
    ],
)
def test_a_token_of_elsewhere_is_refused(token: str) -> None:
    with pytest.raises(Rejection) as refused:
        LISTING.cursor(token)

    assert (refused.value.reason, refused.value.field) == (
        Reason.INVALID_PAGE_TOKEN,
        "page_token",
    )


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        pytest.param(0, PAGE_SIZE_DEFAULT, id="the server's choice"),
        pytest.param(1, 1, id="least"),
        pytest.param(1000, 1000, id="most"),
    ],
)
def test_a_page_has_the_size_that_was_asked_for(asked: int, size: int) -> None:
    assert PageRequest(asked).checked_size() == size


@pytest.mark.parametrize("asked", [-1, 1001])
def test_a_page_of_another_size_is_refused(asked: int) -> None:
    with pytest.raises(Rejection) as refused:
        PageRequest(asked).checked_size()

    assert (refused.value.reason, refused.value.field) == (Reason.INVALID_ARGUMENT, "page_size")
