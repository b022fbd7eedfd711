"""The 18 intrinsic functions, as a table from name to what they take and do.

Each function gets its arguments as values and returns a value; what it refuses it raises as
`IntrinsicError`, and the call turns that into States.IntrinsicFailure.

Source: https://states-language.net/spec.html#appendix-b
"""

import base64
import binascii
import hashlib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from stepraft.interpreter.documents import (
    Json,
    canonical,
    dumps,
    equal,
    parse_input,
    require_bounded,
    type_name,
)
from stepraft.interpreter.errors import Rejection
from stepraft.interpreter.expressions.environment import Environment, uuid_of
from stepraft.interpreter.expressions.java_random import JavaRandom

TEXT_SIZE_MAX: Final = 10_000
"""Characters that States.Base64Encode, States.Base64Decode and States.Hash take."""

FORMATTED_SIZE_MAX: Final = 1024 * 1024
"""Characters that States.Format may make."""

CHARACTERS_PER_STEP: Final = 16
"""Characters of text whose handling counts as one step of work."""

RANGE_LENGTH_MAX: Final = 1_000
"""Elements that States.ArrayRange may make."""

INTEGER_MIN: Final = -(2**31)
INTEGER_MAX: Final = 2**31 - 1


class IntrinsicError(Exception):
    """A function refuses its arguments; the message says why."""


Arguments: TypeAlias = Sequence[Json]


@dataclass(frozen=True, slots=True)
class Intrinsic:
    """One function: how many arguments it takes (`count_max` None: any number) and its body."""

    count_min: int
    count_max: int | None
    apply: Callable[[Arguments, Environment], Json]

    def takes(self, count: int) -> bool:
        """Whether the function can be called with so many arguments."""
        return self.count_min <= count and (self.count_max is None or count <= self.count_max)


def _format(arguments: Arguments, environment: Environment) -> Json:
    pieces = _PLACEHOLDER_OR_ESCAPE.split(_string(arguments[0], "template"))
    values = [_formatted(value) for value in arguments[1:]]
    placeholders = pieces.count("{}")
    if placeholders != len(values):
        raise IntrinsicError(
            f"the template has {placeholders} placeholders, but {len(values)} values are given"
        )
    size = sum(map(len, pieces)) - placeholders * len("{}") + sum(map(len, values))
    environment.spend(size // CHARACTERS_PER_STEP)
    if size > FORMATTED_SIZE_MAX:
        raise IntrinsicError(f"the text has more than {FORMATTED_SIZE_MAX} characters")
    remaining = iter(values)
    return "".join(
        next(remaining) if piece == "{}" else _ESCAPED.sub(r"\1", piece) for piece in pieces
    )


_PLACEHOLDER_OR_ESCAPE: Final = re.compile(r"(\{\}|\\.)", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(['{}\\])")


def _formatted(value: Json) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (list, dict)):
        raise IntrinsicError(
            f"values are strings, numbers, booleans or null, but one is an {type_name(value)}"
        )
    return dumps(value).decode()


def _string_to_json(arguments: Arguments, environment: Environment) -> Json:
    text = _string(arguments[0], "argument")
    environment.spend(len(text) // CHARACTERS_PER_STEP)
    if not text.strip():
        return None
    try:
        return parse_input(text, field="the string", size_max=FORMATTED_SIZE_MAX)
    except Rejection as rejection:
        raise IntrinsicError(rejection.text) from None


def _json_to_string(arguments: Arguments, environment: Environment) -> Json:
    require_bounded(arguments[0])
    environment.spend_on_all_of(arguments[0])
    text = dumps(arguments[0]).decode()
    environment.spend(len(text) // CHARACTERS_PER_STEP)
    return text


def _array(arguments: Arguments, _: Environment) -> Json:
    return list(arguments)


def _array_partition(arguments: Arguments, environment: Environment) -> Json:
    items = _list(arguments[0])
    environment.spend(len(items))
    size = _integer(arguments[1], "chunk size")
    if size < 1:
        raise IntrinsicError(f"the chunk size is {size}, but must be positive")
    return [items[start : start + size] for start in range(0, len(items), size)]


def _array_contains(arguments: Arguments, environment: Environment) -> Json:
    environment.spend_on_all_of(arguments[0])
    return any(equal(item, arguments[1]) for item in _list(arguments[0]))


def _array_range(arguments: Arguments, environment: Environment) -> Json:
    first = _integer(arguments[0], "first number")
    last = _integer(arguments[1], "last number")
    step = _integer(arguments[2], "increment")
    if step == 0:
        raise IntrinsicError("the increment must not be 0")
    numbers = range(first, last + (1 if step > 0 else -1), step)
    if len(numbers) > RANGE_LENGTH_MAX:
        raise IntrinsicError(
            f"the range has {len(numbers)} elements, but at most {RANGE_LENGTH_MAX} are allowed"
        )
    environment.spend(len(numbers))
    return list(numbers)


def _array_get_item(arguments: Arguments, _: Environment) -> Json:
    items = _list(arguments[0])
    index = _integer(arguments[1], "index")
    if not 0 <= index < len(items):
        raise IntrinsicError(f"the index is {index}, but the array has {len(items)} elements")
    return items[index]


def _array_length(arguments: Arguments, _: Environment) -> Json:
    return len(_list(arguments[0]))


def _array_unique(arguments: Arguments, environment: Environment) -> Json:
    require_bounded(arguments[0])
    environment.spend_on_all_of(arguments[0])
    unique: dict[bytes, Json] = {}
    for item in _list(arguments[0]):
        unique.setdefault(canonical(_with_whole_numbers(item)), item)
    return list(unique.values())


def _with_whole_numbers(value: Json) -> Json:
    """The value with 1.0 as 1, so that equal values have one canonical text."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_with_whole_numbers(item) for item in value]
    if isinstance(value, dict):
        return {key: _with_whole_numbers(item) for key, item in value.items()}
    return value


def _base64_encode(arguments: Arguments, _: Environment) -> Json:
    return base64.b64encode(_short_string(arguments[0]).encode()).decode()


def _base64_decode(arguments: Arguments, _: Environment) -> Json:
    try:
        return base64.b64decode(_short_string(arguments[0]), validate=True).decode()
    except (binascii.Error, ValueError):
        raise IntrinsicError("the argument is no Base64 of UTF-8 text") from None


def _hash(arguments: Arguments, environment: Environment) -> Json:
    value, algorithm = arguments
    digest = _HASHES.get(algorithm) if isinstance(algorithm, str) else None
    if digest is None:
        raise IntrinsicError(f"the algorithm must be one of {', '.join(_HASHES)}")
    text = value if isinstance(value, str) else _json_to_string(arguments, environment)
    return digest(_short_string(text).encode()).hexdigest()


_HASHES: Final[Mapping[str, Callable[[bytes], "hashlib._Hash"]]] = {
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False),
    "SHA-1": lambda data: hashlib.sha1(data, usedforsecurity=False),
    "SHA-256": hashlib.sha256,
    "SHA-384": hashlib.sha384,
    "SHA-512": hashlib.sha512,
}


def _json_merge(arguments: Arguments, environment: Environment) -> Json:
    first, second, deep = arguments
    if not isinstance(first, dict) or not isinstance(second, dict):
        raise IntrinsicError("the first two arguments must be objects")
    if deep is not False:
        raise IntrinsicError("the third argument must be false: only shallow merging is supported")
    environment.spend(len(first) + len(second))
    return {**first, **second}


def _math_random(arguments: Arguments, environment: Environment) -> Json:
    start, end = _integer(arguments[0], "start"), _integer(arguments[1], "end")
    if not 0 < end - start <= INTEGER_MAX:
        raise IntrinsicError(f"the end {end} must be above the start {start}, by less than 2^31")
    if len(arguments) == 3:
        return start + JavaRandom(_integer(arguments[2], "seed")).next_below(end - start)
    return start + int.from_bytes(environment.draw()) % (end - start)


def _math_add(arguments: Arguments, _: Environment) -> Json:
    total = _integer(arguments[0], "first number") + _integer(arguments[1], "second number")
    if not INTEGER_MIN <= total <= INTEGER_MAX:
        raise IntrinsicError(f"the sum {total} is outside {INTEGER_MIN} to {INTEGER_MAX}")
    return total


def _string_split(arguments: Arguments, environment: Environment) -> Json:
    text = _string(arguments[0], "first argument")
    separators = _string(arguments[1], "second argument")
    pieces = re.split(f"[{re.escape(separators)}]", text) if separators else [text]
    environment.spend(len(text) // CHARACTERS_PER_STEP + len(pieces))
    return [piece for piece in pieces if piece]


def _uuid(_: Arguments, environment: Environment) -> Json:
    return uuid_of(environment.draw())


def _string(value: Json, role: str) -> str:
    if not isinstance(value, str):
        raise IntrinsicError(f"the {role} must be a string, but is {type_name(value)}")
    return value


def _short_string(value: Json) -> str:
    text = _string(value, "argument")
    if len(text) > TEXT_SIZE_MAX:
        raise IntrinsicError(
            f"the text has {len(text)} characters, but at most {TEXT_SIZE_MAX} are allowed"
        )
    return text


def _list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise IntrinsicError(f"the first argument must be an array, but is {type_name(value)}")
    return value


def _integer(value: Json, role: str) -> int:
    """The number rounded half up, as java.lang.Math.round does."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise IntrinsicError(f"the {role} must be a number, but is {type_name(value)}")
    number = math.floor(value + 0.5) if isinstance(value, float) else value
    if not INTEGER_MIN <= number <= INTEGER_MAX:
        raise IntrinsicError(f"the {role} is outside {INTEGER_MIN} to {INTEGER_MAX}")
    return number


INTRINSICS: Final[Mapping[str, Intrinsic]] = {
    "Format": Intrinsic(1, None, _format),
    "StringToJson": Intrinsic(1, 1, _string_to_json),
    "JsonToString": Intrinsic(1, 1, _json_to_string),
    "Array": Intrinsic(0, None, _array),
    "ArrayPartition": Intrinsic(2, 2, _array_partition),
    "ArrayContains": Intrinsic(2, 2, _array_contains),
    "ArrayRange": Intrinsic(3, 3, _array_range),
    "ArrayGetItem": Intrinsic(2, 2, _array_get_item),
    "ArrayLength": Intrinsic(1, 1, _array_length),
    "ArrayUnique": Intrinsic(1, 1, _array_unique),
    "Base64Encode": Intrinsic(1, 1, _base64_encode),
    "Base64Decode": Intrinsic(1, 1, _base64_decode),
    "Hash": Intrinsic(2, 2, _hash),
    "JsonMerge": Intrinsic(3, 3, _json_merge),
    "MathRandom": Intrinsic(2, 3, _math_random),
    "MathAdd": Intrinsic(2, 2, _math_add),
    "StringSplit": Intrinsic(2, 2, _string_split),
    "UUID": Intrinsic(0, 0, _uuid),
}
"""Every intrinsic function by its name without `States.`."""
