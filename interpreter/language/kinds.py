"""The kinds of values that fields hold: how each is checked, and what it is compiled to.

A kind is a function of the value, the name of its field and a `Report` for problems inside it. It
returns what the definition keeps, or raises `KindError` with the text of a diagnostic.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from stepraft.interpreter.definition import TIMEOUT_S_MAX, QueryLanguage
from stepraft.interpreter.documents import Json
from stepraft.interpreter.expressions.paths import (
    ExpressionSyntaxError,
    compile_path,
    compile_reference_path,
)
from stepraft.interpreter.expressions.reference_paths import compile_result_path
from stepraft.interpreter.expressions.templates import (
    INVALID_EXPRESSION,
    Report,
    compile_expression,
    compile_template,
)
from stepraft.interpreter.expressions.timestamps import to_unix_ns


class KindError(Exception):
    """The value is not of the kind; the message is the text of the diagnostic."""


Kind: TypeAlias = Callable[[Json, str, Report], Any]


def anything(value: Json, field: str, report: Report) -> Json:
    """Any JSON value, as it is."""
    return value


def text(value: Json, field: str, report: Report) -> str:
    """A string."""
    if not isinstance(value, str):
        raise _must_be(field, "a string")
    return value


def non_empty_text(value: Json, field: str, report: Report) -> str:
    """A string that is not empty."""
    if text(value, field, report) == "":
        raise KindError("Value cannot be empty")
    return str(value)


def boolean(value: Json, field: str, report: Report) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise _must_be(field, "a boolean")
    return value


def json_object(value: Json, field: str, report: Report) -> dict[str, Json]:
    """An object."""
    if not isinstance(value, dict):
        raise _must_be(field, "an object")
    return value


def array(value: Json, field: str, report: Report) -> list[Json]:
    """An array, which may be empty."""
    if not isinstance(value, list):
        raise _must_be(field, "an array")
    return value


def non_empty_array(value: Json, field: str, report: Report) -> list[Json]:
    """An array that is not empty."""
    items = array(value, field, report)
    if not items:
        raise KindError("Value cannot be empty")
    return items


def timestamp(value: Json, field: str, report: Report) -> str:
    """A timestamp of the language's profile of RFC 3339."""
    if to_unix_ns(text(value, field, report)) is None:
        raise KindError("String does not match RFC3339 timestamp")
    return str(value)


def path_or_null(value: Json, field: str, report: Report) -> Any:
    """A path, which may lead to many nodes, or null."""
    return None if value is None else path(value, field, report)


def path(value: Json, field: str, report: Report) -> Any:
    """A path, which may lead to many nodes."""
    return _compiled(compile_path, value, field, "must be a valid JSONPath")


def reference_path(value: Json, field: str, report: Report) -> Any:
    """A path that identifies a single node."""
    return _compiled(compile_reference_path, value, field, "must be a valid Reference Path")


def result_path_or_null(value: Json, field: str, report: Report) -> Any:
    """A reference path into the input, or null."""
    if value is None:
        return None
    return _compiled(compile_result_path, value, field, "must be a valid Reference Path")


def expression(value: Json, field: str, report: Report) -> Any:
    """A reference path or an intrinsic call."""
    try:
        return compile_expression(text(value, field, report))
    except ExpressionSyntaxError:
        raise KindError(INVALID_EXPRESSION.format(field=field)) from None


def template(value: Json, field: str, report: Report) -> Any:
    """A payload template."""
    return compile_template(value, report)


def object_template(value: Json, field: str, report: Report) -> Any:
    """A payload template that is an object."""
    return compile_template(json_object(value, field, report), report)


def one_of(*choices: str) -> Kind:
    """One of a few strings."""

    def choice(value: Json, field: str, report: Report) -> str:
        if not isinstance(value, str) or value not in choices:
            raise KindError(
                f"The field '{field}' should have one of these values: [{', '.join(choices)}]"
            )
        return value

    return choice


def query_language(value: Json, field: str, report: Report) -> QueryLanguage:
    """JSONPath or JSONata."""
    return QueryLanguage(one_of(*QueryLanguage)(value, field, report))


def integer(minimum: int, maximum: int) -> Kind:
    """A whole number in a range, both ends included."""

    def whole_number(value: Json, field: str, report: Report) -> int:
        whole = int(value) if isinstance(value, float) and value.is_integer() else value
        if isinstance(whole, bool) or not isinstance(whole, int):
            raise _must_be(field, "an integer")
        if not minimum <= whole <= maximum:
            raise _must_be(field, f"from {minimum} to {maximum}")
        return whole

    return whole_number


def number(value: Json, field: str, report: Report) -> int | float:
    """Any number, as it is."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _must_be(field, "a number")
    return value


def real(minimum: float, maximum: float) -> Kind:
    """A number in a range, both ends included."""

    def ranged(value: Json, field: str, report: Report) -> float:
        if not minimum <= number(value, field, report) <= maximum:
            raise _must_be(field, f"from {minimum:g} to {maximum:g}")
        return float(number(value, field, report))

    return ranged


positive_seconds: Final = integer(1, TIMEOUT_S_MAX)
non_negative_seconds: Final = integer(0, TIMEOUT_S_MAX)


def _compiled(compile_text: Callable[[str], Any], value: Json, field: str, rule: str) -> Any:
    problem = f"The value for the field '{field}' {rule}"
    if not isinstance(value, str):
        raise KindError(f"{problem}: it must be a string")
    try:
        return compile_text(value)
    except ExpressionSyntaxError as error:
        raise KindError(f"{problem}: {error}") from None


def _must_be(field: str, what: str) -> KindError:
    return KindError(f"The field '{field}' must be {what}")
