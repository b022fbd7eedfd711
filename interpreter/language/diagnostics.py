"""What is wrong with a definition, problem by problem.

Source: https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

Location: TypeAlias = tuple[str, ...]
"""The keys and indexes that lead from the whole definition to a place in it."""


class Severity(StrEnum):
    """An ERROR keeps a definition from running; a WARNING does not."""

    ERROR = "ERROR"
    WARNING = "WARNING"


class Code(StrEnum):
    """The kinds of problems."""

    INVALID_JSON_DESCRIPTION = "INVALID_JSON_DESCRIPTION"
    """The text is no JSON object, too large, too deep, or names a key twice."""
    SCHEMA_VALIDATION_FAILED = "SCHEMA_VALIDATION_FAILED"
    """A field is missing, unknown, or has a value that it may not have."""
    MISSING_TRANSITION_TARGET = "MISSING_TRANSITION_TARGET"
    """A transition leads to no state of its scope, or no transition leads to a state."""
    MISSING_END_STATE = "MISSING_END_STATE"
    """A scope has no reachable state that ends it."""
    DUPLICATE_STATE_NAME = "DUPLICATE_STATE_NAME"
    """Two states of the machine have one name."""
    NOT_AVAILABLE = "NOT_AVAILABLE"
    """The definition is right, but uses what this version cannot run."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem; `location` is a JSON pointer, `/` for the whole definition."""

    severity: Severity
    code: Code
    message: str
    location: str

    @property
    def text(self) -> str:
        """The problem in one line, as the service writes it."""
        return f"{self.code}: {self.message} at {self.location}"


class InvalidDefinition(Exception):
    """The definition has errors; `diagnostics` holds all of them: first those within states, then
    those between states.
    """

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__(", ".join(diagnostic.text for diagnostic in diagnostics))
        self.diagnostics = diagnostics


class Findings:
    """Collects the problems of one definition."""

    def __init__(self) -> None:
        self._diagnostics: list[Diagnostic] = []

    @property
    def count(self) -> int:
        """How many problems were noted so far."""
        return len(self._diagnostics)

    def error(
        self, location: Location, message: str, code: Code = Code.SCHEMA_VALIDATION_FAILED
    ) -> None:
        """Note one problem."""
        self._diagnostics.append(Diagnostic(Severity.ERROR, code, message, json_pointer(location)))

    def raise_if_any(self) -> None:
        """Raises InvalidDefinition."""
        if self._diagnostics:
            raise InvalidDefinition(tuple(self._diagnostics))


def json_pointer(location: Location) -> str:
    """Return the JSON pointer of a location; the whole document is `/`, as the service has it.

    Source: https://www.rfc-editor.org/rfc/rfc6901
    """
    escaped = (part.replace("~", "~0").replace("/", "~1") for part in location)
    return "/" + "/".join(escaped)
