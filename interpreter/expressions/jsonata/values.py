"""The values of an evaluation: JSON, `UNDEFINED`, functions, and sequences.

A `Sequence` is an array that the language itself made while it walked through a document: one of a
single item stands for that item, and one in another dissolves. A `Built` array was written in the
expression, and stays whole as a step of a path.
"""

import math
from typing import Any, Final, TypeAlias

from stepraft.interpreter.expressions.jsonata.errors import JsonataError

Value: TypeAlias = Any
"""JSON as Python has it, or UNDEFINED, a Function, a Sequence."""


class _Undefined:
    """Nothing: neither a value nor null."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNDEFINED"

    def __bool__(self) -> bool:
        return False


UNDEFINED: Final = _Undefined()


class Sequence(list[Any]):
    """The results of a query. `keep_singleton`: one item does not stand for itself."""

    __slots__ = ("keep_singleton",)

    def __init__(self, items: Any = ()) -> None:
        super().__init__(items)
        self.keep_singleton = False


class Built(list[Any]):
    """An array from a constructor that is the first or last step of a path: not to be dissolved."""

    __slots__ = ()


class Outer(list[Any]):
    """The one array that holds an input which is an array, so that the input is one item."""

    __slots__ = ()


class Function:
    """What can be called: `arity` is how many arguments it looks at."""

    __slots__ = ("arity", "name")

    def __init__(self, name: str, arity: int) -> None:
        self.name = name
        self.arity = arity


_EXACT_MAX: Final = 1 << 53
_WHOLE_MAX: Final = 1e21


def number(value: float) -> float:
    """Return a number as a double has it: whole ones as int, as far as they print without an
    exponent. Errors: JsonataError D1001.
    """
    if type(value) is int:
        if -_EXACT_MAX <= value <= _EXACT_MAX:
            return value
        try:
            value = float(value)
        except OverflowError:
            raise JsonataError("D1001", value=value) from None
    if not math.isfinite(value):
        raise JsonataError("D1001", value=value)
    if value.is_integer() and -_WHOLE_MAX < value < _WHOLE_MAX:
        return int(value)
    return value


def is_number(value: Value) -> bool:
    """Whether a value is a number; a boolean is none."""
    kind = type(value)
    return kind is int or kind is float


def is_whole(value: Value) -> bool:
    """Whether a value is a number without a fraction."""
    return type(value) is int or (type(value) is float and value.is_integer())


def single(values: Sequence) -> Value:
    """Return what a sequence stands for."""
    if not values:
        return UNDEFINED
    if len(values) == 1 and not values.keep_singleton:
        return values[0]
    return values


def append(left: Value, right: Value) -> Value:
    """Return both as one array; one that is undefined adds nothing."""
    if left is UNDEFINED:
        return right
    if right is UNDEFINED:
        return left
    joined = Sequence(left) if isinstance(left, list) else Sequence([left])
    if isinstance(right, list):
        joined.extend(right)
    else:
        joined.append(right)
    return joined


def truth(value: Value) -> bool:
    """Return what a value means as a condition."""
    if isinstance(value, list):
        if len(value) == 1:
            return truth(value[0])
        return any(truth(item) for item in value)
    if value is None or value is UNDEFINED or isinstance(value, Function):
        return False
    return bool(value)


def equal(left: Value, right: Value) -> bool:
    """Whether two values are the same JSON; functions equal only themselves."""
    if isinstance(left, list):
        return isinstance(right, list) and len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, dict):
        return (
            isinstance(right, dict)
            and left.keys() == right.keys()
            and all(equal(item, right[key]) for key, item in left.items())
        )
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if left is None or right is None or left is UNDEFINED or right is UNDEFINED:
        return left is right
    return bool(left == right)


def lookup(value: Value, name: str) -> Value:
    """Return a field of an object, or of each object in an array."""
    if type(value) is dict:
        return value.get(name, UNDEFINED)
    if isinstance(value, list):
        found = Sequence()
        for item in value:
            inner = lookup(item, name)
            if isinstance(inner, list):
                found.extend(inner)
            elif inner is not UNDEFINED:
                found.append(inner)
        return found
    return UNDEFINED


def type_of(value: Value) -> str:
    """Return the name of a value's type, as `$type` gives it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if is_number(value):
        return "number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, list):
        return "array"
    return "function" if isinstance(value, Function) else "object"


def plain(value: Value) -> Value:
    """Return a value without marks of the evaluation: arrays are lists; functions become empty
    strings, as they do in JSON text of the language.
    """
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if item is not UNDEFINED}
    if isinstance(value, Function):
        return ""
    return value


def has_function(value: Value) -> bool:
    """Whether there is a function anywhere in a value."""
    if isinstance(value, list):
        return any(map(has_function, value))
    if isinstance(value, dict):
        return any(map(has_function, value.values()))
    return isinstance(value, Function)
