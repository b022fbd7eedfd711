"""A line of a text with carets under the place that is meant."""

from typing import Final

from rich.cells import cell_len
from rich.text import Text

from stepraft.cli.source_map import Span

BEFORE_MAX: Final = 60
"""How many characters of a long line stand before the place that is meant."""

LINE_MAX: Final = 110
"""How many characters of a line are shown."""


def excerpt(lines: list[str], span: Span, style: str) -> Text:
    """Return the line of `span` with its number, and carets under the place below it.

    A line too long to show is cut on both sides, where an ellipsis says so.
    """
    line = lines[span.line - 1]
    cut = max(0, span.column - 1 - BEFORE_MAX) if len(line) > LINE_MAX else 0
    shown = line[cut : cut + LINE_MAX]
    prefix = "…" if cut else ""
    suffix = "…" if cut + LINE_MAX < len(line) else ""
    before = prefix + shown[: span.column - 1 - cut]
    marked = shown[span.column - 1 - cut :][: span.length]
    margin = f"{span.line:>6} │ "
    return Text.assemble(
        (margin, "dim"),
        f"{prefix}{shown}{suffix}\n",
        ("│ ".rjust(len(margin)), "dim"),
        _blank(before),
        ("^" * max(1, cell_len(marked)), style),
    )


def _blank(text: str) -> str:
    """Return blanks as wide as `text`; tabs stay, for they are as wide as they like."""
    return "".join("\t" if each == "\t" else " " * cell_len(each) for each in text)
