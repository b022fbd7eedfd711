"""How far something is that takes its time: on a terminal one line that changes, on stderr."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import typer
from rich.console import Console

_NUMBER: Final = re.compile(r"[0-9][0-9.,]*( [kMGT]?B| bytes)?")


@contextmanager
def news(*, is_quiet: bool) -> Iterator[Callable[[str], None]]:
    """Give a function that says how far it is.

    Where no terminal is, texts that differ in nothing but their numbers are one piece of news, told
    once; with `is_quiet` nothing is told.
    """
    screen = Console(stderr=True, highlight=False)
    if is_quiet:
        yield lambda _: None
    elif screen.is_terminal:
        with screen.status("") as status:
            yield status.update
    else:
        yield _Lines().tell


class _Lines:
    """Tells news in lines."""

    def __init__(self) -> None:
        self._last = ""

    def tell(self, text: str) -> None:
        kind = _NUMBER.sub("", text)
        if kind != self._last:
            typer.echo(text, err=True)
        self._last = kind
