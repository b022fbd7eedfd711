"""An engine in memory, and what a test may ask of it."""

from collections.abc import Callable

import pytest

from stepraft.interpreter.documents import Json
from stepraft.storage import keys, queries
from stepraft.testing import InProcessEngine, outline

Begin = Callable[..., str]
LinesOf = Callable[[str], list[str]]


@pytest.fixture
def engine() -> InProcessEngine:
    """A new engine."""
    return InProcessEngine()


@pytest.fixture
def begin(engine: InProcessEngine) -> Begin:
    """Returns the id of a new execution of a definition."""

    def begin(definition: Json, input: Json = None) -> str:  # noqa: A002 - the language's word
        engine.put_workflow("W", definition)
        return engine.start("W", input)

    return begin


@pytest.fixture
def lines_of(engine: InProcessEngine) -> LinesOf:
    """Returns the history of an execution as short lines."""
    return lambda execution_id: outline(engine.history(execution_id))


@pytest.fixture
def left_over(engine: InProcessEngine) -> Callable[[], list[bytes]]:
    """Returns the keys that should be gone when all executions have ended."""
    lasting = (keys.Part.EXECUTION.value, keys.Part.INPUT.value, keys.Part.OUTPUT.value)
    passing = (keys.Family.PENDING.value, keys.Family.TIMER.value, keys.Family.READY.value)

    def is_left_over(key: bytes) -> bool:
        if key[:1] == keys.Family.CONTEXT.value:
            identifier, part = keys.split_context(key)
            return part not in lasting or identifier.split("/")[3].startswith("t")
        return key[:1] in passing

    def left_over() -> list[bytes]:
        rows = queries.replicated_rows(engine.store)
        return [key for key, _ in rows if is_left_over(key)]

    return left_over
