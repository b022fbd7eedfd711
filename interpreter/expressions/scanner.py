"""A cursor over the text of an expression, shared by the small grammars of paths and calls."""

import re
from collections.abc import Callable
from typing import Final, TypeVar

Item = TypeVar("Item")

_BLANKS: Final = re.compile(r"\s+")
_QUOTED: Final = {
    "'": re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL),
    '"': re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL),
}
_ESCAPE: Final = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)


class ExpressionSyntaxError(Exception):
    """The text is no expression of its kind; the message says why and at which character."""


class Scanner:
    """Reads a text from left to right; `position` counts characters from 0."""

    __slots__ = ("position", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def at_end(self) -> bool:
        """Whether all of the text has been read."""
        return self.position >= len(self.text)

    def peek(self) -> str:
        """Return the next character, or an empty string at the end."""
        return self.text[self.position : self.position + 1]

    def take_text(self, expected: str) -> bool:
        """Move past `expected` if it comes next."""
        if not self.text.startswith(expected, self.position):
            return False
        self.position += len(expected)
        return True

    def take(self, pattern: re.Pattern[str]) -> str | None:
        """Move past what `pattern` matches here and return it."""
        matched = pattern.match(self.text, self.position)
        if matched is None:
            return None
        self.position = matched.end()
        return matched.group()

    def skip_blanks(self) -> None:
        """Move past blanks and line ends."""
        self.take(_BLANKS)

    def quoted(self) -> str:
        """Move past a quoted string and return what is between the quotes, escapes untouched."""
        pattern = _QUOTED.get(self.peek())
        matched = pattern.match(self.text, self.position) if pattern else None
        if matched is None:
            raise self.error("a closing quote is missing")
        self.position = matched.end()
        return matched.group(1)

    def separated(self, read: Callable[[], Item]) -> list[Item]:
        """Read one or more items with commas between them."""
        items = []
        while True:
            self.skip_blanks()
            items.append(read())
            self.skip_blanks()
            if not self.take_text(","):
                return items

    def error(self, problem: str) -> ExpressionSyntaxError:
        """Return an error that says what is wrong here."""
        return ExpressionSyntaxError(f"{problem} at character {self.position + 1}")


def unescaped(text: str) -> str:
    r"""Return `text` with each `\c` replaced by c and each `\u0041` by its character."""
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], text)
