"""`{…}`: objects, alone or of the results of a path, gathered by key."""

from typing import Any

from stepraft.interpreter.expressions.jsonata.calls import Evaluate
from stepraft.interpreter.expressions.jsonata.errors import JsonataError
from stepraft.interpreter.expressions.jsonata.frames import Frame
from stepraft.interpreter.expressions.jsonata.nodes import Pairs
from stepraft.interpreter.expressions.jsonata.predicates import items_of
from stepraft.interpreter.expressions.jsonata.tuples import VALUE, Compile, Tuples, scope_of
from stepraft.interpreter.expressions.jsonata.values import UNDEFINED, Sequence, Value, append


class Grouping:
    """The pairs of an object: items whose keys are equal are gathered before their value is
    evaluated.
    """

    def __init__(self, pairs: Pairs, compile_node: Compile) -> None:
        self._pairs = [(compile_node(key), compile_node(value)) for key, value in pairs]

    def of(self, input_: Value, frame: Frame) -> dict[str, Any]:
        """Return the object. Errors: JsonataError T1003, D1009."""
        items = items_of(input_) or Sequence([UNDEFINED])
        is_stream = isinstance(items, Tuples)
        groups: dict[str, tuple[Value, int]] = {}
        for item in items:
            scope = scope_of(item, frame) if is_stream else frame
            for place, (key_of, _) in enumerate(self._pairs):
                frame.run.spend(1)
                key = key_of(item[VALUE] if is_stream else item, scope)
                if key is not UNDEFINED:
                    _gather(groups, key, item, place)
        return self._values(groups, frame, is_stream=is_stream)

    def _values(
        self, groups: dict[str, tuple[Value, int]], frame: Frame, *, is_stream: bool
    ) -> dict[str, Any]:
        made = {}
        for key, (data, place) in groups.items():
            scope, context = frame, data
            if is_stream:
                merged = _merged(data)
                context = merged.pop(VALUE, UNDEFINED)
                scope = scope_of(merged, frame)
            value = self._pairs[place][1](context, scope)
            if value is not UNDEFINED:
                made[key] = value
        return made


def _gather(groups: dict[str, tuple[Value, int]], key: Value, item: Value, place: int) -> None:
    if not isinstance(key, str):
        raise JsonataError("T1003", value=key)
    if key not in groups:
        groups[key] = item, place
        return
    data, first_place = groups[key]
    if first_place != place:
        raise JsonataError("D1009", value=key)
    groups[key] = append(data, item), place


def _merged(data: Any) -> dict[str, Any]:
    """Return one tuple of several: what each binds, joined."""
    if not isinstance(data, list):
        return dict(data)
    merged = dict(data[0])
    for each in data[1:]:
        for name, value in each.items():
            merged[name] = append(merged.get(name, UNDEFINED), value)
    return merged


def object_of(pairs: Pairs, compile_node: Compile) -> Evaluate:
    """Return what makes an object."""
    grouping = Grouping(pairs, compile_node)
    return grouping.of


def grouped(evaluate: Evaluate, pairs: Pairs, compile_node: Compile) -> Evaluate:
    """Return what groups the results of an expression."""
    grouping = Grouping(pairs, compile_node)
    return lambda input_, frame: grouping.of(evaluate(input_, frame), frame)
