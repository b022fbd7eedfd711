"""The cases of JSONata's reference suite, evaluated as states evaluate expressions.

What Step Functions leaves out of the language (`$eval`) is no case here.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepraft.interpreter.expressions.jsonata.errors import JsonataError
from stepraft.interpreter.expressions.jsonata.expression import compile_expression
from stepraft.interpreter.expressions.jsonata.frames import Run
from stepraft.interpreter.expressions.jsonata.values import UNDEFINED, equal, plain

_STEPS_MAX = 1_000_000
_STEPS_MAX_OF_LARGE = 60_000_000
_LARGE_MS = 5000
"""The suite limits the time of a case; those with more of it than this make large arrays."""
_NESTED_PER_CALL = 3
"""How many evaluations the suite counts for a call within a call."""


@dataclass(frozen=True)
class Outcome:
    """How one case came out; `difference` is empty where it is as it should be."""

    name: str
    difference: str


class _Chance:
    """A clock that stands, and real chance."""

    now_ms = 1_700_000_000_000

    def draw(self) -> bytes:
        return os.urandom(32)


def run(file: Path) -> list[Outcome]:
    """Evaluate all cases of a file."""
    suite = json.loads(file.read_text())
    return [
        Outcome(f"{group}/{case['case']}: {case['expr']}", _difference(case, suite["datasets"]))
        for group, case in _cases(suite)
    ]


def _cases(suite: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for group, cases in suite["groups"].items():
        for case in cases:
            if "$eval(" not in case["expr"]:
                yield group, case


def _difference(case: Mapping[str, Any], datasets: Mapping[str, Any]) -> str:
    try:
        found = _evaluated(case, datasets)
    except JsonataError as error:
        return "" if error.code == _expected_code(case) else f"got {error}"
    if found is UNDEFINED:
        return "" if case.get("undefinedResult") else "got nothing"
    if "result" not in case:
        return f"got {found!r}"
    return "" if _is_same(found, case) else f"got {found!r}, expected {case['result']!r}"


def _evaluated(case: Mapping[str, Any], datasets: Mapping[str, Any]) -> Any:
    document = UNDEFINED
    if "data" in case:
        document = case["data"]
    elif case.get("dataset"):
        document = datasets[case["dataset"]]
    depth_max = 200
    if "depth" in case:
        depth_max = max(depth_max // 2, (case["depth"] - 2) // _NESTED_PER_CALL)
    is_large = case.get("timelimit", 0) > _LARGE_MS
    steps_max = _STEPS_MAX_OF_LARGE if is_large else _STEPS_MAX
    run = Run(_Chance(), steps_max=steps_max, depth_max=depth_max)
    result = compile_expression(case["expr"]).evaluate(document, case.get("bindings") or {}, run)
    return result if result is UNDEFINED else plain(result)


def _expected_code(case: Mapping[str, Any]) -> str | None:
    error = case.get("error")
    code = case.get("code") or (error.get("code") if isinstance(error, dict) else None)
    return None if code is None else str(code)


def _is_same(found: Any, case: Mapping[str, Any]) -> bool:
    if case.get("unordered") and isinstance(found, list):
        return sorted(map(repr, found)) == sorted(map(repr, case["result"]))
    return equal(found, case["result"])
