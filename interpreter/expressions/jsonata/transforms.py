"""`|where|changes,deletions|`: a function that changes a copy of what it is given."""

from typing import Any

from stepraft.interpreter.expressions.jsonata.calls import Bound, Evaluate
from stepraft.interpreter.expressions.jsonata.errors import JsonataError
from stepraft.interpreter.expressions.jsonata.frames import Frame, Run
from stepraft.interpreter.expressions.jsonata.nodes import Transform
from stepraft.interpreter.expressions.jsonata.tuples import Compile
from stepraft.interpreter.expressions.jsonata.values import UNDEFINED, Value


def compile_transform(node: Transform, compile_node: Compile) -> Evaluate:
    """Return what gives the function."""
    where, changes = compile_node(node.where), compile_node(node.changes)
    deletions = None if node.deletions is None else compile_node(node.deletions)

    def run(input_: Value, frame: Frame) -> Value:
        def transform(run: Run, arguments: list[Value]) -> Value:
            if not arguments or arguments[0] is UNDEFINED:
                return UNDEFINED
            if not isinstance(arguments[0], list | dict):
                raise JsonataError("T0410", index=1)
            made = _copy(run, arguments[0])
            found = where(made, frame)
            matches = found if isinstance(found, list) else [found]
            for match in matches:
                if isinstance(match, dict):
                    _change(match, changes(match, frame))
                    if deletions is not None:
                        _delete(match, deletions(match, frame))
            return made

        return Bound(1, transform)

    return run


def _copy(run: Run, value: Value) -> Any:
    run.spend(1)
    if isinstance(value, list):
        return [_copy(run, item) for item in value]
    if isinstance(value, dict):
        return {key: _copy(run, item) for key, item in value.items()}
    return value


def _change(match: dict[str, Any], changes: Value) -> None:
    if changes is UNDEFINED:
        return
    if not isinstance(changes, dict):
        raise JsonataError("T2011", value=changes)
    match.update(changes)


def _delete(match: dict[str, Any], deletions: Value) -> None:
    if deletions is UNDEFINED:
        return
    names = deletions if isinstance(deletions, list) else [deletions]
    if not all(isinstance(name, str) for name in names):
        raise JsonataError("T2012", value=deletions)
    for name in names:
        match.pop(name, None)
