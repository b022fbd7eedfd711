"""Task tokens: read back as issued, and refused when anything about them was changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepraft.interpreter.errors import Reason, Rejection
from stepraft.server.service import tokens
from stepraft.server.service.signing import Signer
from stepraft.server.service.tokens import TaskToken

SIGNER = Signer(b"s" * 32)
TOKEN = TaskToken("/default/shop/t0123456/0123456789abcdef", 3, 30_000)


def test_a_token_says_what_was_issued() -> None:
    assert tokens.read(tokens.issue(TOKEN, SIGNER), SIGNER, "default") == TOKEN


@given(st.data())
def test_a_token_with_any_byte_changed_is_refused(data: st.DataObject) -> None:
    text = bytearray(tokens.issue(TOKEN, SIGNER))
    position = data.draw(st.integers(0, len(text) - 1))
    text[position] ^= data.draw(st.integers(1, 255))

    assert refusal_of(bytes(text)) is Reason.TASK_TOKEN_INVALID


@given(st.binary(max_size=100))
def test_what_was_never_issued_is_refused(text: bytes) -> None:
    assert refusal_of(text) is Reason.TASK_TOKEN_INVALID


@pytest.mark.parametrize(
    ("text", "tenant"),
    [
        pytest.param(tokens.issue(TOKEN, Signer(b"t" * 32)), "default", id="another cluster"),
        pytest.param(tokens.issue(TOKEN, SIGNER), "other", id="another tenant"),
        pytest.param(tokens.issue(TOKEN, SIGNER)[:-1], "default", id="cut off"),
        pytest.param(tokens.issue(TOKEN, SIGNER) + b"0", "default", id="longer"),
        pytest.param(b"", "default", id="empty"),
    ],
)
def test_a_token_of_elsewhere_is_refused(text: bytes, tenant: str) -> None:
    assert refusal_of(text, tenant) is Reason.TASK_TOKEN_INVALID


def refusal_of(text: bytes, tenant: str = "default") -> Reason:
    with pytest.raises(Rejection) as refused:
        tokens.read(text, SIGNER, tenant)
    assert refused.value.field == "token"
    return refused.value.reason
