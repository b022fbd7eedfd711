"""JSON documents: Python values on this side, JSON text on the wire."""

import json
from typing import Any, Final, TypeAlias

from stepraft.client.errors import DocumentError

Json: TypeAlias = Any
"""None, a bool, int, float, str, list or dict of such; Any, so that reading one needs no casts."""

EMPTY_OBJECT: Final[Any] = type("EmptyObject", (), {"__repr__": lambda _: "{}"})()
"""Stands for `{}` where no document is given."""


class JsonText(str):
    """JSON text that is passed on as it is: `JsonText('{"total": 1.10}')`."""

    __slots__ = ()


def dumps(value: Json, what: str) -> str:
    """Return `value` as compact JSON text; `what` names it in the error.

    Errors: DocumentError for NaN and infinities, for what JSON does not know, and for what has no
    UTF-8 form.
    """
    if isinstance(value, JsonText):
        return value
    if value is EMPTY_OBJECT:
        return "{}"
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise DocumentError(f"{what} cannot be written as JSON: {error}") from error
    return text


def loads(text: str) -> Json:
    """Return the value of a document that the server sent; None for one that is not there."""
    return json.loads(text) if text else None
