"""Values as text, the way the language writes them: numbers as in JavaScript, at 15 digits."""

import json
import math
from typing import Final

from stepraft.interpreter.expressions.jsonata.errors import JsonataError
from stepraft.interpreter.expressions.jsonata.frames import Run
from stepraft.interpreter.expressions.jsonata.values import UNDEFINED, Function, Value, is_number

_PLAIN_BELOW: Final = 21
_PLAIN_ABOVE: Final = -7
_DIGITS: Final = 15


def number_text(value: float) -> str:
    """Return a number as JavaScript writes it: plain from 1e-6 up to 1e21."""
    if type(value) is int:
        return str(value)
    if value.is_integer() and "e" not in repr(value):
        return str(int(value))
    digits, power = _digits_of(value)
    sign = "-" if value < 0 else ""
    if _PLAIN_ABOVE < power < _PLAIN_BELOW:
        return sign + _plain(digits, power)
    rest = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{rest}e{power:+d}"


def rounded_text(value: float) -> str:
    """Return a number at the 15 digits that the language shows."""
    if type(value) is int:
        return str(value)
    return number_text(float(f"{value:.{_DIGITS - 1}e}"))


def text_of(run: Run, value: Value, *, pretty: bool = False) -> str:
    """Return a value as `$string` does. Errors: JsonataError D3001, U1001."""
    if isinstance(value, str):
        return value
    if value is UNDEFINED or isinstance(value, Function):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if is_number(value):
        if not math.isfinite(value):
            raise JsonataError("D3001", value=value)
        return rounded_text(value)
    if value is None:
        return "null"
    writer = _Writer(run, pretty=pretty)
    writer.write(value, 0)
    return "".join(writer.parts)


class _Writer:
    """Writes JSON text piece by piece, and counts it."""

    def __init__(self, run: Run, *, pretty: bool) -> None:
        self.parts: list[str] = []
        self._run = run
        self._pretty = pretty
        self._length = 0

    def write(self, value: Value, depth: int) -> None:
        if isinstance(value, list):
            self._members("[", "]", [("", item) for item in value], depth)
        elif isinstance(value, dict):
            gap = '": ' if self._pretty else '":'
            members = [
                (f"{json.dumps(key, ensure_ascii=False)[:-1]}{gap}", item)
                for key, item in value.items()
                if item is not UNDEFINED
            ]
            self._members("{", "}", members, depth)
        else:
            self._add(self._scalar(value))

    def _scalar(self, value: Value) -> str:
        if isinstance(value, str):
            return json.dumps(value, ensure_ascii=False)
        if isinstance(value, Function):
            return '""'
        return text_of(self._run, value)

    def _members(
        self, opening: str, closing: str, members: list[tuple[str, Value]], depth: int
    ) -> None:
        self._run.spend(1)
        self._add(opening)
        line = "\n" + "  " * (depth + 1) if self._pretty else ""
        for place, (head, item) in enumerate(members):
            self._add(f"{',' if place else ''}{line}{head}")
            self.write(item, depth + 1)
        if members and self._pretty:
            self._add("\n" + "  " * depth)
        self._add(closing)

    def _add(self, part: str) -> None:
        self._length += len(part)
        self._run.spend_on_text(self._length if self._length > 1 << 20 else 0)
        self.parts.append(part)


def _digits_of(value: float) -> tuple[str, int]:
    """Return the shortest digits of a number and the power of ten of the first."""
    mantissa, exponent = f"{abs(value)!r}", 0
    if "e" in mantissa:
        mantissa, _, power = mantissa.partition("e")
        exponent = int(power)
    whole, _, fraction = mantissa.partition(".")
    digits = whole + fraction
    leading = len(digits) - len(digits.lstrip("0"))
    stripped = digits.lstrip("0").rstrip("0") or "0"
    return stripped, exponent + len(whole) - 1 - leading


def _plain(digits: str, power: int) -> str:
    if power < 0:
        return "0." + "0" * (-power - 1) + digits
    if len(digits) <= power + 1:
        return digits.ljust(power + 1, "0")
    return f"{digits[: power + 1]}.{digits[power + 1 :]}"
