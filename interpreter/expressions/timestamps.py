"""Timestamps: the RFC 3339 profile of the language, to and from Unix time.

The profile wants an upper-case `T`, and an upper-case `Z` unless there is a numeric offset.

Source: https://states-language.net/spec.html#timestamps and https://www.rfc-editor.org/rfc/rfc3339
"""

import re
from datetime import date, datetime, timedelta
from typing import Final

_TIMESTAMP: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,64}))?(?:Z|([+-])(\d\d):(\d\d))",
    re.ASCII,
)
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - in UTC, written by hand
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()


def to_unix_ns(text: str) -> int | None:
    """Return Unix time in nanoseconds, None if `text` is no timestamp of the profile.

    Digits beyond nanoseconds do not count.
    """
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    sign, offset_hour, offset_minute = found[8], int(found[9] or 0), int(found[10] or 0)
    if max(hour, offset_hour) > 23 or max(minute, second, offset_minute) > 59:
        return None
    try:
        days = date(year, month, day).toordinal() - _EPOCH_DAY
    except ValueError:
        return None
    offset_s = (offset_hour * 60 + offset_minute) * 60 * (-1 if sign == "-" else 1)
    seconds = ((days * 24 + hour) * 60 + minute) * 60 + second - offset_s
    return seconds * 1_000_000_000 + int((found[7] or "")[:9].ljust(9, "0"))


def to_unix_ms(text: str) -> int | None:
    """Return Unix time in milliseconds, rounded up so that a timer for it is never early.

    None if `text` is no timestamp of the profile.
    """
    nanoseconds = to_unix_ns(text)
    return None if nanoseconds is None else -(-nanoseconds // 1_000_000)


def from_unix_ms(unix_ms: int) -> str:
    """Return the timestamp in UTC with milliseconds, as the Context Object shows times."""
    moment = _EPOCH + timedelta(milliseconds=unix_ms)
    return f"{moment.isoformat(timespec='milliseconds')}Z"
