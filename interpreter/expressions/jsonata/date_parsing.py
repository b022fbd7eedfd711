"""Times read by a picture, or as ISO 8601."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import regex

from stepraft.interpreter.expressions.jsonata import integer_pictures
from stepraft.interpreter.expressions.jsonata.date_pictures import (
    DAYS,
    MONTHS,
    Marker,
    analyse_date,
)
from stepraft.interpreter.expressions.jsonata.errors import JsonataError
from stepraft.interpreter.expressions.jsonata.regexes import TIMEOUT_S, TOO_LONG
from stepraft.interpreter.expressions.jsonata.values import UNDEFINED, Value

_ISO: Final = re.compile(
    r"([0-9]{4})(?:-([01][0-9]))?(?:-([0-3][0-9]))?"
    r"(?:T([0-2][0-9]):([0-5][0-9]):([0-5][0-9]))?(?:\.([0-9]+))?"
    r"(?:([+-])([0-2][0-9]):?([0-5][0-9])|Z)?"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DATE_ORDER: Final = ("YMD", "Yd")
_TIME_ORDER: Final = ("Hmsf", "hPmsf")


def parse_iso(text: str) -> int:
    """Return the time in an ISO 8601 text. Errors: JsonataError D3110."""
    found = _ISO.fullmatch(text)
    if found is None:
        raise JsonataError("D3110", value=text)
    year, month, day, hour, minute, second, fraction, sign, hours, minutes = found.groups()
    millis = int((fraction or "").ljust(3, "0")[:3])
    offset = (int(hours) * 60 + int(minutes)) * (-1 if sign == "-" else 1) if sign else 0
    try:
        moment = datetime(
            int(year),
            int(month or 1),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            tzinfo=UTC,
        )
    except ValueError:
        raise JsonataError("D3110", value=text) from None
    return _millis(moment) + millis - offset * 60_000


def parse_date(text: str, picture: str, now_ms: int) -> Value:
    """Return the time that a text shows by a picture; UNDEFINED when it does not fit.

    What a picture leaves out in front (the year, the day) is that of now; what it leaves out behind
    is the least. Errors: JsonataError D313x.
    """
    pattern, readers = _compiled(picture)
    try:
        found = pattern.fullmatch(text, timeout=TIMEOUT_S)
    except TimeoutError:
        raise JsonataError("U1001", value=TOO_LONG) from None
    if found is None:
        return UNDEFINED
    components: dict[str, Any] = {}
    for name, value, reader in zip(readers, found.groups(), readers.values(), strict=True):
        components[name] = reader(value)
    if not components:
        return UNDEFINED
    return _moment(components, now_ms)


@lru_cache(maxsize=256)
def _compiled(picture: str) -> tuple[Any, dict[str, Callable[[str], Any]]]:
    """Return the pattern of a picture, with a group for each component, and what reads them."""
    pattern = ""
    readers: dict[str, Callable[[str], Any]] = {}
    parts = analyse_date(picture)
    for part, following in zip(parts, (*parts[1:], ""), strict=True):
        if isinstance(part, str):
            pattern += regex.escape(part)
            continue
        expression, reader = _reading(part, ends_at_number=isinstance(following, Marker))
        pattern += f"({expression})"
        readers[part.component] = reader
    return regex.compile(pattern, regex.IGNORECASE), readers


def _reading(marker: Marker, *, ends_at_number: bool) -> tuple[str, Callable[[str], Any]]:
    if marker.component in "Zz":
        return _zone_reading(marker)
    number = marker.number
    if number is not None:
        width = number.digits_min if ends_at_number and number.kind == "decimal" else None
        pattern = integer_pictures.pattern_of(number, width)
        if marker.component == "f":
            return pattern, lambda text: integer_pictures.parsed(text.ljust(3, "0")[:3], number)
        return pattern, lambda text: integer_pictures.parsed(text, number)
    names = {"M": MONTHS, "x": MONTHS, "F": DAYS, "P": ("am", "pm")}.get(marker.component)
    if names is None:
        raise JsonataError("D3133", value=marker.component)
    short = {name[: marker.width_max].lower(): place for place, name in enumerate(names, start=1)}
    if marker.component == "P":
        short = {"am": 0, "pm": 1}
    return "|".join(short), lambda text: short[text.lower()]


def _zone_reading(marker: Marker) -> tuple[str, Callable[[str], Any]]:
    assert marker.number is not None, "a zone is shown in digits"
    mark = regex.escape(marker.number.separators[0].character) if marker.number.separators else ":"
    front = "GMT" if marker.component == "z" else ""

    def read(text: str) -> int:
        if text.upper() == "Z":
            return 0
        sign = -1 if "-" in text else 1
        digits = "".join(filter(str.isdecimal, text))
        hours, minutes = (digits, "0") if len(digits) <= 2 else (digits[:-2], digits[-2:])
        return sign * (int(hours) * 60 + int(minutes))

    zulu = "|Z" if marker.is_zulu else ""
    return f"{front}[-+][0-9]+(?:{mark}[0-9]+)?{zulu}", read


def _moment(components: dict[str, Any], now_ms: int) -> Value:
    if any(value is UNDEFINED for value in components.values()):
        return UNDEFINED
    if components.keys() & set("XxWw"):
        raise JsonataError("D3136")
    date_order = _DATE_ORDER[1] if "d" in components else _DATE_ORDER[0]
    time_order = _TIME_ORDER[1] if components.keys() & set("hP") else _TIME_ORDER[0]
    if "h" in components and "P" not in components:
        raise JsonataError("D3136")
    complete = _completed(components, date_order + time_order, now_ms)
    hour = complete.get("H", 0)
    if "h" in complete:
        hour = complete["h"] % 12 + 12 * complete["P"]
    if "d" in complete:
        start = datetime(complete["Y"], 1, 1, tzinfo=UTC) + timedelta(days=complete["d"] - 1)
    else:
        start = _date(complete["Y"], complete["M"], complete["D"])
    moment = start + timedelta(hours=hour, minutes=complete["m"], seconds=complete["s"])
    offset = components.get("Z", components.get("z", 0))
    return _millis(moment) + int(complete["f"]) - offset * 60_000


def _date(year: int, month: int, day: int) -> datetime:
    try:
        return datetime(year, month, 1, tzinfo=UTC) + timedelta(days=day - 1)
    except (ValueError, OverflowError):
        raise JsonataError("D3136") from None


def _completed(components: dict[str, Any], order: str, now_ms: int) -> dict[str, Any]:
    """Return all components: nothing may be missing between two that are given."""
    now = _EPOCH + timedelta(milliseconds=now_ms)
    today = {"Y": now.year, "M": now.month, "D": now.day, "d": now.timetuple().tm_yday}
    complete = {}
    has_begun = has_ended = False
    for name in order:
        if name in components:
            if has_ended:
                raise JsonataError("D3136")
            has_begun = True
            complete[name] = components[name]
        elif has_begun:
            has_ended = True
            complete[name] = 1 if name in "MDd" else 0
        else:
            complete[name] = today.get(name, 0)
    return complete


def _millis(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
