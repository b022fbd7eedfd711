"""Where in a JSON text a value stands, by its JSON pointer."""

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[-+.\w]+|[{}\[\],:]')

DEPTH_MAX: Final = 256
"""Values nested deeper are not located: twice what a definition may nest."""

_Found: TypeAlias = tuple[str, int, int]
"""A JSON pointer, and the offsets at which the text that stands for it begins and ends."""


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of one line. `line` and `column` count from 1, `length` in characters."""

    line: int
    column: int
    length: int


def locate(text: str) -> Mapping[str, Span]:
    """Return where each value stands, by JSON pointer.

    A scalar is found at itself, a member that is an object or array at its key. The text is read as
    far as it is JSON; of a key that stands twice, the last one counts. What nests deeper than
    DEPTH_MAX is left out.
    """
    line_starts = [0, *(match.end() for match in re.finditer("\n", text))]
    return {
        pointer: _span(line_starts, start, end) for pointer, start, end in _Scanner().values(text)
    }


def nearest(spans: Mapping[str, Span], pointer: str) -> Span | None:
    """Return where `pointer` leads, or the innermost value around it; None if there is none."""
    while pointer:
        if pointer in spans:
            return spans[pointer]
        pointer, _, _ = pointer.rpartition("/")
    return None


def _span(line_starts: list[int], start: int, end: int) -> Span:
    line = bisect_right(line_starts, start)
    return Span(line=line, column=start - line_starts[line - 1] + 1, length=end - start)


@dataclass(slots=True)
class _Container:
    """An object or array that is being read.

    `key`: where the member that is being read has its key, None between two members and in arrays.
    """

    pointer: str
    is_object: bool
    index: int = 0
    key: tuple[str, int, int] | None = None


class _Scanner:
    """Reads a JSON text once, without recursion, so that no depth of nesting is too much."""

    def __init__(self) -> None:
        self._open: list[_Container] = []

    def values(self, text: str) -> Iterator[_Found]:
        """Yield every value inside the outermost one."""
        for match in _TOKEN.finditer(text):
            token = match.group()
            if token in "}]":
                self._close()
            elif token == ",":
                self._go_on()
            elif token != ":":
                yield from self._value_or_key(token, match.start(), match.end())

    def _value_or_key(self, token: str, start: int, end: int) -> Iterator[_Found]:
        inner = self._open[-1] if self._open else None
        if inner is not None and inner.is_object and inner.key is None:
            inner.key = (_unquoted(token), start, end)
            return
        is_container = token in "{["
        pointer = ""
        if inner is not None and len(self._open) <= DEPTH_MAX:
            pointer, key_start, key_end = _place(inner, start, end)
            yield (pointer, key_start, key_end) if is_container else (pointer, start, end)
        if is_container:
            self._open.append(_Container(pointer, is_object=token == "{"))

    def _go_on(self) -> None:
        if self._open:
            self._open[-1].index += 1
            self._open[-1].key = None

    def _close(self) -> None:
        if self._open:
            self._open.pop()


def _place(inner: _Container, start: int, end: int) -> _Found:
    """Return the pointer of the member being read, and where its key stands if it has one."""
    if inner.key is None:
        return f"{inner.pointer}/{inner.index}", start, end
    key, key_start, key_end = inner.key
    return f"{inner.pointer}/{key.replace('~', '~0').replace('/', '~1')}", key_start, key_end


def _unquoted(token: str) -> str:
    """Return the string that a token stands for; the token itself if it is none."""
    try:
        return str(json.loads(token))
    except ValueError:
        return token
