"""The grammar of JSONPath: from text to a root and segments.

The dialect is Jayway's, as the language's best-known implementation has it, without functions and
regular expressions. A backslash in a dotted name makes the next character part of the name.

Source: https://states-language.net/spec.html#path and https://github.com/json-path/JsonPath
"""

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from stepraft.interpreter.expressions.path_filters import Filter, Operand, scan_filter
from stepraft.interpreter.expressions.scanner import ExpressionSyntaxError, Scanner, unescaped

INPUT_ROOT: Final = "$"
CONTEXT_ROOT: Final = "$$"


@dataclass(frozen=True, slots=True)
class Names:
    """`['a','b']`: several properties; last in a path it gives one object of them."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Indexes:
    """`[0,2]`: several elements; a negative index counts from the end."""

    indexes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """`[1:3]`: the elements from the first index up to, without, the second."""

    start: int | None
    stop: int | None


@dataclass(frozen=True, slots=True)
class Wildcard:
    """`*`: every value of an object or array."""


@dataclass(frozen=True, slots=True)
class Descent:
    """`..`: a node and all below it, parents first."""


Step: TypeAlias = str | int
"""A definite step: the name of a property or the index of an element."""

Segment: TypeAlias = Step | Names | Indexes | Slice | Wildcard | Descent | Filter


@dataclass(frozen=True, slots=True)
class ParsedPath:
    """`root` is `$`, `$$`, or the name of a variable with its `$`."""

    root: str
    segments: tuple[Segment, ...]

    @property
    def steps(self) -> tuple[Step, ...] | None:
        """The segments if each of them is a definite step, else None."""
        return definite_steps(self.segments)


def parse_path(text: str) -> ParsedPath:
    """Return the parts of a path that begins with `$`.

    Raises ExpressionSyntaxError, which says what is wrong where.
    """
    scanner = Scanner(text)
    root = _scan_root(scanner)
    segments = _scan_segments(scanner, _NAME)
    if not scanner.at_end():
        raise scanner.error(f"{scanner.peek()!r} is unexpected")
    return ParsedPath(root, segments)


def definite_steps(segments: tuple[Segment, ...]) -> tuple[Step, ...] | None:
    """Return the segments if each of them is a definite step, else None."""
    steps = tuple(segment for segment in segments if isinstance(segment, (str, int)))
    return steps if len(steps) == len(segments) else None


_ROOT: Final = re.compile(r"\$(?:\$|\w+)?")
_NAME: Final = re.compile(r"(?:\\.|[^\\.\[\]()\s])+")
_NAME_IN_FILTER: Final = re.compile(r"(?:\\.|[^\\.\[\]()\s=<>!&|,])+")
_SLICE: Final = re.compile(r"(-?\d{1,9})?\s*:\s*(-?\d{1,9})?")
_INDEX: Final = re.compile(r"-?\d{1,9}")


def _scan_root(scanner: Scanner) -> str:
    root = scanner.take(_ROOT)
    if root is None:
        raise scanner.error("a path begins with '$'; it is missing")
    if root not in (INPUT_ROOT, CONTEXT_ROOT) and not root[1:].isidentifier():
        raise scanner.error(f"{root[1:]!r} is no variable name")
    return root


def _scan_segments(scanner: Scanner, name: re.Pattern[str]) -> tuple[Segment, ...]:
    segments: list[Segment] = []
    while True:
        if scanner.take_text(".."):
            segments.append(Descent())
            segments.append(_bracket(scanner) if scanner.take_text("[") else _dotted(scanner, name))
        elif scanner.take_text("."):
            segments.append(_bracket(scanner) if scanner.take_text("[") else _dotted(scanner, name))
        elif scanner.take_text("["):
            segments.append(_bracket(scanner))
        else:
            return tuple(segments)


def _dotted(scanner: Scanner, name_pattern: re.Pattern[str]) -> Segment:
    if scanner.take_text("*"):
        return Wildcard()
    name = scanner.take(name_pattern)
    if name is None:
        raise scanner.error("a name is missing")
    if scanner.peek() == "(":
        raise scanner.error(f"paths have no functions such as {name}(); one stands")
    return unescaped(name)


def _bracket(scanner: Scanner) -> Segment:
    """Read what stands in brackets and the closing one; the opening one has been read."""
    scanner.skip_blanks()
    segment = _in_brackets(scanner)
    scanner.skip_blanks()
    if not scanner.take_text("]"):
        raise scanner.error("']' is missing")
    return segment


def _in_brackets(scanner: Scanner) -> Segment:
    if scanner.take_text("*"):
        return Wildcard()
    if scanner.take_text("?"):
        return scan_filter(scanner, _scan_operand)
    if scanner.peek() in ("'", '"'):
        names = scanner.separated(lambda: unescaped(scanner.quoted()))
        return names[0] if len(names) == 1 else Names(tuple(names))
    bounds = scanner.take(_SLICE)
    if bounds is not None:
        start, _, stop = bounds.partition(":")
        return Slice(int(start) if start.strip() else None, int(stop) if stop.strip() else None)
    indexes = scanner.separated(lambda: _index(scanner))
    return indexes[0] if len(indexes) == 1 else Indexes(tuple(indexes))


def _index(scanner: Scanner) -> int:
    digits = scanner.take(_INDEX)
    if digits is None:
        raise scanner.error("an index, a quoted name, '*' or a filter is missing")
    return int(digits)


def _scan_operand(scanner: Scanner) -> Operand:
    """Read a path inside a filter; that it leads to one node bounds the work of the filter."""
    from_current = scanner.take_text("@")
    if not from_current and not scanner.take_text(INPUT_ROOT):
        raise scanner.error("a path or a value is missing")
    steps = definite_steps(_scan_segments(scanner, _NAME_IN_FILTER))
    if steps is None:
        raise scanner.error("a path inside a filter leads to a single node; another one stands")
    return Operand(from_current, steps)


__all__ = [
    "CONTEXT_ROOT",
    "INPUT_ROOT",
    "Descent",
    "ExpressionSyntaxError",
    "Filter",
    "Indexes",
    "Names",
    "ParsedPath",
    "Segment",
    "Slice",
    "Step",
    "Wildcard",
    "parse_path",
]
