"""The rules for the fields of requests."""

import pytest

from stepraft.interpreter.errors import Reason, Rejection
from stepraft.server.service import checks
from stepraft.server.service.callers import ANYBODY, within


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("a", id="one character"),
        pytest.param("x" * 80, id="80 characters"),
        pytest.param("order-flow_2.1", id="punctuation"),
        pytest.param("Bestellung!(neu)='@+", id="what AWS allows"),
        pytest.param("größe", id="beyond ASCII"),
    ],
)
def test_a_name_by_the_rule_is_taken(name: str) -> None:
    assert checks.name(name, "name") == name


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="empty"),
        pytest.param("x" * 81, id="81 characters"),
        *(
            pytest.param(f"a{character}b", id=f"U+{ord(character):04X}")
            for character in ' \t\n\0\x1f\x7f\x9f<>{}[]?*"#%\\^|~`$&,;:/\ufffe\uffff\ud800\udfff'
        ),
    ],
)
def test_a_name_that_breaks_the_rule_is_refused(name: str) -> None:
    with pytest.raises(Rejection) as refused:
        checks.name(name, "workflow")

    assert (refused.value.reason, refused.value.field) == (Reason.INVALID_NAME, "workflow")


@pytest.mark.parametrize(
    ("text", "space"),
    [
        pytest.param("", "default", id="none is the default"),
        pytest.param("shop-1.eu_west", "shop-1.eu_west", id="named"),
    ],
)
def test_a_namespace_by_the_rule_is_taken(text: str, space: str) -> None:
    assert checks.namespace(text) == space


@pytest.mark.parametrize("text", [" ", "a/b", "-a", "a\0", "ä", "a\n", "x" * 81])
def test_a_namespace_that_breaks_the_rule_is_refused(text: str) -> None:
    with pytest.raises(Rejection) as refused:
        checks.namespace(text)

    assert (refused.value.reason, refused.value.field) == (Reason.INVALID_NAME, "namespace")


@pytest.mark.parametrize("key", ["", "k", "x" * 128, "order 17/ä"])
def test_an_idempotency_key_by_the_rule_is_taken(key: str) -> None:
    assert checks.idempotency_key(key) == key


@pytest.mark.parametrize("key", ["x" * 129, "a\0", "a\n", "\x7f", "\ud800"])
def test_an_idempotency_key_that_breaks_the_rule_is_refused(key: str) -> None:
    with pytest.raises(Rejection) as refused:
        checks.idempotency_key(key)

    assert (refused.value.reason, refused.value.field) == (
        Reason.INVALID_ARGUMENT,
        "idempotency_key",
    )


def test_an_execution_id_of_this_tenant_is_taken() -> None:
    identifier = "/default/shop/e0123456/0123456789abcdef"

    assert checks.execution_id(identifier, ANYBODY) == identifier


def test_a_request_that_speaks_of_one_namespace_finds_none_of_another() -> None:
    identifier = "/default/shop/e0123456/0123456789abcdef"
    assert checks.execution_id(identifier, within("shop")) == identifier

    with pytest.raises(Rejection) as refused:
        checks.execution_id(identifier, within("default"))

    assert (refused.value.reason, refused.value.field) == (
        Reason.EXECUTION_NOT_FOUND,
        "execution_id",
    )


@pytest.mark.parametrize(
    ("identifier", "reason"),
    [
        pytest.param("x", Reason.INVALID_ARGUMENT, id="no id"),
        pytest.param(
            "/default/shop/e0123456/0123456789abcdef\n", Reason.INVALID_ARGUMENT, id="line end"
        ),
        pytest.param(
            "/default/shop/t0123456/0123456789abcdef", Reason.INVALID_ARGUMENT, id="a task's"
        ),
        pytest.param(
            "/other/shop/e0123456/0123456789abcdef",
            Reason.EXECUTION_NOT_FOUND,
            id="another tenant's",
        ),
    ],
)
def test_another_id_is_refused(identifier: str, reason: Reason) -> None:
    with pytest.raises(Rejection) as refused:
        checks.execution_id(identifier, ANYBODY)

    assert (refused.value.reason, refused.value.field) == (reason, "execution_id")
