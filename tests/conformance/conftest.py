"""A matcher that knows no wildcards, for what needs one."""

from typing import Any

import pytest

from tests.conformance.matcher import Events, Matcher


class Plain:
    """Compares by equality."""

    def match(self, exp: Any, act: Any, path: str, diffs: list[str]) -> bool:
        """Whether they are equal."""
        if exp != act:
            diffs.append(f"{path} differs")
        return bool(exp == act)

    def match_cause(self, exp: Any, act: Any, mode: str) -> bool:
        """Whether they are equal, or both there."""
        return bool(exp == act) if mode == "exact" else (exp is None) == (act is None)

    def compare_types(self, exp: Events, act: Events) -> tuple[bool, str | None]:
        """Whether their types are equal."""
        same = [event["type"] for event in exp] == [event["type"] for event in act]
        return same, None if same else "the types differ"

    def compare_details(self, exp: Events, act: Events) -> tuple[bool, list[str]]:
        """Whether they are equal."""
        return exp == act, [] if exp == act else ["events differ"]


@pytest.fixture
def plain() -> Matcher:
    """A matcher that compares by equality."""
    return Plain()
