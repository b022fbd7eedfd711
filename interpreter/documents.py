"""JSON documents: the values that flow through a workflow, and their one encoding.

Between states a document is JSON text (`JsonText`, compact UTF-8). `parse_input` is the strict door
through which documents of clients come in; what passed it can be read with `loads` for ever after.
A value that `loads` returns is shared by all who ask for the same text: never change it in place.

Source: https://www.rfc-editor.org/rfc/rfc8259 and https://www.rfc-editor.org/rfc/rfc7493 (I-JSON)
"""

import json
import math
from collections.abc import Callable
from functools import lru_cache
from itertools import accumulate
from typing import Any, Final, TypeAlias

import msgspec

from stepraft.interpreter.errors import (
    DATA_LIMIT_EXCEEDED,
    RUNTIME,
    LanguageError,
    Reason,
    Rejection,
)

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
JsonText: TypeAlias = bytes
"""A document as compact JSON in UTF-8, characters beyond ASCII unescaped."""

DEPTH_MAX: Final = 256
"""Levels of arrays and objects that a document inside a workflow may nest."""

INPUT_DEPTH_MAX: Final = 128
"""Levels that a client's document may nest: half of DEPTH_MAX, so that states can wrap it."""

EXPANDED_SIZE_MAX: Final = 16 * 1024 * 1024
"""Bytes that a value may have as text before it counts as a bomb; see `require_bounded`."""


SHOWN_LENGTH_MAX: Final = 8192
"""Characters of a document that an error's text shows."""


def dumps(value: Json) -> JsonText:
    """Return `value` as compact UTF-8; floats keep their shortest exact form.

    Raises LanguageError (States.Runtime) for NaN, infinities, lone surrogates and values that nest
    deeper than DEPTH_MAX.
    """
    text = _encoded(value, _ENCODER.encode)
    if text.count(b"[") + text.count(b"{") > DEPTH_MAX and depth_of(text) > DEPTH_MAX:
        raise _too_deep()
    # The encoder writes NaN and infinities as null, so only a text with null needs a search.
    if b"null" in text and _holds_non_finite(value):
        raise LanguageError(RUNTIME, "A number of the document is not finite.")
    return text


def loads(text: JsonText) -> Json:
    """Return the document of a text that `dumps` made: shared, not to be changed."""
    size = len(text)
    for size_max, load in _CACHES:
        if size <= size_max:
            return load(text)
    return _decode(text)


def canonical(value: Json) -> bytes:
    """Return a text that is the same for documents that differ only in the order of keys."""
    return _encoded(value, _SORTING_ENCODER.encode)


def equal(left: Json, right: Json) -> bool:
    """JSON equality: 1 equals 1.0, true differs from 1, the order of keys does not matter."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict):
        return isinstance(right, dict) and _equal_objects(left, right)
    if isinstance(left, list):
        return isinstance(right, list) and _equal_arrays(left, right)
    return left == right


def shown(value: Json) -> str:
    """Return a value as compact JSON for an error's text; the end of a long one is cut off."""
    text = dumps(value).decode()
    return text if len(text) <= SHOWN_LENGTH_MAX else f"{text[:SHOWN_LENGTH_MAX]}…"


def require_bounded(value: Json) -> None:
    """Refuse a value that is small in memory, since it shares parts, but huge or deep as text.

    Visits each distinct part once. Raises LanguageError: States.DataLimitExceeded over
    EXPANDED_SIZE_MAX bytes, States.Runtime over DEPTH_MAX levels.
    """
    if _expanded_size(value, {}, 0) > EXPANDED_SIZE_MAX:
        raise LanguageError(
            DATA_LIMIT_EXCEEDED,
            f"A value expands to more than {EXPANDED_SIZE_MAX} bytes of JSON text.",
        )


def parse_input(
    text: bytes | str, *, field: str, size_max: int, depth_max: int = INPUT_DEPTH_MAX
) -> Json:
    """Return the document that a client sent in the request field `field`, or refuse it.

    `size_max` counts bytes of UTF-8. Raises Rejection: PAYLOAD_TOO_LARGE, NESTING_TOO_DEEP,
    DUPLICATE_KEY, or INVALID_INPUT for text that is not JSON, is not UTF-8, or holds NaN, numbers
    beyond IEEE double or lone surrogates.
    """
    encoded, decoded = _both_forms(text, field)
    if len(encoded) > size_max:
        raise Rejection(
            Reason.PAYLOAD_TOO_LARGE,
            f"{field} has {len(encoded)} bytes; at most {size_max} are allowed",
            field,
        )
    if encoded.count(b"[") + encoded.count(b"{") > depth_max and depth_of(encoded) > depth_max:
        raise Rejection(
            Reason.NESTING_TOO_DEEP, f"{field} nests deeper than {depth_max} levels", field
        )
    try:
        value: Json = _STRICT_DECODER.decode(decoded)
    except _DuplicateKey as duplicate:
        raise Rejection(
            Reason.DUPLICATE_KEY,
            f"{field} names the key {duplicate.key!r} twice in one object",
            field,
        ) from None
    except json.JSONDecodeError as error:
        raise Rejection(
            Reason.INVALID_INPUT,
            f"{field} is not valid JSON: {error.msg} at line {error.lineno} column {error.colno}"
            f" (character {error.pos})",
            field,
        ) from None
    except ValueError as error:
        raise Rejection(
            Reason.INVALID_INPUT, f"{field} is not valid JSON: {error}", field
        ) from None
    if "\\u" in decoded and _holds_surrogate(value):
        raise Rejection(
            Reason.INVALID_INPUT, f"{field} holds a lone surrogate, which is no character", field
        )
    return value


def depth_of(text: bytes) -> int:
    """Return how many levels of arrays and objects a JSON text nests; needs no valid JSON."""
    unescaped = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside_strings = b"".join(unescaped.split(b'"')[::2])
    brackets = outside_strings.translate(None, _NOT_BRACKETS)
    return max(accumulate(map(_STEP_OF_BRACKET.__getitem__, brackets)), default=0)


def type_name(value: Json) -> str:
    """Return JSON's word for the type of a value."""
    return _TYPE_NAMES[type(value)]


_TYPE_NAMES: Final[dict[type, str]] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}

_ENCODER: Final = msgspec.json.Encoder()
_SORTING_ENCODER: Final = msgspec.json.Encoder(order="sorted")
_DECODER: Final = msgspec.json.Decoder()


def _equal_objects(left: dict[str, Json], right: dict[str, Json]) -> bool:
    if left.keys() != right.keys():
        return False
    for key, value in left.items():  # noqa: SIM110 - a generator would double the stack's depth
        if not equal(value, right[key]):
            return False
    return True


def _equal_arrays(left: list[Json], right: list[Json]) -> bool:
    if len(left) != len(right):
        return False
    for a, b in zip(left, right, strict=True):  # noqa: SIM110 - likewise
        if not equal(a, b):
            return False
    return True


def _encoded(value: Json, encode: Callable[[Any], bytes]) -> bytes:
    try:
        return encode(value)
    except RecursionError:
        raise _too_deep() from None
    except UnicodeEncodeError:
        raise LanguageError(
            RUNTIME, "A string of the document holds a lone surrogate, which is no character."
        ) from None


def _too_deep() -> LanguageError:
    return LanguageError(RUNTIME, f"The document nests deeper than {DEPTH_MAX} levels.")


def _holds_non_finite(value: Json) -> bool:
    waiting = [value]
    while waiting:
        current = waiting.pop()
        if isinstance(current, float) and not math.isfinite(current):
            return True
        if isinstance(current, (dict, list)):
            waiting.extend(current.values() if isinstance(current, dict) else current)
    return False


def _holds_surrogate(value: Json) -> bool:
    try:
        _ENCODER.encode(value)
    except UnicodeEncodeError:
        return True
    return False


def _expanded_size(value: Json, known: dict[int, int], depth: int) -> int:
    """A lower bound of the bytes of `value` as text; `known` holds sizes of containers by id."""
    if isinstance(value, str):
        return len(value) + 2
    if not isinstance(value, (dict, list)):
        return 1
    size = known.get(id(value))
    if size is None:
        if depth >= DEPTH_MAX:
            raise _too_deep()
        size = 2
        for item in value.values() if isinstance(value, dict) else value:
            size += _expanded_size(item, known, depth + 1) + 1
        if isinstance(value, dict):
            size += sum(map(len, value)) + 3 * len(value)
        known[id(value)] = size
    return size


def _decode(text: JsonText) -> Json:
    value: Json = _DECODER.decode(text)
    return value


# Bytes bound each cache: entries x size_max is 4 MiB in every row.
_CACHES: Final = (
    (1024, lru_cache(maxsize=4096)(_decode)),
    (16 * 1024, lru_cache(maxsize=256)(_decode)),
    (256 * 1024, lru_cache(maxsize=16)(_decode)),
)

_STEP_OF_BRACKET: Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NOT_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in _STEP_OF_BRACKET)


class _DuplicateKey(Exception):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _both_forms(text: bytes | str, field: str) -> tuple[bytes, str]:
    try:
        if isinstance(text, str):
            return text.encode(), text
        return text, text.decode()
    except (UnicodeDecodeError, UnicodeEncodeError) as error:
        raise Rejection(
            Reason.INVALID_INPUT, f"{field} is not valid UTF-8: {error.reason}", field
        ) from None


def _object_without_duplicates(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _DuplicateKey(key)
            seen.add(key)
    return members


def _finite_float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"the number {digits[:40]} is beyond the range of IEEE double")
    return number


def _no_constant(name: str) -> Json:
    raise ValueError(f"{name} is no JSON value")


_STRICT_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object_without_duplicates,
    parse_float=_finite_float,
    parse_constant=_no_constant,
)
