"""The functions on times.

Source: https://docs.jsonata.org/date-time-functions
"""

import re
from typing import Final

from stepraft.interpreter.expressions.jsonata.date_parsing import parse_date, parse_iso
from stepraft.interpreter.expressions.jsonata.date_pictures import ISO_PICTURE, format_date
from stepraft.interpreter.expressions.jsonata.errors import JsonataError
from stepraft.interpreter.expressions.jsonata.frames import Run
from stepraft.interpreter.expressions.jsonata.library import Definition
from stepraft.interpreter.expressions.jsonata.values import UNDEFINED, Value

_ZONE: Final = re.compile(r"([+-]?)([0-9]{1,2}):?([0-9]{2})|Z?")


def _offset(zone: Value) -> int:
    """Return the minutes in `+0100`. Errors: JsonataError D3134."""
    if zone is UNDEFINED:
        return 0
    found = _ZONE.fullmatch(zone)
    if found is None:
        raise JsonataError("D3134", value=zone)
    if found[2] is None:
        return 0
    minutes = int(found[2]) * 60 + int(found[3])
    return -minutes if found[1] == "-" else minutes


def _from_millis(run: Run, millis: Value, picture: Value, zone: Value) -> Value:
    if millis is UNDEFINED:
        return UNDEFINED
    return format_date(int(millis), picture or ISO_PICTURE, _offset(zone))


def _to_millis(run: Run, text: Value, picture: Value) -> Value:
    if text is UNDEFINED:
        return UNDEFINED
    if picture is UNDEFINED:
        return parse_iso(text)
    return parse_date(text, picture, run.source.now_ms)


def _now(run: Run, picture: Value, zone: Value) -> Value:
    return _from_millis(run, run.source.now_ms, picture, zone)


def _millis(run: Run) -> Value:
    return run.source.now_ms


FUNCTIONS: Final[dict[str, Definition]] = {
    "fromMillis": ("<n-s?s?:s>", _from_millis, 3),
    "toMillis": ("<s-s?:n>", _to_millis, 2),
    "now": ("<s?s?:s>", _now, 2),
    "millis": ("<:n>", _millis, 0),
}
"""Signature, implementation and how many arguments it looks at, by name."""
