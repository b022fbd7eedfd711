"""Paths: steps applied one after another to every result so far.

A path that binds variables on its way (`@`, `#`, `%`) carries a stream of tuples instead of bare
results.
"""

from typing import Any

from stepraft.interpreter.expressions.jsonata.calls import Evaluate
from stepraft.interpreter.expressions.jsonata.frames import Frame
from stepraft.interpreter.expressions.jsonata.grouping import Grouping
from stepraft.interpreter.expressions.jsonata.nodes import Name, Node, Path, Sort, Variable
from stepraft.interpreter.expressions.jsonata.predicates import Stage, stage_of
from stepraft.interpreter.expressions.jsonata.sorting import Order
from stepraft.interpreter.expressions.jsonata.tuples import VALUE, Compile, Tuples, scope_of
from stepraft.interpreter.expressions.jsonata.values import UNDEFINED, Built, Sequence, Value


def compile_path(path: Path, compile_node: Compile) -> Evaluate:
    """Return what evaluates a path: a Sequence, an array as it stands, or a stream of tuples."""
    whole = _general(path, compile_node)
    if path.group is None and not path.keep_singleton and _is_plain(path):
        return _through_objects(path, whole)
    return whole


# The paths that nearly all expressions use


def _is_plain(path: Path) -> bool:
    """Whether a path is only names, behind a variable perhaps."""
    first, *rest = path.steps
    return (isinstance(first, Variable | Name) and _is_bare(first)) and all(
        isinstance(step, Name) and _is_bare(step) for step in rest
    )


def _is_bare(step: Node) -> bool:
    return not (step.stages or step.filters or step.is_tuple or step.group or step.keep_array)


def _through_objects(path: Path, whole: Evaluate) -> Evaluate:
    """As long as there are only objects on the way, look up field after field."""
    first = path.steps[0]
    variable = first.name if isinstance(first, Variable) else None
    names = [step.value for step in path.steps if isinstance(step, Name)]
    last = len(names) - 1

    def run(input_: Value, frame: Frame) -> Value:
        value = frame.lookup(variable) if variable else input_
        for place, name in enumerate(names):
            if type(value) is not dict:
                if not isinstance(value, list):
                    return UNDEFINED
                return whole(input_, frame)
            value = value.get(name, UNDEFINED)
            if place == last:
                frame.run.steps_left -= place
                return value
        return whole(input_, frame)

    return run


# All others


def _general(path: Path, compile_node: Compile) -> Evaluate:
    steps = [_step(step, compile_node) for step in path.steps]
    group = None if path.group is None else Grouping(path.group, compile_node)
    first = path.steps[0]
    starts_at_variable = isinstance(first, Variable)
    last = len(steps) - 1

    def run(input_: Value, frame: Frame) -> Value:
        results: Any = input_
        if not isinstance(input_, list) or starts_at_variable:
            results = Sequence([input_])
        tuples: Tuples | None = None
        for place, step in enumerate(steps):
            if place == 0 and step.is_whole:
                results = step.evaluate(results, frame)
                if not isinstance(results, list):
                    results = Sequence() if results is UNDEFINED else Sequence([results])
            elif tuples is not None or step.is_tuple:
                tuples = step.on_tuples(results, tuples, frame)
            else:
                results = step.on_values(results, frame, is_last=place == last)
            if tuples is None and not results:
                break
        return _result(path, results, tuples, group, frame)

    return run


def _result(
    path: Path, results: Any, tuples: Tuples | None, group: "Grouping | None", frame: Frame
) -> Value:
    if tuples is not None:
        results = tuples if path.is_tuple else Sequence(each[VALUE] for each in tuples)
    if path.keep_singleton and not isinstance(results, Tuples):
        if type(results) is not Sequence:
            results = Sequence([results] if type(results) is Built else results)
        results.keep_singleton = True
    if group is not None:
        return group.of(results if tuples is None else tuples, frame)
    return results


class _Step:
    """One step, compiled."""

    def __init__(self, node: Node, evaluate: Evaluate, stages: "list[Stage]") -> None:
        self.is_tuple = node.is_tuple
        self.is_whole = node.is_whole
        self.evaluate = evaluate
        self._focus = node.focus
        self._index = node.index
        self._ancestor = node.ancestor
        self._stages = stages

    def on_values(self, values: list[Any], frame: Frame, *, is_last: bool) -> list[Any]:
        """Return the results for all values, arrays among them dissolved."""
        frame.run.spend(len(values) + 1)
        found: list[Any] = []
        for value in values:
            result = self.evaluate(value, frame)
            for stage in self._stages:
                result = stage.of(result, frame)
            if result is not UNDEFINED:
                found.append(result)
        if is_last and len(found) == 1 and _is_own_array(found[0]):
            whole: list[Any] = found[0]
            return whole
        results = Sequence()
        for result in found:
            if isinstance(result, list) and type(result) is not Built:
                frame.run.spend(len(result))
                results.extend(result)
            else:
                results.append(result)
        return results

    def on_tuples(self, values: list[Any], tuples: Tuples | None, frame: Frame) -> Tuples:
        """Return the tuples that this step makes of those before it, or of values."""
        given = Tuples({VALUE: value} for value in values) if tuples is None else tuples
        made = Tuples()
        for each in given:
            frame.run.spend(1)
            found = self.evaluate(each[VALUE], scope_of(each, frame))
            if isinstance(found, Tuples):
                made.extend({**each, **inner} for inner in found)
                continue
            results = found if isinstance(found, list) else [found]
            made.extend(
                self._bound(each, result, place)
                for place, result in enumerate(results)
                if result is not UNDEFINED
            )
        for stage in self._stages:
            made = stage.of(made, frame)
        return made

    def _bound(self, before: dict[str, Any], result: Value, place: int) -> dict[str, Any]:
        bound = dict(before)
        if self._focus is None:
            bound[VALUE] = result
        else:
            bound[self._focus] = result
        if self._index is not None:
            bound[self._index] = place
        if self._ancestor is not None:
            bound[self._ancestor.label] = before[VALUE]
        return bound


class _SortStep(_Step):
    """`^(…)`: takes all values at once."""

    def __init__(self, node: Sort, order: "Order", stages: "list[Stage]") -> None:
        super().__init__(node, order.of, stages)
        self._order = order

    def on_values(self, values: list[Any], frame: Frame, *, is_last: bool) -> list[Any]:
        results: Any = self._order.of(values, frame)
        for stage in self._stages:
            results = stage.of(results, frame)
        return results if isinstance(results, list) else Sequence([results])

    def on_tuples(self, values: list[Any], tuples: Tuples | None, frame: Frame) -> Tuples:
        if tuples is None:
            made = Tuples({VALUE: value} for value in self._order.of(values, frame))
        else:
            made = Tuples(self._order.of(tuples, frame))
        if self._index is not None:
            for place, each in enumerate(made):
                each[self._index] = place
        for stage in self._stages:
            made = stage.of(made, frame)
        return made


def _step(node: Node, compile_node: Compile) -> _Step:
    stages = [stage_of(stage, compile_node) for stage in node.stages]
    if isinstance(node, Sort):
        return _SortStep(node, Order(node, compile_node), stages)
    return _Step(node, compile_node(node), stages)


def _is_own_array(value: Value) -> bool:
    """Whether a value is an array of the document, or one that the expression made."""
    return isinstance(value, list) and type(value) is not Sequence and type(value) is not Tuples
