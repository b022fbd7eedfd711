"""Durations and moments as people read them."""

from datetime import datetime, timedelta

_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


def shown_duration(duration: timedelta) -> str:
    """Return a duration in three digits or two units: `12 ms`, `1.23 s`, `2 m 05 s`, `3 d 04 h`."""
    if duration < _SECOND:
        return f"{duration / timedelta(milliseconds=1):.0f} ms"
    if duration < _MINUTE:
        return f"{duration / _SECOND:.3g} s"
    if duration < _HOUR:
        return f"{duration // _MINUTE} m {duration % _MINUTE // _SECOND:02} s"
    if duration < _DAY:
        return f"{duration // _HOUR} h {duration % _HOUR // _MINUTE:02} m"
    return f"{duration // _DAY} d {duration % _DAY // _HOUR:02} h"


def shown_moment(moment: datetime) -> str:
    """Return a moment in the zone of this machine, to the second."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
