"""The functions on numbers and truth values.

Source: https://docs.jsonata.org/numeric-functions and /aggregation-functions
"""

import math
import re
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

from stepraft.interpreter.expressions.jsonata.errors import JsonataError
from stepraft.interpreter.expressions.jsonata.frames import Run
from stepraft.interpreter.expressions.jsonata.integer_pictures import format_integer, parse_integer
from stepraft.interpreter.expressions.jsonata.library import Definition
from stepraft.interpreter.expressions.jsonata.number_pictures import format_number
from stepraft.interpreter.expressions.jsonata.values import UNDEFINED, Value, number, truth

_DECIMAL: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([Ee][-+]?[0-9]+)?")
_RADIX: Final = re.compile(r"0x[0-9a-fA-F]+|0X[0-9a-fA-F]+|0b[01]+|0B[01]+|0o[0-7]+|0O[0-7]+")
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_PRECISION: Final = Context(prec=400, rounding=ROUND_HALF_EVEN)
_TEXT_MAX: Final = 400


def _number(run: Run, value: Value) -> Value:
    if value is UNDEFINED:
        return UNDEFINED
    if isinstance(value, bool):
        return int(value)
    if not isinstance(value, str):
        return number(value)
    try:
        if len(value) <= _TEXT_MAX and _DECIMAL.fullmatch(value) is not None:
            return number(float(value) if re.search(r"[.eE]", value) else int(value))
        if len(value) <= _TEXT_MAX and _RADIX.fullmatch(value) is not None:
            return number(int(value, 0))
    except JsonataError:
        pass
    raise JsonataError("D3030", value=value)


def _abs(run: Run, value: Value) -> Value:
    return UNDEFINED if value is UNDEFINED else abs(value)


def _floor(run: Run, value: Value) -> Value:
    return UNDEFINED if value is UNDEFINED else number(math.floor(value))


def _ceil(run: Run, value: Value) -> Value:
    return UNDEFINED if value is UNDEFINED else number(math.ceil(value))


def _round(run: Run, value: Value, precision: Value) -> Value:
    if value is UNDEFINED:
        return UNDEFINED
    places = 0 if precision is UNDEFINED else max(-_TEXT_MAX, min(_TEXT_MAX, int(precision)))
    exponent = Decimal(1).scaleb(-places)
    return number(float(Decimal(repr(value)).quantize(exponent, context=_PRECISION)))


def _sqrt(run: Run, value: Value) -> Value:
    if value is UNDEFINED:
        return UNDEFINED
    if value < 0:
        raise JsonataError("D3060", value=value)
    return number(math.sqrt(value))


def _power(run: Run, base: Value, exponent: Value) -> Value:
    if base is UNDEFINED:
        return UNDEFINED
    try:
        result = math.pow(base, exponent)
    except (OverflowError, ValueError, ZeroDivisionError):
        raise JsonataError("D3061", value=base, value2=exponent) from None
    return number(result)


def _sum(run: Run, values: Value) -> Value:
    if values is UNDEFINED:
        return UNDEFINED
    run.spend(len(values))
    return number(sum(values))


def _max(run: Run, values: Value) -> Value:
    return UNDEFINED if values is UNDEFINED or not values else max(values)


def _min(run: Run, values: Value) -> Value:
    return UNDEFINED if values is UNDEFINED or not values else min(values)


def _average(run: Run, values: Value) -> Value:
    if values is UNDEFINED or not values:
        return UNDEFINED
    run.spend(len(values))
    return number(sum(values) / len(values))


def _format_base(run: Run, value: Value, radix: Value) -> Value:
    if value is UNDEFINED:
        return UNDEFINED
    whole = int(_round(run, value, UNDEFINED))
    base = 10 if radix is UNDEFINED else int(_round(run, radix, UNDEFINED))
    if not 2 <= base <= len(_DIGITS):
        raise JsonataError("D3100", value=base)
    digits, rest = "", abs(whole)
    while rest or not digits:
        rest, digit = divmod(rest, base)
        digits = _DIGITS[digit] + digits
    return f"-{digits}" if whole < 0 else digits


def _format_number(run: Run, value: Value, picture: Value, options: Value) -> Value:
    if value is UNDEFINED:
        return UNDEFINED
    return format_number(value, picture, {} if options is UNDEFINED else options)


def _format_integer(run: Run, value: Value, picture: Value) -> Value:
    return UNDEFINED if value is UNDEFINED else format_integer(value, picture)


def _parse_integer(run: Run, text: Value, picture: Value) -> Value:
    return UNDEFINED if text is UNDEFINED else parse_integer(text, picture)


def _boolean(run: Run, value: Value) -> Value:
    return UNDEFINED if value is UNDEFINED else truth(value)


def _not(run: Run, value: Value) -> Value:
    return UNDEFINED if value is UNDEFINED else not truth(value)


def _exists(run: Run, value: Value) -> Value:
    return value is not UNDEFINED


FUNCTIONS: Final[dict[str, Definition]] = {
    "number": ("<(nsb)-:n>", _number, 1),
    "abs": ("<n-:n>", _abs, 1),
    "floor": ("<n-:n>", _floor, 1),
    "ceil": ("<n-:n>", _ceil, 1),
    "round": ("<n-n?:n>", _round, 2),
    "sqrt": ("<n-:n>", _sqrt, 1),
    "power": ("<n-n:n>", _power, 2),
    "sum": ("<a<n>:n>", _sum, 1),
    "max": ("<a<n>:n>", _max, 1),
    "min": ("<a<n>:n>", _min, 1),
    "average": ("<a<n>:n>", _average, 1),
    "formatBase": ("<n-n?:s>", _format_base, 2),
    "formatNumber": ("<n-so?:s>", _format_number, 3),
    "formatInteger": ("<n-s:s>", _format_integer, 2),
    "parseInteger": ("<s-s:n>", _parse_integer, 2),
    "boolean": ("<x-:b>", _boolean, 1),
    "not": ("<x-:b>", _not, 1),
    "exists": ("<x:b>", _exists, 1),
}
"""Signature, implementation and how many arguments it looks at, by name."""
