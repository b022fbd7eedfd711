"""Evaluation of paths that may lead to many nodes.

A step that is missing on the definite beginning of a path is an error; behind a wildcard, filter,
slice, union or descent it is skipped.

Source: https://github.com/json-path/JsonPath#what-is-returned-when
"""

from collections.abc import Iterator

from stepraft.interpreter.documents import Json, type_name
from stepraft.interpreter.expressions.environment import Environment
from stepraft.interpreter.expressions.path_filters import Filter, in_range
from stepraft.interpreter.expressions.path_syntax import (
    Descent,
    Indexes,
    Names,
    Segment,
    Slice,
    Wildcard,
)


class PathMissError(Exception):
    """A path leads nowhere; the message says at which step."""


def search(segments: tuple[Segment, ...], root: Json, environment: Environment) -> Json:
    """Return the node if every segment is definite, else the list of all nodes that match.

    Raises PathMissError, and LanguageError when it would take too many steps.
    """
    nodes = [root]
    definite_prefix = "$"
    definite = True
    for position, segment in enumerate(segments):
        is_last = position == len(segments) - 1
        if definite:
            _require(segment, nodes[0], definite_prefix)
        nodes = _select(segment, nodes, root, is_last, environment)
        definite = definite and _is_definite(segment, is_last)
        definite_prefix += _shown(segment)
    return nodes[0] if definite else nodes


def bracketed(steps: tuple[str | int, ...]) -> str:
    """Return definite steps in brackets, `['a'][0]`."""
    return "".join(_shown(step) for step in steps)


def _shown(segment: Segment) -> str:
    if isinstance(segment, str):
        return f"['{segment}']"
    return f"[{segment}]" if isinstance(segment, int) else ""


def _is_definite(segment: Segment, is_last: bool) -> bool:
    return isinstance(segment, (str, int)) or (isinstance(segment, Names) and is_last)


def _require(segment: Segment, node: Json, prefix: str) -> None:
    """Refuse a segment that cannot be applied to the one node that the beginning leads to."""
    match segment:
        case str() | Names() if not isinstance(node, dict):
            raise PathMissError(
                f"Expected to find an object in path {prefix} but found {type_name(node)}"
            )
        case str() if segment not in node:  # type: ignore[operator]
            raise PathMissError(f"Missing property in path {prefix}['{segment}']")
        case int() | Indexes() | Slice() if not isinstance(node, list):
            raise PathMissError(
                f"Expected to find an array in path {prefix} but found {type_name(node)}"
            )
        case int() if not in_range(segment, len(node)):  # type: ignore[arg-type]
            raise PathMissError(f"No results for path: {prefix}[{segment}]")
        case Filter() if not isinstance(node, (dict, list)):
            raise PathMissError(
                f"Expected to find an object or array in path {prefix} but found {type_name(node)}"
            )


def _select(
    segment: Segment, nodes: list[Json], root: Json, is_last: bool, environment: Environment
) -> list[Json]:
    selected: list[Json] = []
    for node in nodes:
        for found in _select_one(segment, node, root, is_last, environment):
            environment.spend(1)
            selected.append(found)
    return selected


def _select_one(
    segment: Segment, node: Json, root: Json, is_last: bool, environment: Environment
) -> Iterator[Json]:
    match segment:
        case str():
            if isinstance(node, dict) and segment in node:
                yield node[segment]
        case int():
            if isinstance(node, list) and in_range(segment, len(node)):
                yield node[segment]
        case Names():
            if isinstance(node, dict):
                chosen = {name: node[name] for name in segment.names if name in node}
                yield from [chosen] if is_last else chosen.values()
        case Indexes():
            if isinstance(node, list):
                yield from (node[i] for i in segment.indexes if in_range(i, len(node)))
        case Slice():
            if isinstance(node, list):
                yield from node[segment.start : segment.stop]
        case Wildcard():
            yield from _children(node)
        case Descent():
            yield from _descend(node, environment)
        case Filter():
            candidates = [node] if isinstance(node, dict) else _children(node)
            yield from (found for found in candidates if segment.passes(found, root, environment))


def _children(node: Json) -> list[Json]:
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []


def _descend(node: Json, environment: Environment) -> Iterator[Json]:
    """The node and all containers below it, parents first; a scalar has nothing to select."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        if isinstance(current, (dict, list)):
            yield current
            children = _children(current)
            environment.spend(len(children))
            waiting.extend(reversed(children))
