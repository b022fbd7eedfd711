"""Times by a picture: `[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]`.

A time is Unix milliseconds. Years run from 1 to 9999.

Source: https://www.w3.org/TR/xpath-functions-31/#rules-for-datetime-formatting
"""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final, TypeAlias

from msgspec import Struct

from stepraft.interpreter.expressions.jsonata.errors import JsonataError
from stepraft.interpreter.expressions.jsonata.integer_pictures import (
    IntegerPicture,
    analyse,
    formatted,
)

DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
ISO_PICTURE: Final = "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]"

_DEFAULTS: Final = {
    **dict.fromkeys("YMDdWwXxHhf", "1"),
    **dict.fromkeys("FPCE", "n"),
    **dict.fromkeys("ms", "01"),
    **dict.fromkeys("Zz", "01:01"),
}
_NUMERIC: Final = frozenset("YMDdFWwXxHhmsf")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Marker(Struct, frozen=True):
    """A part in brackets. `names`: "", or the case in which a name is shown ("n", "N", "Nn").

    `width_max`: a longer name is cut off there. `year_digits`: so many digits of a year are shown.
    """

    component: str
    names: str = ""
    number: IntegerPicture | None = None
    width_max: int | None = None
    year_digits: int | None = None
    is_zulu: bool = False


Part: TypeAlias = str | Marker


@lru_cache(maxsize=256)
def analyse_date(picture: str) -> tuple[Part, ...]:
    """Read a picture. Errors: JsonataError D313x."""
    parts: list[Part] = []
    at = 0
    while at < len(picture):
        opening = picture.find("[", at)
        if opening < 0:
            break
        parts.append(picture[at:opening].replace("]]", "]"))
        if picture.startswith("[[", opening):
            parts.append("[")
            at = opening + 2
            continue
        closing = picture.find("]", opening)
        if closing < 0:
            raise JsonataError("D3135")
        parts.append(_marker("".join(picture[opening + 1 : closing].split())))
        at = closing + 1
    parts.append(picture[at:].replace("]]", "]"))
    return tuple(part for part in parts if part != "")


def _marker(text: str) -> Marker:
    component, rest = text[:1], text[1:]
    if component not in _DEFAULTS:
        raise JsonataError("D3132", value=component)
    presentation, comma, width = rest.rpartition(",")
    if not comma:
        presentation, width = rest, ""
    width_min, width_max = _widths(width)
    modifier = ""
    if len(presentation) > 1 and presentation[-1] in "atco":
        presentation, modifier = presentation[:-1], presentation[-1]
    presentation = presentation or _DEFAULTS[component]
    if presentation[0] in "nN":
        names = "n" if presentation[0] == "n" else presentation[:2]
        return Marker(component=component, names=names, width_max=width_max)
    if component in "PCE":
        return Marker(component=component, names="n", width_max=width_max)
    number = analyse(f"{presentation};{modifier}" if modifier == "o" else presentation)
    if width_min is not None and number.digits_min < width_min:
        number = _widened(number, width_min)
    year_digits = None
    if component == "Y":
        shown = number.digits_min + number.digits_optional
        year_digits = width_max if width_max is not None else shown if shown >= 2 else None
        if width_max is not None:
            number = _widened(number, width_max)
    return Marker(
        component=component,
        number=number,
        width_max=width_max,
        year_digits=year_digits,
        is_zulu=modifier == "t",
    )


def _widened(number: IntegerPicture, digits: int) -> IntegerPicture:
    return IntegerPicture(
        kind=number.kind,
        case=number.case,
        is_ordinal=number.is_ordinal,
        zero=number.zero,
        digits_min=digits,
        digits_optional=number.digits_optional,
        separators=number.separators,
        repeats=number.repeats,
    )


def _widths(text: str) -> tuple[int | None, int | None]:
    low, _, high = text.partition("-")
    return _width(low), _width(high)


def _width(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 4 else None


# Writing


class Moment:
    """A time at a place: local time and its offset in minutes."""

    def __init__(self, millis: int, offset_minutes: int) -> None:
        """Errors: JsonataError D3110 for a time outside of the years 1 to 9999."""
        try:
            shift = timedelta(milliseconds=millis, minutes=offset_minutes)
            self.local = _EPOCH + shift
        except OverflowError:
            raise JsonataError("D3110", value=millis) from None
        self.millis = millis % 1000
        self.offset_minutes = offset_minutes


def format_date(millis: int, picture: str, offset_minutes: int) -> str:
    """Return a time by a picture. Errors: JsonataError D313x."""
    moment = Moment(millis, offset_minutes)
    return "".join(
        part if isinstance(part, str) else _component_text(moment, part)
        for part in analyse_date(picture)
    )


def _component_text(moment: Moment, marker: Marker) -> str:
    component = marker.component
    if component in "Zz":
        return _zone_text(moment.offset_minutes, marker)
    if component in "CE":
        return "ISO"
    if component == "P":
        half = "am" if moment.local.hour < 12 else "pm"
        return half.upper() if marker.names == "N" else half
    value = _component(moment, component)
    if marker.names:
        return _name_text(component, value, marker)
    assert marker.number is not None, "what is no name is a number"
    if marker.year_digits is not None:
        value %= 10**marker.year_digits
    return formatted(value, marker.number)


def _name_text(component: str, value: int, marker: Marker) -> str:
    if component in "Mx":
        name = MONTHS[value - 1]
    elif component == "F":
        name = DAYS[value - 1]
    else:
        raise JsonataError("D3133", value=component)
    cased = {"n": name.lower(), "N": name.upper()}.get(marker.names, name)
    return cased[: marker.width_max]


def _component(moment: Moment, component: str) -> int:
    local = moment.local
    simple = {
        "Y": local.year,
        "M": local.month,
        "D": local.day,
        "d": local.timetuple().tm_yday,
        "F": local.isoweekday(),
        "H": local.hour,
        "h": local.hour % 12 or 12,
        "m": local.minute,
        "s": local.second,
        "f": moment.millis,
    }
    if component in simple:
        return simple[component]
    week_year, week, _ = local.isocalendar()
    if component in "WX":
        return week if component == "W" else week_year
    week_of_month, month = _week_of_month(local.date())
    return week_of_month if component == "w" else month


def _week_of_month(day: date) -> tuple[int, int]:
    """Return which week of its month a day is in, and that month: that of the week's Thursday."""
    thursday = day + timedelta(days=4 - day.isoweekday())
    return (thursday.day - 1) // 7 + 1, thursday.month


def _zone_text(offset_minutes: int, marker: Marker) -> str:
    assert marker.number is not None, "a zone is shown in digits"
    if offset_minutes == 0 and marker.is_zulu:
        return "Z"
    hours, minutes = divmod(abs(offset_minutes), 60)
    number = marker.number
    if number.separators:
        shown = formatted(hours * 100 + minutes, number)
    elif number.digits_min <= 2:
        shown = formatted(hours, number) + (f":{minutes:02d}" if minutes else "")
    elif number.digits_min <= 4:
        shown = formatted(hours * 100 + minutes, number)
    else:
        raise JsonataError("D3134", value=number.digits_min)
    sign = "-" if offset_minutes < 0 else "+"
    return ("GMT" if marker.component == "z" else "") + sign + shown
