"""Predicates: which results remain, by a condition or by their place."""

from abc import ABC, abstractmethod
from math import floor
from typing import Any

from stepraft.interpreter.expressions.jsonata.calls import Evaluate
from stepraft.interpreter.expressions.jsonata.frames import Frame
from stepraft.interpreter.expressions.jsonata.nodes import Filter, Literal, Numbering
from stepraft.interpreter.expressions.jsonata.nodes import Stage as StageNode
from stepraft.interpreter.expressions.jsonata.tuples import VALUE, Compile, Tuples, scope_of
from stepraft.interpreter.expressions.jsonata.values import (
    UNDEFINED,
    Sequence,
    Value,
    is_number,
    truth,
)


class Stage(ABC):
    """A predicate, or the numbering of what one left."""

    @abstractmethod
    def of(self, value: Value, frame: Frame) -> Any:
        """Return what remains."""


class _Numbered(Stage):
    def __init__(self, name: str) -> None:
        self._name = name

    def of(self, value: Value, frame: Frame) -> Any:
        for place, each in enumerate(value):
            each[self._name] = place
        return value


class _AtPlace(Stage):
    """`[3]`, `[-1]`"""

    def __init__(self, place: float) -> None:
        self._place = floor(place)

    def of(self, value: Value, frame: Frame) -> Any:
        items = items_of(value)
        place = self._place + (len(items) if self._place < 0 else 0)
        if not 0 <= place < len(items):
            return type(items)() if isinstance(items, Tuples) else Sequence()
        found = items[place]
        if isinstance(items, Tuples):
            return Tuples([found])
        return found if isinstance(found, list) else Sequence([found])


class _Where(Stage):
    """`[condition]`: true, or a number, or numbers that are the item's place."""

    def __init__(self, condition: Evaluate) -> None:
        self._condition = condition

    def of(self, value: Value, frame: Frame) -> Any:
        items = items_of(value)
        frame.run.spend(len(items))
        if isinstance(items, Tuples):
            return Tuples(
                each
                for place, each in enumerate(items)
                if self._holds(each[VALUE], scope_of(each, frame), place, len(items))
            )
        return Sequence(
            item for place, item in enumerate(items) if self._holds(item, frame, place, len(items))
        )

    def _holds(self, item: Value, frame: Frame, place: int, count: int) -> bool:
        result = self._condition(item, frame)
        places = result if isinstance(result, list) else [result]
        if places and all(map(is_number, places)):
            return any(_placed(each, count) == place for each in places)
        return truth(result)


def _placed(place: float, count: int) -> int:
    whole = floor(place)
    return whole + count if whole < 0 else whole


def items_of(value: Value) -> list[Any]:
    """Return a value as items: nothing as none."""
    if isinstance(value, list):
        return value
    return Sequence() if value is UNDEFINED else Sequence([value])


def stage_of(stage: StageNode, compile_node: Compile) -> Stage:
    """Return a stage, compiled."""
    if isinstance(stage, Numbering):
        return _Numbered(stage.name)
    condition = stage.condition
    if isinstance(condition, Literal) and is_number(condition.value):
        return _AtPlace(condition.value)
    return _Where(compile_node(condition))


def filtered(evaluate: Evaluate, filters: list[Filter], compile_node: Compile) -> Evaluate:
    """Return what evaluates an expression that is no path, and then its predicates."""
    stages = [stage_of(each, compile_node) for each in filters]

    def run(input_: Value, frame: Frame) -> Value:
        value = evaluate(input_, frame)
        for stage in stages:
            value = stage.of(value, frame)
        return value

    return run
