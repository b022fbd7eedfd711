"""Filters of JSONPath, `[?(@.price < 10 && @.sold != true)]`: grammar and evaluation.

A comparison of values that cannot be compared is false. A number and a string are equal if the
string is the number's text. A path that leads nowhere equals nothing, not even null.

Source: https://github.com/json-path/JsonPath#filter-operators
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from stepraft.interpreter.documents import Json, equal
from stepraft.interpreter.expressions.environment import Environment
from stepraft.interpreter.expressions.scanner import Scanner, unescaped

NESTING_MAX: Final = 32
"""Levels of parentheses and negations in a filter."""


class Absent:
    """The type of `ABSENT`, what a path inside a filter gives when it leads nowhere."""

    __slots__ = ()


ABSENT: Final = Absent()
Found: TypeAlias = "Json | Absent"

Test: TypeAlias = Callable[[Json, Json, Environment], bool]
"""(current node, root document, environment) -> whether the node passes."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A compiled filter."""

    passes: Test


@dataclass(frozen=True, slots=True)
class Operand:
    """A definite path inside a filter, from the current node `@` or from the root `$`."""

    from_current: bool
    steps: tuple[str | int, ...]

    def read(self, current: Json, root: Json) -> Found:
        """Return the node, or ABSENT."""
        node = current if self.from_current else root
        for step in self.steps:
            if isinstance(step, str):
                if not isinstance(node, dict) or step not in node:
                    return ABSENT
                node = node[step]
            else:
                if not isinstance(node, list) or not in_range(step, len(node)):
                    return ABSENT
                node = node[step]
        return node


@dataclass(frozen=True, slots=True)
class Literal:
    """A value written in a filter."""

    value: Json

    def read(self, current: Json, root: Json) -> Found:
        """Return the value."""
        return self.value


def in_range(index: int, length: int) -> bool:
    """Whether an array of `length` has an element `index`, counted from the end if negative."""
    return -length <= index < length


def scan_filter(scanner: Scanner, scan_operand: Callable[[Scanner], Operand]) -> Filter:
    """Read `(…)`; the question mark before it has been read.

    `scan_operand` reads a path. Raises ExpressionSyntaxError.
    """
    return Filter(_FilterGrammar(scanner, scan_operand).parenthesised())


class _FilterGrammar:
    """Recursive descent: or, and, not, comparison."""

    def __init__(self, scanner: Scanner, scan_operand: Callable[[Scanner], Operand]) -> None:
        self._scanner = scanner
        self._scan_operand = scan_operand
        self._depth = 0

    def parenthesised(self) -> Test:
        self._expect("(")
        self._depth += 1
        if self._depth > NESTING_MAX:
            raise self._scanner.error(f"a filter nests more than {NESTING_MAX} levels")
        test = self._any_of()
        self._depth -= 1
        self._expect(")")
        return test

    def _any_of(self) -> Test:
        tests = [self._all_of()]
        while self._take("||"):
            tests.append(self._all_of())
        return tests[0] if len(tests) == 1 else _any_test(tuple(tests))

    def _all_of(self) -> Test:
        tests = [self._single()]
        while self._take("&&"):
            tests.append(self._single())
        return tests[0] if len(tests) == 1 else _all_test(tuple(tests))

    def _single(self) -> Test:
        negations = 0
        while self._take("!"):
            negations += 1
        test = self.parenthesised() if self._next_is("(") else self._comparison()
        return _not_test(test) if negations % 2 else test

    def _comparison(self) -> Test:
        left = self._operand()
        operator = self._scanner.take(_OPERATOR)
        if operator is None:
            return _existence_test(left)
        if operator not in COMPARISONS:
            raise self._scanner.error(f"the operator {operator!r} is not supported in filters")
        return _comparison_test(COMPARISONS[operator], left, self._operand())

    def _operand(self) -> "Operand | Literal":
        self._scanner.skip_blanks()
        operand = self._literal() or self._scan_operand(self._scanner)
        self._scanner.skip_blanks()
        return operand

    def _literal(self) -> Literal | None:
        if self._scanner.peek() in ("'", '"'):
            return Literal(unescaped(self._scanner.quoted()))
        if self._scanner.take_text("["):
            return Literal(self._array())
        number = self._scanner.take(_NUMBER)
        if number is not None:
            return Literal(float(number) if set(number) & set(".eE") else int(number))
        word = self._scanner.take(_WORD)
        return Literal(_WORDS[word]) if word is not None else None

    def _array(self) -> list[Json]:
        self._scanner.skip_blanks()
        if self._scanner.take_text("]"):
            return []
        items = self._scanner.separated(self._array_item)
        self._expect("]")
        return items

    def _array_item(self) -> Json:
        if self._scanner.peek() != "[":
            literal = self._literal()
            if literal is not None:
                return literal.value
        raise self._scanner.error("a string, number, true, false or null is missing")

    def _next_is(self, text: str) -> bool:
        self._scanner.skip_blanks()
        return self._scanner.peek() == text

    def _take(self, text: str) -> bool:
        self._scanner.skip_blanks()
        return self._scanner.take_text(text)

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise self._scanner.error(f"{text!r} is missing")


_OPERATOR: Final = re.compile(r"[=<>!~]+|[a-z]+")
_NUMBER: Final = re.compile(r"-?\d{1,300}(?:\.\d+)?(?:[eE][+-]?\d{1,2})?")
_WORD: Final = re.compile(r"(?:true|false|null)\b")
_WORDS: Final[Mapping[str, Json]] = {"true": True, "false": False, "null": None}


def _any_test(tests: tuple[Test, ...]) -> Test:
    return lambda current, root, environment: any(
        test(current, root, environment) for test in tests
    )


def _all_test(tests: tuple[Test, ...]) -> Test:
    return lambda current, root, environment: all(
        test(current, root, environment) for test in tests
    )


def _not_test(test: Test) -> Test:
    return lambda current, root, environment: not test(current, root, environment)


def _existence_test(operand: Operand | Literal) -> Test:
    def exists(current: Json, root: Json, environment: Environment) -> bool:
        environment.spend(1)
        return operand.read(current, root) is not ABSENT

    return exists


def _comparison_test(
    compare: Callable[[Found, Found], bool], left: Operand | Literal, right: Operand | Literal
) -> Test:
    def passes(current: Json, root: Json, environment: Environment) -> bool:
        left_value, right_value = left.read(current, root), right.read(current, root)
        for value in (left_value, right_value):
            if isinstance(value, Absent):
                environment.spend(1)
            else:
                environment.spend_on_all_of(value)
        return compare(left_value, right_value)

    return passes


def _equals(left: Found, right: Found) -> bool:
    if isinstance(left, Absent) or isinstance(right, Absent):
        return False
    if isinstance(left, str) and _is_number(right):
        return _number_of(left) == right
    if isinstance(right, str) and _is_number(left):
        return _number_of(right) == left
    return equal(left, right)


def _is_number(value: Found) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number_of(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text) else None


def _ordered(holds: Callable[[float | str, float | str], bool]) -> Callable[[Found, Found], bool]:
    def compare(left: Found, right: Found) -> bool:
        if isinstance(left, str) and isinstance(right, str):
            return holds(left, right)
        if isinstance(left, (int, float)) and isinstance(right, (int, float)):
            return _is_number(left) and _is_number(right) and holds(left, right)
        return False

    return compare


def _is_in(left: Found, right: Found) -> bool:
    return isinstance(right, list) and any(_equals(left, item) for item in right)


def _is_not_in(left: Found, right: Found) -> bool:
    return isinstance(right, list) and not _is_in(left, right)


def _contains(left: Found, right: Found) -> bool:
    if isinstance(left, str):
        return isinstance(right, str) and right in left
    return _is_in(right, left)


def _has_size(left: Found, right: Found) -> bool:
    return isinstance(left, (str, list)) and _equals(len(left), right)


def _is_empty(left: Found, right: Found) -> bool:
    return isinstance(left, (str, list)) and (not left) is right


COMPARISONS: Final[Mapping[str, Callable[[Found, Found], bool]]] = {
    "==": _equals,
    "!=": lambda left, right: not _equals(left, right),
    "<": _ordered(lambda left, right: left < right),  # type: ignore[operator]
    "<=": _ordered(lambda left, right: left <= right),  # type: ignore[operator]
    ">": _ordered(lambda left, right: left > right),  # type: ignore[operator]
    ">=": _ordered(lambda left, right: left >= right),  # type: ignore[operator]
    "in": _is_in,
    "nin": _is_not_in,
    "contains": _contains,
    "size": _has_size,
    "empty": _is_empty,
}
"""What may stand between the two operands of a comparison; an absent operand is `ABSENT`."""
