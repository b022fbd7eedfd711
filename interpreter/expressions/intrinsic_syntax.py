r"""The grammar of intrinsic calls: `States.Format('{} of {}', $.done, States.ArrayLength($.all))`.

A string stands in single quotes; `\'`, `\{`, `\}` and `\\` are its only escapes.

Source: https://states-language.net/spec.html#intrinsic-functions
"""

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from stepraft.interpreter.documents import Json
from stepraft.interpreter.expressions.paths import Path, compile_path
from stepraft.interpreter.expressions.scanner import ExpressionSyntaxError, Scanner

NESTING_MAX: Final = 10
"""Calls that may stand within each other in one field."""


@dataclass(frozen=True, slots=True)
class Text:
    """A string in quotes: `raw` as it stands, escapes and all."""

    raw: str


@dataclass(frozen=True, slots=True)
class Value:
    """A number, true, false or null."""

    value: Json


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function, named without `States.`."""

    text: str
    function: str
    arguments: tuple["Argument", ...]


Argument: TypeAlias = Text | Value | Path | Call


def parse_call(text: str) -> Call:
    """Return the parts of a call that fills the whole text. Raises ExpressionSyntaxError."""
    scanner = Scanner(text)
    call = _scan_call(scanner, 1)
    if not scanner.at_end():
        raise scanner.error(f"{scanner.peek()!r} is unexpected")
    return call


def unescape_text(raw: str) -> str:
    """Return the string that the characters between the quotes stand for."""
    return _ESCAPE.sub(r"\1", raw)


_FUNCTION: Final = re.compile(r"States\.(\w+)\(")
_TEXT: Final = re.compile(r"'((?:[^'\\]|\\['{}\\])*)'", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(['{}\\])")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d{0,300})(?:\.\d+)?(?:[eE][+-]?\d{1,2})?", re.ASCII)
_WORD: Final = re.compile(r"(?:true|false|null)\b")
_WORDS: Final[dict[str, Json]] = {"true": True, "false": False, "null": None}
# A path as an argument ends at a comma or parenthesis that is not within brackets.
_PATH: Final = re.compile(
    r"""\$(?:\\.|[^\\,()\[\]\s]|\[(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\[\]'"])*\])*"""
)


def _scan_call(scanner: Scanner, depth: int) -> Call:
    start = scanner.position
    opening = scanner.take(_FUNCTION)
    if opening is None:
        raise scanner.error("a call such as States.Format(…) is missing")
    if depth > NESTING_MAX:
        raise scanner.error(f"calls nest more than {NESTING_MAX} levels")
    scanner.skip_blanks()
    arguments: list[Argument] = []
    if scanner.peek() != ")":
        arguments = scanner.separated(lambda: _scan_argument(scanner, depth))
    if not scanner.take_text(")"):
        raise scanner.error("')' is missing")
    function = opening.removeprefix("States.").removesuffix("(")
    return Call(scanner.text[start : scanner.position], function, tuple(arguments))


def _scan_argument(scanner: Scanner, depth: int) -> Argument:
    match scanner.peek():
        case "'":
            quoted = scanner.take(_TEXT)
            if quoted is None:
                raise scanner.error(
                    r"a string ends with a quote and escapes only ' { } and \ ; one"
                )
            return Text(quoted[1:-1])
        case "$":
            return _scan_path(scanner)
        case "S":
            return _scan_call(scanner, depth + 1)
        case _:
            return _scan_constant(scanner)


def _scan_constant(scanner: Scanner) -> Value:
    number = scanner.take(_NUMBER)
    if number is not None:
        return Value(_number(number))
    word = scanner.take(_WORD)
    if word is None:
        raise scanner.error("an argument is missing")
    return Value(_WORDS[word])


def _scan_path(scanner: Scanner) -> Path:
    found = scanner.take(_PATH)
    if found is None:
        raise scanner.error("a path is missing")
    return compile_path(found)


def _number(text: str) -> int | float:
    return int(text) if text.lstrip("-").isdigit() else float(text)


__all__ = [
    "Argument",
    "Call",
    "ExpressionSyntaxError",
    "Text",
    "Value",
    "parse_call",
    "unescape_text",
]
