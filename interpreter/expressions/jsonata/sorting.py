"""`^(…)`: results in the order of terms."""

from functools import cmp_to_key
from typing import Any

from stepraft.interpreter.expressions.jsonata.calls import Evaluate
from stepraft.interpreter.expressions.jsonata.errors import JsonataError
from stepraft.interpreter.expressions.jsonata.frames import Frame
from stepraft.interpreter.expressions.jsonata.nodes import Sort
from stepraft.interpreter.expressions.jsonata.predicates import items_of
from stepraft.interpreter.expressions.jsonata.tuples import VALUE, Compile, scope_of
from stepraft.interpreter.expressions.jsonata.values import UNDEFINED, Sequence, Value, is_number


class Order:
    """The terms of a sort."""

    def __init__(self, node: Sort, compile_node: Compile) -> None:
        self._terms = [(compile_node(term), descending) for term, descending in node.terms]

    def of(self, items: Any, frame: Frame) -> Sequence:
        """Return the items in order; equal ones stay as they were."""
        frame.run.spend(len(items) * len(self._terms))
        keyed = [(self._keys(item, frame), item) for item in items]
        keyed.sort(key=cmp_to_key(self._compare))
        return Sequence(item for _, item in keyed)

    def _keys(self, item: Any, frame: Frame) -> list[Value]:
        if isinstance(item, dict) and VALUE in item:
            scope = scope_of(item, frame)
            return [term(item[VALUE], scope) for term, _ in self._terms]
        return [term(item, frame) for term, _ in self._terms]

    def _compare(self, left: Any, right: Any) -> int:
        for (_, descending), one, other in zip(self._terms, left[0], right[0], strict=True):
            order = _compared(one, other)
            if order:
                return -order if descending else order
        return 0


def _compared(one: Value, other: Value) -> int:
    if one is UNDEFINED or other is UNDEFINED:
        return (one is UNDEFINED) - (other is UNDEFINED)
    for value in (one, other):
        if not isinstance(value, str) and not is_number(value):
            raise JsonataError("T2008", value=value)
    if isinstance(one, str) is not isinstance(other, str):
        raise JsonataError("T2007", value=one, value2=other)
    return int(one > other) - int(one < other)


def sorted_input(node: Sort, compile_node: Compile) -> Evaluate:
    """Return what sorts its input."""
    order = Order(node, compile_node)
    return lambda input_, frame: order.of(items_of(input_), frame)
