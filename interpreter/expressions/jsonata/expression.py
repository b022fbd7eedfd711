"""An expression, read once and evaluated often."""

import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from stepraft.interpreter.expressions.jsonata import (
    array_functions,
    date_functions,
    extra_functions,
    number_functions,
    object_functions,
    text_functions,
)
from stepraft.interpreter.expressions.jsonata.calls import Evaluate
from stepraft.interpreter.expressions.jsonata.compiler import compile_node
from stepraft.interpreter.expressions.jsonata.errors import JsonataError
from stepraft.interpreter.expressions.jsonata.frames import TOO_DEEP, Frame, Run
from stepraft.interpreter.expressions.jsonata.library import natives
from stepraft.interpreter.expressions.jsonata.parser import DEPTH_MAX, parse
from stepraft.interpreter.expressions.jsonata.values import Outer, Sequence, Value

LIBRARY: Final[dict[str, Value]] = {
    **natives(text_functions.FUNCTIONS),
    **natives(number_functions.FUNCTIONS),
    **natives(array_functions.FUNCTIONS),
    **natives(object_functions.FUNCTIONS),
    **natives(date_functions.FUNCTIONS),
    **natives(extra_functions.FUNCTIONS),
}
"""All functions of the language. There is no `eval`: an expression is known when it is deployed."""


# A call within a call of an expression takes a dozen frames or two of Python, which in this version
# of it lie on the heap.
sys.setrecursionlimit(max(sys.getrecursionlimit(), 10_000))


class Expression:
    """A compiled expression."""

    __slots__ = ("_evaluate", "text", "variables")

    def __init__(self, text: str, variables: frozenset[str], evaluate: Evaluate) -> None:
        self.text = text
        self.variables = variables
        """The names of all variables in it, its own among them."""
        self._evaluate = evaluate

    def evaluate(self, input_: Value, variables: Mapping[str, Value], run: Run) -> Value:
        """Return the value, or UNDEFINED. `variables`: by name, without `$`.

        Errors: JsonataError.
        """
        outer = Frame(run, None, LIBRARY)
        root = Outer([input_]) if type(input_) is list else input_
        frame = outer.inner({"$": input_, **variables})
        try:
            result = self._evaluate(root, frame)
        except RecursionError:
            raise JsonataError("U1001", value=TOO_DEEP) from None
        return list(result) if isinstance(result, Sequence) else result


def _compiled(text: str) -> tuple[frozenset[str], Evaluate]:
    tree, variables = parse(text)
    return variables, compile_node(tree)


@lru_cache(maxsize=4096)
def compile_expression(text: str) -> Expression:
    """Return a compiled expression. Errors: JsonataError, S0xxx."""
    try:
        return Expression(text, *_compiled(text))
    except RecursionError:
        raise JsonataError("S0500", value=DEPTH_MAX) from None
