"""Reads Retry and Catch.

Source: https://states-language.net/spec.html#errors
"""

from stepraft.interpreter.definition import Catcher, QueryLanguage, Retrier
from stepraft.interpreter.documents import Json
from stepraft.interpreter.errors import ALL, PREDEFINED_ERRORS
from stepraft.interpreter.language.diagnostics import Findings, Location
from stepraft.interpreter.language.fields import CATCHER_FIELDS, RETRIER_FIELDS, read_fields


def read_retry(
    value: Json, language: QueryLanguage, location: Location, findings: Findings
) -> tuple[Retrier, ...]:
    """Return the retriers; those with errors are left out."""
    retriers = []
    for members, place, is_last in _entries(value, location, findings):
        noted = findings.count
        attributes = read_fields(members, RETRIER_FIELDS, language, place, findings)
        errors = _read_errors(members, place, is_last, findings)
        interval_s, max_delay_s = attributes.get("interval_s", 1), attributes.get("max_delay_s")
        if max_delay_s is not None and max_delay_s < interval_s:
            findings.error(
                (*place, "MaxDelaySeconds"), "MaxDelaySeconds must not be less than IntervalSeconds"
            )
        if findings.count == noted:
            retriers.append(Retrier(errors=errors, **attributes))
    return tuple(retriers)


def read_catch(
    value: Json, language: QueryLanguage, location: Location, findings: Findings
) -> tuple[Catcher, ...]:
    """Return the catchers; those with errors are left out."""
    catchers = []
    for members, place, is_last in _entries(value, location, findings):
        noted = findings.count
        attributes = read_fields(members, CATCHER_FIELDS, language, place, findings)
        errors = _read_errors(members, place, is_last, findings)
        if findings.count == noted:
            catchers.append(Catcher(errors=errors, **attributes))
    return tuple(catchers)


def _entries(
    value: Json, location: Location, findings: Findings
) -> list[tuple[dict[str, Json], Location, bool]]:
    """The entries that are objects, each with its place and whether it is the last one."""
    entries = []
    items = value if isinstance(value, list) else []
    for index, item in enumerate(items):
        place = (*location, str(index))
        if isinstance(item, dict):
            entries.append((item, place, index == len(items) - 1))
        else:
            findings.error(place, f"An entry of '{location[-1]}' must be an object")
    return entries


def _read_errors(
    members: dict[str, Json], place: Location, is_last: bool, findings: Findings
) -> tuple[str, ...]:
    """Check ErrorEquals beyond its being a filled array, and return its names."""
    location = (*place, "ErrorEquals")
    names = members.get("ErrorEquals")
    errors: list[str] = []
    for index, name in enumerate(names if isinstance(names, list) else []):
        if not isinstance(name, str) or name == "":
            findings.error(
                (*location, str(index)), "An error name must be a string with characters"
            )
        elif name.startswith("States.") and name not in PREDEFINED_ERRORS:
            findings.error(
                (*location, str(index)), f"'{name}' is not one of the predefined error names"
            )
        else:
            errors.append(name)
    if ALL in errors and len(errors) > 1:
        findings.error(location, f"'{ALL}' must appear alone in 'ErrorEquals'")
    if ALL in errors and not is_last:
        findings.error(location, f"'{ALL}' may only appear in the last entry")
    return tuple(errors)
