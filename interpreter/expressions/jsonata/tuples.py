"""Streams of tuples: what a path carries that binds variables on its way.

A tuple is an object of what was bound, and under `@` the result itself.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from stepraft.interpreter.expressions.jsonata.calls import Evaluate
from stepraft.interpreter.expressions.jsonata.frames import Frame
from stepraft.interpreter.expressions.jsonata.nodes import Node

Compile: TypeAlias = Callable[[Node], Evaluate]
VALUE: Final = "@"


class Tuples(list[dict[str, Any]]):
    """A stream of tuples."""

    __slots__ = ()


def scope_of(bound: dict[str, Any], frame: Frame) -> Frame:
    """Return the scope in which what a tuple binds is known."""
    return frame.inner(dict(bound))
