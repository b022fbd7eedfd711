"""The matcher that belongs to the recorded cases, loaded from where they are kept."""

import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

FILE_NAME = "matching.py"

Events = Sequence[dict[str, Any]]


class Matcher(Protocol):
    """Compares with recorded values, wildcards and all."""

    def match(self, exp: Any, act: Any, path: str, diffs: list[str]) -> bool:
        """Whether `act` matches `exp`; the differences are added to `diffs`."""
        ...

    def match_cause(self, exp: Any, act: Any, mode: str) -> bool:
        """Whether causes match; `mode` is exact, or loose: whether there is one."""
        ...

    def compare_types(self, exp: Events, act: Events) -> tuple[bool, str | None]:
        """Whether two histories are the same sequence of types, and where they part."""
        ...

    def compare_details(self, exp: Events, act: Events) -> tuple[bool, list[str]]:
        """Whether two histories are the same in every detail and id, and what differs."""
        ...


def find(cases: Path, fallback: Path) -> Path:
    """Return the matcher's file: in the folder of the cases, beside it, or in `fallback`.

    Errors: FileNotFoundError.
    """
    for folder in _places(cases, fallback):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    raise FileNotFoundError(f"no {FILE_NAME} in, beside or above {cases}")


def _places(cases: Path, fallback: Path) -> Iterator[Path]:
    yield cases
    yield cases.resolve().parent
    yield fallback


def load(file: Path) -> Matcher:
    """Return the matcher of that file."""
    spec = importlib.util.spec_from_file_location("recorded_cases_matcher", file)
    assert spec is not None, f"{file} is no Python file"
    assert spec.loader is not None, f"{file} is no Python file"
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return cast("Matcher", module)
