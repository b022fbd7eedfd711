"""Results as a table, and their differences as a file."""

import json
from collections.abc import Sequence
from pathlib import Path

from tests.conformance.expressions import Outcome
from tests.conformance.results import ALL_LEVELS, Level, Result

_COLUMNS = "{:24} {:>6} {:>9} {:>9} {:>9} {:>9}"


def table(results: Sequence[Result]) -> str:
    """Return passed/total of each level: per area, of the recordings without proof, in total."""
    proven = [result for result in results if result.case.validated]
    areas = sorted({result.case.area for result in proven})
    lines = [_COLUMNS.format("area", "cases", *ALL_LEVELS)]
    lines += [
        _line(area, [result for result in proven if result.case.area == area]) for area in areas
    ]
    unproven = [result for result in results if not result.case.validated]
    return "\n".join([*lines, _line("(not validated)", unproven), _line("total", proven)])


def _line(name: str, results: Sequence[Result]) -> str:
    return _COLUMNS.format(name, len(results), *(_share(results, level) for level in ALL_LEVELS))


def _share(results: Sequence[Result], level: Level) -> str:
    compared = [result.passed[level] for result in results if level in result.passed]
    return f"{sum(compared)}/{len(compared)}"


def expressions_line(evaluated: Sequence[Outcome]) -> str:
    """Return passed/total of the expressions."""
    passed = sum(not outcome.difference for outcome in evaluated)
    return f"jsonata expressions: {passed}/{len(evaluated)}"


def write_failures(results: Sequence[Result], evaluated: Sequence[Outcome], file: Path) -> None:
    """Write what differs, case by case, as JSON."""
    failures: list[dict[str, object]] = [
        {
            "id": result.case.id,
            "area": result.case.area,
            "api": result.case.api,
            "validated": result.case.validated,
            "differences": result.notes,
        }
        for result in results
        if result.notes
    ]
    failures += [
        {"id": outcome.name, "area": "jsonata", "differences": outcome.difference}
        for outcome in evaluated
        if outcome.difference
    ]
    file.write_text(json.dumps(failures, indent=1, ensure_ascii=False) + "\n")
