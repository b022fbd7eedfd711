"""ResultPath: a reference path that is written to.

Source: https://states-language.net/spec.html#using-paths
"""

from stepraft.interpreter.documents import INPUT_DEPTH_MAX, Json, shown
from stepraft.interpreter.errors import RESULT_PATH_MATCH_FAILURE, LanguageError
from stepraft.interpreter.expressions.path_filters import in_range
from stepraft.interpreter.expressions.path_syntax import INPUT_ROOT, Step
from stepraft.interpreter.expressions.paths import compile_reference_path
from stepraft.interpreter.expressions.scanner import ExpressionSyntaxError


class ResultPath:
    """Where in its raw input a state puts its result; `$` replaces the input by the result."""

    __slots__ = ("steps", "text")

    def __init__(self, text: str = INPUT_ROOT, steps: tuple[Step, ...] = ()) -> None:
        self.text = text
        self.steps = steps

    def merge(self, document: Json, result: Json) -> Json:
        """Return `document` with `result` at this path; `document` itself stays as it is.

        Objects that are missing on the way are made. Raises LanguageError
        (States.ResultPathMatchFailure) if the path leads through a value that is no object, or to
        an element that its array does not have.
        """
        if not self.steps:
            return result
        return self._merged(document, result, 0)

    def _merged(self, node: Json, result: Json, position: int) -> Json:
        if position == len(self.steps):
            return result
        step = self.steps[position]
        if isinstance(step, str) and isinstance(node, dict):
            child = node.get(step, {})
            return {**node, step: self._merged(child, result, position + 1)}
        if isinstance(step, int) and isinstance(node, list) and in_range(step, len(node)):
            copied = list(node)
            copied[step] = self._merged(node[step], result, position + 1)
            return copied
        raise LanguageError(
            RESULT_PATH_MATCH_FAILURE,
            f"Unable to apply ReferencePath {self.text} to input {shown(node)}",
        )


def compile_result_path(text: str) -> ResultPath:
    """Return the compiled ResultPath. Raises ExpressionSyntaxError."""
    path = compile_reference_path(text)
    if path.root != INPUT_ROOT or path.steps is None:
        raise ExpressionSyntaxError("a result goes into the input: the path begins with '$.'")
    if len(path.steps) > INPUT_DEPTH_MAX:
        raise ExpressionSyntaxError(f"a result goes at most {INPUT_DEPTH_MAX} levels deep")
    return ResultPath(text, path.steps)
