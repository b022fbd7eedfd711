"""The operators between two values."""

import math
from collections.abc import Callable
from typing import Final

from stepraft.interpreter.expressions.jsonata.errors import JsonataError
from stepraft.interpreter.expressions.jsonata.frames import Run
from stepraft.interpreter.expressions.jsonata.numerals import text_of
from stepraft.interpreter.expressions.jsonata.values import (
    UNDEFINED,
    Sequence,
    Value,
    equal,
    is_number,
    is_whole,
    number,
)

RANGE_MAX: Final = 10_000_000

Operation = Callable[[Run, Value, Value], Value]


def _numeric(symbol: str, combine: Callable[[float, float], float]) -> Operation:
    def operate(run: Run, left: Value, right: Value) -> Value:
        if left is not UNDEFINED and not is_number(left):
            raise JsonataError("T2001", token=symbol)
        if right is not UNDEFINED and not is_number(right):
            raise JsonataError("T2002", token=symbol)
        if left is UNDEFINED or right is UNDEFINED:
            return UNDEFINED
        return _finite(combine(number(left), number(right)))

    return operate


def _finite(value: float) -> float:
    """Return a result; one that is infinite is found out by whoever uses it."""
    return value if type(value) is float and not math.isfinite(value) else number(value)


def _divide(left: float, right: float) -> float:
    if right == 0:
        return math.nan if left == 0 else math.copysign(math.inf, left)
    return left / right


def _remainder(left: float, right: float) -> float:
    """Return the remainder with the sign of the dividend."""
    return math.nan if right == 0 else math.fmod(left, right)


def _ordered(symbol: str, compare: Callable[[Value, Value], bool]) -> Operation:
    def operate(run: Run, left: Value, right: Value) -> Value:
        for side in (left, right):
            if side is not UNDEFINED and not isinstance(side, str) and not is_number(side):
                raise JsonataError("T2010", token=symbol)
        if left is UNDEFINED or right is UNDEFINED:
            return UNDEFINED
        if isinstance(left, str) is not isinstance(right, str):
            raise JsonataError("T2009", token=symbol, value=left, value2=right)
        return compare(left, right)

    return operate


def _equals(run: Run, left: Value, right: Value) -> Value:
    return left is not UNDEFINED and right is not UNDEFINED and equal(left, right)


def _differs(run: Run, left: Value, right: Value) -> Value:
    return left is not UNDEFINED and right is not UNDEFINED and not equal(left, right)


def _concatenate(run: Run, left: Value, right: Value) -> Value:
    first, second = text_of(run, left), text_of(run, right)
    run.spend_on_text(len(first) + len(second))
    return first + second


def _in(run: Run, left: Value, right: Value) -> Value:
    if left is UNDEFINED or right is UNDEFINED:
        return False
    items = right if isinstance(right, list) else [right]
    run.spend(len(items))
    return any(equal(left, item) for item in items)


def _range(run: Run, left: Value, right: Value) -> Value:
    for side, code in ((left, "T2003"), (right, "T2004")):
        if side is not UNDEFINED and not is_whole(side):
            raise JsonataError(code)
    if left is UNDEFINED or right is UNDEFINED or left > right:
        return UNDEFINED
    size = int(right) - int(left) + 1
    if size > RANGE_MAX:
        raise JsonataError("D2014", value=size)
    run.spend(size)
    return Sequence(range(int(left), int(right) + 1))


OPERATIONS: Final[dict[str, Operation]] = {
    "+": _numeric("+", lambda left, right: left + right),
    "-": _numeric("-", lambda left, right: left - right),
    "*": _numeric("*", lambda left, right: left * right),
    "/": _numeric("/", _divide),
    "%": _numeric("%", _remainder),
    "<": _ordered("<", lambda left, right: left < right),
    "<=": _ordered("<=", lambda left, right: left <= right),
    ">": _ordered(">", lambda left, right: left > right),
    ">=": _ordered(">=", lambda left, right: left >= right),
    "=": _equals,
    "!=": _differs,
    "&": _concatenate,
    "in": _in,
    "..": _range,
}
"""The operators that always look at both sides."""
