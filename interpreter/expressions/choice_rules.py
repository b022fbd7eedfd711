"""The rules of Choice states: a table of comparison operators, and And, Or, Not.

A value of another type than the operator compares makes the comparison false; it is no error.

Source: https://states-language.net/spec.html#choice-state
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Protocol, TypeAlias

from stepraft.interpreter.documents import Json
from stepraft.interpreter.errors import RUNTIME, LanguageError
from stepraft.interpreter.expressions.environment import Environment
from stepraft.interpreter.expressions.path_search import PathMissError
from stepraft.interpreter.expressions.paths import Path
from stepraft.interpreter.expressions.templates import Template
from stepraft.interpreter.expressions.timestamps import to_unix_ns


class OperandKind(Enum):
    """What stands to the right of an operator in the definition."""

    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"
    PATH = "reference path"


Comparison: TypeAlias = Callable[[Json, Json], bool]
"""(value that Variable leads to, operand) -> whether the rule matches."""


class Condition(Protocol):
    """A condition: a comparison, or And, Or, Not of such."""

    def matches(self, document: Json, environment: Environment) -> bool:
        """Whether the condition holds.

        Raises LanguageError (States.Runtime) if a path leads nowhere.
        """
        ...


@dataclass(frozen=True, slots=True)
class Compare:
    """`Variable` against a literal."""

    variable: Path
    compare: Comparison
    operand: Json

    def matches(self, document: Json, environment: Environment) -> bool:
        """Whether the comparison holds."""
        return self.compare(_read(self.variable, document, environment), self.operand)


@dataclass(frozen=True, slots=True)
class ComparePath:
    """`Variable` against the value that another path leads to."""

    variable: Path
    compare: Comparison
    operand: Path

    def matches(self, document: Json, environment: Environment) -> bool:
        """Whether the comparison holds."""
        value = _read(self.variable, document, environment)
        return self.compare(value, _read(self.operand, document, environment))


@dataclass(frozen=True, slots=True)
class IsPresent:
    """Whether `variable` leads somewhere, the one test for which a miss is no error."""

    variable: Path
    expected: bool

    def matches(self, document: Json, environment: Environment) -> bool:
        """Whether the presence is the expected one."""
        try:
            self.variable.read(document, environment)
        except PathMissError:
            return not self.expected
        return self.expected


@dataclass(frozen=True, slots=True)
class And:
    """All of the tests match; those behind the first that does not are not evaluated."""

    tests: tuple[Condition, ...]

    def matches(self, document: Json, environment: Environment) -> bool:
        """Whether all of the tests match."""
        return all(test.matches(document, environment) for test in self.tests)


@dataclass(frozen=True, slots=True)
class Or:
    """One of the tests matches; those behind it are not evaluated."""

    tests: tuple[Condition, ...]

    def matches(self, document: Json, environment: Environment) -> bool:
        """Whether one of the tests matches."""
        return any(test.matches(document, environment) for test in self.tests)


@dataclass(frozen=True, slots=True)
class Not:
    """The test does not match."""

    test: Condition

    def matches(self, document: Json, environment: Environment) -> bool:
        """Whether the test does not match."""
        return not self.test.matches(document, environment)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceRule:
    """One entry of Choices. `assign`, if there is one, counts instead of the state's."""

    test: Condition
    next_state: str
    assign: Template | None = None
    comment: str | None = None

    def matches(self, document: Json, environment: Environment) -> bool:
        """Whether the effective input `document` takes this way. Raises LanguageError."""
        return self.test.matches(document, environment)


@dataclass(frozen=True, slots=True)
class Operator:
    """One row of the table: the kind of operand, and how Variable and operand become a test."""

    operand: OperandKind
    compile: Callable[[Path, Any], Condition]


def _read(path: Path, document: Json, environment: Environment) -> Json:
    try:
        return path.read(document, environment)
    except PathMissError:
        raise LanguageError(
            RUNTIME,
            f"Invalid path '{path.text}': The choice state's condition path references an"
            " invalid value.",
        ) from None


class _Pattern:
    """The operand of StringMatches: texts that must follow one another, anything between them.

    Greedy from the left, which is right for wildcards and never goes back: the work is bounded.
    """

    __slots__ = ("_is_open", "_pieces")

    def __init__(self, pattern: str) -> None:
        pieces = [""]
        characters = iter(pattern)
        self._is_open = False
        for character in characters:
            if character == "*":
                pieces.append("")
                continue
            if character == "\\":
                character = next(characters, "")  # noqa: PLW2901 - the escaped one
                self._is_open = self._is_open or character not in ("*", "\\")
            pieces[-1] += character
        self._pieces = tuple(pieces)

    def matches(self, value: Json, operand: Json) -> bool:
        if self._is_open:
            raise LanguageError(
                RUNTIME, f"The StringMatches pattern '{operand}' has an open escape sequence."
            )
        if not isinstance(value, str):
            return False
        first, *middle = self._pieces
        if not middle:
            return value == first
        last = middle.pop()
        if len(value) < len(first) + len(last):
            return False
        if not value.startswith(first) or not value.endswith(last):
            return False
        position, end = len(first), len(value) - len(last)
        for piece in middle:
            found = value.find(piece, position, end)
            if found < 0:
                return False
            position = found + len(piece)
        return True


def _literal(kind: OperandKind, compare: Comparison) -> Operator:
    return Operator(kind, lambda variable, operand: Compare(variable, compare, operand))


def _path(compare: Comparison) -> Operator:
    return Operator(
        OperandKind.PATH, lambda variable, operand: ComparePath(variable, compare, operand)
    )


def _string_matches(variable: Path, pattern: str) -> Condition:
    return Compare(variable, _Pattern(pattern).matches, pattern)


def _of_strings(holds: Callable[[str, str], bool]) -> Comparison:
    return lambda value, operand: (
        isinstance(value, str) and isinstance(operand, str) and holds(value, operand)
    )


def _of_numbers(holds: Callable[[float, float], bool]) -> Comparison:
    def compare(value: Json, operand: Json) -> bool:
        if not isinstance(value, (int, float)) or not isinstance(operand, (int, float)):
            return False
        if isinstance(value, bool) or isinstance(operand, bool):
            return False
        return holds(value, operand)

    return compare


def _of_booleans(value: Json, operand: Json) -> bool:
    return isinstance(value, bool) and value is operand


def _of_timestamps(holds: Callable[[int, int], bool]) -> Comparison:
    def compare(value: Json, operand: Json) -> bool:
        if not isinstance(value, str) or not isinstance(operand, str):
            return False
        left, right = to_unix_ns(value), to_unix_ns(operand)
        return left is not None and right is not None and holds(left, right)

    return compare


def _is_number(value: Json) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_timestamp(value: Json) -> bool:
    return isinstance(value, str) and to_unix_ns(value) is not None


_RELATIONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "Equals": lambda left, right: left == right,
    "LessThan": lambda left, right: left < right,
    "GreaterThan": lambda left, right: left > right,
    "LessThanEquals": lambda left, right: left <= right,
    "GreaterThanEquals": lambda left, right: left >= right,
}

_COMPARED_TYPES: Final[
    Mapping[str, tuple[OperandKind, Callable[[Callable[[Any, Any], bool]], Comparison]]]
] = {
    "String": (OperandKind.STRING, _of_strings),
    "Numeric": (OperandKind.NUMBER, _of_numbers),
    "Timestamp": (OperandKind.TIMESTAMP, _of_timestamps),
}


def _relational_operators() -> dict[str, Operator]:
    operators = {}
    for type_name, (kind, of) in _COMPARED_TYPES.items():
        for relation, holds in _RELATIONS.items():
            operators[f"{type_name}{relation}"] = _literal(kind, of(holds))
            operators[f"{type_name}{relation}Path"] = _path(of(holds))
    return operators


def _type_test(holds: Callable[[Json], bool]) -> Operator:
    return _literal(OperandKind.BOOLEAN, lambda value, operand: holds(value) is operand)


OPERATORS: Final[Mapping[str, Operator]] = {
    **_relational_operators(),
    "BooleanEquals": _literal(OperandKind.BOOLEAN, _of_booleans),
    "BooleanEqualsPath": _path(_of_booleans),
    "StringMatches": Operator(OperandKind.STRING, _string_matches),
    "IsNull": _type_test(lambda value: value is None),
    "IsPresent": Operator(OperandKind.BOOLEAN, IsPresent),
    "IsNumeric": _type_test(_is_number),
    "IsString": _type_test(lambda value: isinstance(value, str)),
    "IsBoolean": _type_test(lambda value: isinstance(value, bool)),
    "IsTimestamp": _type_test(_is_timestamp),
}
"""The 39 comparison operators by the name that they have in a rule."""
