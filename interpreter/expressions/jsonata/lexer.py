"""The words of an expression: names, literals and symbols, one after another.

What a slash begins depends on what is expected: the parser says whether an operand comes next.
"""

import re
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from stepraft.interpreter.expressions.jsonata.errors import JsonataError
from stepraft.interpreter.expressions.jsonata.values import Value, number

Kind: TypeAlias = Literal["end", "operator", "name", "variable", "value", "string", "regex"]


class Token(Struct, frozen=True):
    """One word; `value` is a symbol, a name, a literal's value or a pattern with its flags."""

    kind: Kind
    value: Value
    position: int


_BLANKS: Final = re.compile(r"(?:[ \t\n\r\v]+|/\*.*?\*/)+", re.DOTALL)
_SYMBOL: Final = re.compile(r"\.\.|:=|!=|>=|<=|\*\*|~>|\?:|\?\?|[.\[\]{}(),@#;:?+\-*/%|=<>^&]")
_NUMBER: Final = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[Ee][-+]?[0-9]+)?")
_NAME: Final = re.compile(
    r"[^ \t\n\r\v.\[\]{}(),@#;:?+\-*/%|=<>^&!~\"'`$][^ \t\n\r\v.\[\]{}(),@#;:?+\-*/%|=<>^&!~\"'`]*"
)
_VARIABLE: Final = re.compile(r"\$(\$|[^ \t\n\r\v.\[\]{}(),@#;:?+\-*/%|=<>^&!~\"'`]*)")
_ESCAPES: Final = {
    '"': '"',
    "\\": "\\",
    "/": "/",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
}
_HEX: Final = re.compile(r"[0-9a-fA-F]{4}")
_FLAGS: Final = re.compile(r"[a-zA-Z]*")
_WORDS: Final[dict[str, Value]] = {"true": True, "false": False, "null": None}
_WORD_OPERATORS: Final = frozenset({"and", "or", "in"})


class Lexer:
    """Reads a text word by word."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def next(self, *, operand_expected: bool) -> Token:
        """Return the next word. Errors: JsonataError, S01xx, S0204 and S03xx."""
        self._skip_blanks()
        at = self._at
        if at >= len(self._text):
            return Token("end", "(end)", at)
        first = self._text[at]
        if first == "/" and operand_expected:
            return self._regex(at)
        if first in "\"'":
            return Token("string", self._quoted(first), at)
        if first == "`":
            return self._quoted_name(at)
        return self._symbol_or_word(at)

    def _skip_blanks(self) -> None:
        found = _BLANKS.match(self._text, self._at)
        if found is not None:
            self._at = found.end()
        if self._text.startswith("/*", self._at):
            raise JsonataError("S0106", self._at)

    def _symbol_or_word(self, at: int) -> Token:
        symbol = _SYMBOL.match(self._text, at)
        if symbol is not None:
            self._at = symbol.end()
            return Token("operator", symbol[0], at)
        digits = _NUMBER.match(self._text, at)
        if digits is not None:
            self._at = digits.end()
            return Token("value", _number_of(digits[0], at), at)
        variable = _VARIABLE.match(self._text, at)
        if variable is not None:
            self._at = variable.end()
            return Token("variable", variable[1], at)
        found = _NAME.match(self._text, at)
        if found is None:
            raise JsonataError("S0204", at, token=self._text[at])
        self._at = found.end()
        return _word(found[0], at)

    def _quoted_name(self, at: int) -> Token:
        end = self._text.find("`", at + 1)
        if end < 0:
            self._at = len(self._text)
            raise JsonataError("S0105", at)
        self._at = end + 1
        return Token("name", self._text[at + 1 : end], at)

    def _quoted(self, quote: str) -> str:
        at = self._at + 1
        parts: list[str] = []
        while at < len(self._text):
            character = self._text[at]
            if character == quote:
                self._at = at + 1
                # Two escapes of the basic plane may make one character beyond it.
                return "".join(parts).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            if character == "\\":
                decoded, at = self._escape(at + 1)
                parts.append(decoded)
            else:
                parts.append(character)
                at += 1
        raise JsonataError("S0101", at)

    def _escape(self, at: int) -> tuple[str, int]:
        """Return the character and where the text goes on."""
        letter = self._text[at : at + 1]
        if letter == "u":
            digits = _HEX.match(self._text, at + 1)
            if digits is None:
                raise JsonataError("S0104", at)
            return chr(int(digits[0], 16)), at + 5
        if letter not in _ESCAPES:
            raise JsonataError("S0103", at, token=letter)
        return _ESCAPES[letter], at + 1

    def _regex(self, start: int) -> Token:
        depth = 0
        at = start + 1
        while at < len(self._text):
            character = self._text[at]
            escaped = self._text[at - 1] == "\\" and self._text[at - 2] != "\\"
            if character == "/" and not escaped and depth == 0:
                return self._regex_token(start, at)
            if not escaped:
                depth += (character in "([{") - (character in ")]}")
            at += 1
        raise JsonataError("S0302", at)

    def _regex_token(self, start: int, end: int) -> Token:
        pattern = self._text[start + 1 : end]
        if not pattern:
            raise JsonataError("S0301", start)
        flags = _FLAGS.match(self._text, end + 1)
        assert flags is not None, "no letter at all is a match, too"
        self._at = flags.end()
        return Token("regex", (pattern, flags[0]), start)


def _word(text: str, at: int) -> Token:
    if text in _WORD_OPERATORS:
        return Token("operator", text, at)
    if text in _WORDS:
        return Token("value", _WORDS[text], at)
    return Token("name", text, at)


def _number_of(digits: str, at: int) -> float:
    try:
        is_int = digits.isdecimal() and len(digits) < 400
        return number(int(digits) if is_int else float(digits))
    except JsonataError:
        raise JsonataError("S0102", at, token=digits) from None
