"""Evaluation of single expressions on a small document."""

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from stepraft.interpreter.expressions.jsonata.expression import compile_expression
from stepraft.interpreter.expressions.jsonata.frames import Run
from stepraft.interpreter.expressions.jsonata.values import UNDEFINED, plain

NOW_MS = 1_700_000_000_123

Evaluate: TypeAlias = Callable[..., Any]


class FixedSource:
    """A clock that stands, and draws that count."""

    now_ms = NOW_MS

    def __init__(self) -> None:
        self._draws = 0

    def draw(self) -> bytes:
        self._draws += 1
        return self._draws.to_bytes(32, "little")


@pytest.fixture
def evaluate() -> Evaluate:
    """Return what evaluates a text on a document; UNDEFINED where it gives nothing."""

    def run(text: str, document: Any = UNDEFINED, **variables: Any) -> Any:
        steps_max = variables.pop("steps_max", 100_000)
        result = compile_expression(text).evaluate(
            document, variables, Run(FixedSource(), steps_max=steps_max)
        )
        return result if result is UNDEFINED else plain(result)

    return run
