"""The problems of a definition, each shown in its line."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Group
from rich.text import Text

from stepraft.cli.excerpts import excerpt
from stepraft.cli.source_map import Span, locate, nearest

_COLOURS: Final = {"ERROR": "red", "WARNING": "yellow"}
_FIELD: Final = "definition"
"""What the server calls the definition where it names the field of a problem."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem; `location` is a JSON pointer, `span` its place, None if it is the whole text."""

    severity: str
    code: str
    message: str
    location: str
    span: Span | None

    @property
    def is_error(self) -> bool:
        """Whether the definition cannot be deployed because of it."""
        return self.severity == "ERROR"


def problems_of(text: str) -> list[Problem]:
    """Return all problems of a definition, in the order of its lines; none if it is valid."""
    # No other command needs the parser, which takes a while to load.
    from stepraft.interpreter.language.parse import diagnose  # noqa: PLC0415

    found = diagnose(text)
    return _placed(
        text, ((each.severity, each.code, each.message, each.location) for each in found)
    )


def problems_told(text: str, violations: Iterable[tuple[str, str]]) -> list[Problem]:
    """Return the problems that a server found in `text`, from (field, rule) pairs."""
    return _placed(
        text,
        (
            ("ERROR", "INVALID_DEFINITION", rule, field.removeprefix(_FIELD))
            for field, rule in violations
        ),
    )


def shown(name: str, text: str, problems: list[Problem]) -> Group:
    """Return the problems for a console, each under the place that it is about."""
    lines = text.splitlines()
    return Group(*(part for problem in problems for part in _shown(name, lines, problem)))


def as_documents(problems: list[Problem]) -> list[dict[str, Any]]:
    """Return the problems as the stable JSON form has them."""
    return [
        {
            "severity": problem.severity,
            "code": problem.code,
            "message": problem.message,
            "location": problem.location,
            "line": problem.span.line if problem.span else None,
            "column": problem.span.column if problem.span else None,
        }
        for problem in problems
    ]


def _placed(text: str, found: Iterable[tuple[str, str, str, str]]) -> list[Problem]:
    spans = locate(text)
    broken_at = _where_json_breaks(text)
    problems = [
        Problem(
            severity=str(severity),
            code=str(code),
            message=message,
            location=location,
            span=broken_at if broken_at is not None else nearest(spans, location),
        )
        for severity, code, message, location in found
    ]
    return sorted(
        problems, key=lambda each: (each.span.line, each.span.column) if each.span else (0, 0)
    )


def _where_json_breaks(text: str) -> Span | None:
    """Return where the text stops being JSON, None if it does not."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return Span(line=error.lineno, column=error.colno, length=1)
    except RecursionError:
        return None
    return None


def _shown(name: str, lines: list[str], problem: Problem) -> Iterator[Text]:
    colour = _COLOURS[problem.severity]
    place = f":{problem.span.line}:{problem.span.column}" if problem.span else ""
    yield Text.assemble(
        (f"{name}{place}: ", "bold"), (f"{problem.severity.lower()}: ", colour), problem.message
    )
    if problem.span is not None and problem.span.line <= len(lines):
        yield excerpt(lines, problem.span, colour)
    yield Text(f"         at {problem.location}  {problem.code}\n", style="dim")
