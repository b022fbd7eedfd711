"""What the readers of all parts of a definition pass on to one another."""

from collections.abc import Callable
from dataclasses import dataclass

from stepraft.interpreter.definition import QueryLanguage, Scope
from stepraft.interpreter.documents import Json
from stepraft.interpreter.language.diagnostics import Findings, Location
from stepraft.interpreter.language.fields import Fields


@dataclass(frozen=True, slots=True)
class Reader:
    """`language` is the machine's; `read_scope` reads what Parallel and Map nest.

    Readers return None where they noted an error: the definition is refused then, and they only go
    on to find what else is wrong.
    """

    findings: Findings
    language: QueryLanguage
    read_scope: Callable[["Reader", dict[str, Json], Fields, Location], Scope | None]
