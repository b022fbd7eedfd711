"""Recorded cases: what a workflow was given, and what the recorded service made of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

NEEDS_AWS_ENDPOINT = frozenset({"sequence", "sync"})
"""Kinds of cases that speak the other service's own protocol."""


class Case(Struct, frozen=True, kw_only=True):
    """One case. Documents are as recorded, wildcards and all; `definition` may be text or JSON.

    `tasks` are what the real services answered, in the order in which the tasks were scheduled.
    `validated`: there is proof that the recording is of a real run.
    """

    id: str
    area: str
    api: str
    expected: dict[str, Any]
    definition: Any = None
    input: Any | UnsetType = UNSET
    tasks: list[dict[str, Any]] = []
    validated: bool = True

    @property
    def definition_text(self) -> str:
        """The definition as text."""
        if isinstance(self.definition, str):
            return self.definition
        return json.dumps(self.definition)

    @property
    def states(self) -> dict[str, dict[str, Any]]:
        """Every state of the definition, those of nested scopes too, by name."""
        definition = self.definition
        if isinstance(definition, str):
            definition = json.loads(definition)
        return dict(_states(definition))

    @property
    def worker_name(self) -> str:
        """What the recorded worker called itself; one that gave no name needs one here."""
        return next((task["workerName"] for task in self.tasks if "workerName" in task), "nameless")

    @property
    def resources(self) -> tuple[str, ...]:
        """The resources of its Task states, each once."""
        found = (state.get("Resource") for state in self.states.values())
        return tuple(dict.fromkeys(each for each in found if isinstance(each, str)))


def _states(scope: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in scope.get("States", {}).items():
        yield name, state
        inner = [*state.get("Branches", []), state.get("ItemProcessor"), state.get("Iterator")]
        for child in inner:
            if child is not None:
                yield from _states(child)


def load(folder: Path) -> list[Case]:
    """Return the cases of every `*.json` of a folder.

    Errors: msgspec.ValidationError, which names the member, for a file that holds something else.
    """
    cases: list[Case] = []
    for file in sorted(folder.glob("*.json")):
        cases += msgspec.json.decode(file.read_bytes(), type=list[Case])
    return cases
