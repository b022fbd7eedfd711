"""Compiled paths: what InputPath, Variable, `.$` values and their like read.

Source: https://states-language.net/spec.html#path and #ref-paths
"""

from typing import Final

from stepraft.interpreter.documents import Json, require_bounded, type_name
from stepraft.interpreter.expressions.environment import Environment
from stepraft.interpreter.expressions.path_search import PathMissError, bracketed, search
from stepraft.interpreter.expressions.path_syntax import (
    CONTEXT_ROOT,
    INPUT_ROOT,
    ParsedPath,
    Step,
    parse_path,
)
from stepraft.interpreter.expressions.scanner import ExpressionSyntaxError

PATH_LENGTH_MAX: Final = 4096
"""Characters that one path may have."""


class Path:
    """A compiled path. `text` is what the definition says, `root` is `$`, `$$` or `$variable`.

    `steps` is None if the path may lead to many nodes.
    """

    __slots__ = ("_segments", "root", "steps", "text")

    def __init__(self, text: str, parsed: ParsedPath) -> None:
        self.text = text
        self.root = parsed.root
        self.steps: tuple[Step, ...] | None = parsed.steps
        self._segments = parsed.segments

    @property
    def variable(self) -> str | None:
        """The name of the variable that the path reads, None if it reads the input or context."""
        return None if self.root in (INPUT_ROOT, CONTEXT_ROOT) else self.root[1:]

    def read(self, document: Json, environment: Environment) -> Json:
        """Return the node that the path leads to, or the list of nodes if it may lead to many.

        Raises PathMissError when it leads nowhere, and LanguageError (States.Runtime) when the
        search would take too long or its result would be huge.
        """
        node = self._start(document, environment)
        if self.steps is None:
            found = search(self._segments, node, environment)
            require_bounded(found)
            return found
        for position, step in enumerate(self.steps):
            try:
                if type(step) is str:
                    node = node[step]  # type: ignore[index, call-overload]
                elif type(node) is list:
                    node = node[step]  # type: ignore[index]
                else:
                    raise KeyError(step)
            except (KeyError, IndexError, TypeError):
                raise PathMissError(_miss(self.steps, position, node)) from None
        return node

    def _start(self, document: Json, environment: Environment) -> Json:
        if self.root == INPUT_ROOT:
            return document
        if self.root == CONTEXT_ROOT:
            return environment.context
        try:
            return environment.variables[self.root[1:]]
        except KeyError:
            raise PathMissError(f"The variable {self.root} has no value") from None


def compile_path(text: str) -> Path:
    """Return the compiled path. Raises ExpressionSyntaxError."""
    if len(text) > PATH_LENGTH_MAX:
        raise ExpressionSyntaxError(f"a path has at most {PATH_LENGTH_MAX} characters")
    return Path(text, parse_path(text))


def compile_reference_path(text: str) -> Path:
    """Return a path that leads to at most one node. Raises ExpressionSyntaxError.

    Source: https://states-language.net/spec.html#ref-paths
    """
    path = compile_path(text)
    if path.steps is None:
        raise ExpressionSyntaxError("a reference path identifies a single node")
    return path


WHOLE_INPUT: Final = compile_path(INPUT_ROOT)
"""The path `$`."""


def _miss(steps: tuple[Step, ...], position: int, node: Json) -> str:
    """Say why `steps[position]` cannot be taken from `node`, in the words of Jayway's JsonPath."""
    reached, step = bracketed(steps[:position]), steps[position]
    if isinstance(step, str) and not isinstance(node, dict):
        return (
            f"Expected to find an object with property ['{step}'] in path ${reached}"
            f" but found {type_name(node)}"
        )
    if isinstance(step, int) and not isinstance(node, list):
        return f"Expected to find an array in path ${reached} but found {type_name(node)}"
    if isinstance(step, str) and position < len(steps) - 1:
        return f"Missing property in path ${reached}['{step}']"
    return f"No results for path: ${bracketed(steps)}"


__all__ = [
    "WHOLE_INPUT",
    "ExpressionSyntaxError",
    "Path",
    "PathMissError",
    "compile_path",
    "compile_reference_path",
]
