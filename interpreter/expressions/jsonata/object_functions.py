"""The functions on objects and on values of any type.

Source: https://docs.jsonata.org/object-functions
"""

from typing import Any, Final

from stepraft.interpreter.expressions.jsonata.calls import call_back
from stepraft.interpreter.expressions.jsonata.errors import JsonataError
from stepraft.interpreter.expressions.jsonata.frames import Run
from stepraft.interpreter.expressions.jsonata.library import Definition
from stepraft.interpreter.expressions.jsonata.values import (
    UNDEFINED,
    Function,
    Sequence,
    Value,
    append,
    lookup,
    truth,
    type_of,
)


def _keys(run: Run, value: Value) -> Value:
    run.spend(len(value) if isinstance(value, list | dict) else 1)
    if isinstance(value, list):
        names = dict.fromkeys(
            name for item in value if isinstance(item, list | dict) for name in _names(run, item)
        )
        return Sequence(names)
    return Sequence(value) if isinstance(value, dict) else Sequence()


def _names(run: Run, item: Value) -> Any:
    names = _keys(run, item)
    return names if isinstance(names, list) else ()


def _lookup(run: Run, value: Value, key: Value) -> Value:
    return lookup(value, key)


def _spread(run: Run, value: Value) -> Value:
    if isinstance(value, list):
        found: Value = Sequence()
        for item in value:
            found = append(found, _spread(run, item))
        return found
    if isinstance(value, dict):
        run.spend(len(value))
        return Sequence({name: item} for name, item in value.items())
    return "" if isinstance(value, Function) else value


def _merge(run: Run, values: Value) -> Value:
    if values is UNDEFINED:
        return UNDEFINED
    merged: dict[str, Any] = {}
    for value in values:
        run.spend(len(value) + 1)
        merged.update(value)
    return merged


def _each(run: Run, value: Value, function: Value) -> Value:
    if value is UNDEFINED:
        return UNDEFINED
    found = Sequence()
    for name, item in value.items():
        result = call_back(run, function, item, name, value)
        if result is not UNDEFINED:
            found.append(result)
    return found


def _sift(run: Run, value: Value, function: Value) -> Value:
    if value is UNDEFINED:
        return UNDEFINED
    kept = {
        name: item
        for name, item in value.items()
        if function is UNDEFINED or truth(call_back(run, function, item, name, value))
    }
    return kept or UNDEFINED


def _type(run: Run, value: Value) -> Value:
    return UNDEFINED if value is UNDEFINED else type_of(value)


def _error(run: Run, text: Value) -> Value:
    raise JsonataError("D3137", value=text or "$error() function evaluated")


def _assert(run: Run, condition: Value, text: Value) -> Value:
    if not condition:
        raise JsonataError("D3141", value=text or "$assert() statement failed")
    return UNDEFINED


def _clone(run: Run, value: Value) -> Value:
    run.spend(1)
    if isinstance(value, list):
        return [_clone(run, item) for item in value]
    if isinstance(value, dict):
        return {name: _clone(run, item) for name, item in value.items()}
    return value


FUNCTIONS: Final[dict[str, Definition]] = {
    "keys": ("<x-:a<s>>", _keys, 1),
    "lookup": ("<x-s:x>", _lookup, 2),
    "spread": ("<x-:a<o>>", _spread, 1),
    "merge": ("<a<o>:o>", _merge, 1),
    "each": ("<o-f:a>", _each, 2),
    "sift": ("<o-f?:o>", _sift, 2),
    "type": ("<x:s>", _type, 1),
    "error": ("<s?:x>", _error, 1),
    "assert": ("<bs?:x>", _assert, 2),
    "clone": ("<(oa)-:o>", _clone, 1),
}
"""Signature, implementation and how many arguments it looks at, by name."""
