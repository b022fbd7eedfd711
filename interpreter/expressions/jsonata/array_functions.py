"""The functions on arrays, and those that take functions.

Source: https://docs.jsonata.org/array-functions and /higher-order-functions
"""

from typing import Any, Final

from stepraft.interpreter.expressions.jsonata.calls import apply, call_back
from stepraft.interpreter.expressions.jsonata.errors import JsonataError
from stepraft.interpreter.expressions.jsonata.frames import Run
from stepraft.interpreter.expressions.jsonata.library import Definition
from stepraft.interpreter.expressions.jsonata.values import (
    UNDEFINED,
    Sequence,
    Value,
    append,
    equal,
    is_number,
    truth,
)


def _count(run: Run, values: Value) -> Value:
    return 0 if values is UNDEFINED else len(values)


def _append(run: Run, left: Value, right: Value) -> Value:
    run.spend(sum(len(side) for side in (left, right) if isinstance(side, list)))
    return append(left, right)


def _reverse(run: Run, values: Value) -> Value:
    if values is UNDEFINED:
        return UNDEFINED
    run.spend(len(values))
    return list(reversed(values))


def _shuffle(run: Run, values: Value) -> Value:
    if values is UNDEFINED:
        return UNDEFINED
    run.spend(len(values))
    shuffled = list(values)
    for last in range(len(shuffled) - 1, 0, -1):
        other = int.from_bytes(run.source.draw()[:8], "big") % (last + 1)
        shuffled[last], shuffled[other] = shuffled[other], shuffled[last]
    return shuffled


def _distinct(run: Run, values: Value) -> Value:
    if not isinstance(values, list) or len(values) <= 1:
        return values
    kept: list[Value] = []
    seen: set[Any] = set()
    for value in values:
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            if value not in seen:
                seen.add(value)
                kept.append(value)
            continue
        run.spend(len(kept) + 1)
        if not any(equal(value, other) for other in kept):
            kept.append(value)
    return Sequence(kept) if type(values) is Sequence else kept


def _sort(run: Run, values: Value, comes_after: Value) -> Value:
    if values is UNDEFINED:
        return UNDEFINED
    run.spend(len(values))
    if len(values) <= 1:
        return list(values)
    if comes_after is UNDEFINED:
        is_uniform = all(map(is_number, values)) or all(isinstance(v, str) for v in values)
        if not is_uniform:
            raise JsonataError("D3070")
        return sorted(values)
    return _merge_sorted(run, list(values), comes_after)


def _merge_sorted(run: Run, values: list[Value], comes_after: Value) -> list[Value]:
    """Sort with few assumptions: the function may say of each pair only whether it is in the wrong
    order.
    """

    def compare(left: Value, right: Value) -> int:
        return 1 if truth(apply(run, comes_after, [left, right])) else -1

    if len(values) <= 1:
        return values
    middle = len(values) // 2
    left = _merge_sorted(run, values[:middle], comes_after)
    right = _merge_sorted(run, values[middle:], comes_after)
    merged: list[Value] = []
    at = to = 0
    while at < len(left) and to < len(right):
        if compare(left[at], right[to]) > 0:
            merged.append(right[to])
            to += 1
        else:
            merged.append(left[at])
            at += 1
    return merged + left[at:] + right[to:]


def _zip(run: Run, *arrays: Value) -> Value:
    columns = [each if isinstance(each, list) else [] for each in arrays if each is not UNDEFINED]
    if len(columns) < len(arrays):
        return []
    run.spend(sum(map(len, columns)))
    return [list(row) for row in zip(*columns, strict=False)]


def _map(run: Run, values: Value, function: Value) -> Value:
    if values is UNDEFINED:
        return UNDEFINED
    found = Sequence()
    for place, value in enumerate(values):
        result = call_back(run, function, value, place, values)
        if result is not UNDEFINED:
            found.append(result)
    return found


def _filter(run: Run, values: Value, function: Value) -> Value:
    if values is UNDEFINED:
        return UNDEFINED
    return Sequence(
        value
        for place, value in enumerate(values)
        if truth(call_back(run, function, value, place, values))
    )


def _single(run: Run, values: Value, function: Value) -> Value:
    if values is UNDEFINED:
        return UNDEFINED
    found = [
        value
        for place, value in enumerate(values)
        if function is UNDEFINED or truth(call_back(run, function, value, place, values))
    ]
    if len(found) != 1:
        raise JsonataError("D3138" if found else "D3139")
    return found[0]


def _reduce(run: Run, values: Value, function: Value, initial: Value) -> Value:
    if values is UNDEFINED:
        return UNDEFINED
    if function.arity < 2:
        raise JsonataError("D3050")
    start = 0
    result = initial
    if initial is UNDEFINED:
        if not values:
            return UNDEFINED
        result, start = values[0], 1
    for place in range(start, len(values)):
        arguments = [result, values[place], place, values]
        result = apply(run, function, arguments[: max(2, function.arity)])
    return result


FUNCTIONS: Final[dict[str, Definition]] = {
    "count": ("<a:n>", _count, 1),
    "append": ("<xx:a>", _append, 2),
    "reverse": ("<a:a>", _reverse, 1),
    "shuffle": ("<a:a>", _shuffle, 1),
    "distinct": ("<x:x>", _distinct, 1),
    "sort": ("<af?:a>", _sort, 2),
    "zip": ("<a+>", _zip, 0),
    "map": ("<af>", _map, 2),
    "filter": ("<af>", _filter, 2),
    "single": ("<af?>", _single, 2),
    "reduce": ("<afj?:j>", _reduce, 3),
}
"""Signature, implementation and how many arguments it looks at, by name."""
