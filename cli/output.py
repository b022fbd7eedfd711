"""Results on stdout: JSON for programs, text and tables for people."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final

import typer
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

_WIDE: Final = frozenset({"hlc", "checksum"})
"""Fields of 64 bits: 16 hex digits in JSON, whose numbers not every program reads to the last bit.
"""

_KILO: Final = 1000
_ENDLESS: Final = 10_000
_PAPER: Final = 110
"""The width of the console, in characters, and of drawings, where no terminal tells it."""


def plain(value: Any) -> Any:
    """Return a result of the client in JSON's terms; times are RFC 3339 in UTC."""
    if is_dataclass(value) and not isinstance(value, type):
        return {
            each.name: _plain_field(each.name, getattr(value, each.name)) for each in fields(value)
        }
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def print_document(value: Any) -> None:
    """Print one result as a JSON document."""
    typer.echo(json.dumps(plain(value), ensure_ascii=False, indent=2))


def print_line(value: Any) -> None:
    """Print one result of many as a line of JSON, at once."""
    typer.echo(json.dumps(plain(value), ensure_ascii=False, separators=(",", ":")))


def console() -> Console:
    """Return the console for results; where no terminal is, nothing is cut or wrapped."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=_ENDLESS)


def drawing_width(screen: Console) -> int:
    """Return how wide a drawing may be that fills the console."""
    return screen.width if screen.is_terminal else _PAPER


def table(*columns: str, right: tuple[str, ...] = (), wrapped: tuple[str, ...] = ()) -> Table:
    """Return an empty table in the form that all lists have; `wrapped` columns give way first."""
    made = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        made.add_column(
            column,
            justify="right" if column in right else "left",
            no_wrap=column not in wrapped,
            overflow="fold",
        )
    return made


def fits(screen: Console, made: Table) -> bool:
    """Whether a table stands on the console without a wrapped or cut cell."""
    unbounded = screen.options.update(width=_ENDLESS)
    return Measurement.get(screen, unbounded, made).maximum <= screen.width


def shown_size(count: int) -> str:
    """Return a number of bytes in three digits: `812 bytes`, `38.9 kB`, `1.02 GB`."""
    if count < _KILO:
        return f"{count} bytes"
    size, units = count / _KILO, iter(("kB", "MB", "GB"))
    unit = next(units)
    while round(size) >= _KILO and (larger := next(units, "")):
        size, unit = size / _KILO, larger
    return f"{size:.3g} {unit}" if size < _KILO else f"{size:,.0f} {unit}"


def _plain_field(name: str, value: Any) -> Any:
    return f"{value:016x}" if name in _WIDE else plain(value)
