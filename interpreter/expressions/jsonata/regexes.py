"""Regular expressions, and the functions that stand for them.

A match takes at most a fraction of a second: a pattern that explodes ends its expression and holds
up nobody else. Only the leader evaluates, so that a limit in time cannot part the replicas.
"""

from collections.abc import Iterator
from typing import Any, Final

import regex
from msgspec import Struct

from stepraft.interpreter.expressions.jsonata.calls import Bound, apply
from stepraft.interpreter.expressions.jsonata.errors import JsonataError
from stepraft.interpreter.expressions.jsonata.frames import Run
from stepraft.interpreter.expressions.jsonata.values import UNDEFINED, Function, Value

TIMEOUT_S: Final = 0.1
TOO_LONG: Final = "A regular expression takes too long to match"
_FLAGS: Final = {"i": regex.IGNORECASE, "m": regex.MULTILINE, "s": regex.DOTALL, "u": 0, "g": 0}


class Match(Struct, frozen=True):
    """A place in a text, its ends counted in characters."""

    text: str
    start: int
    end: int
    groups: list[str]


class Matcher(Bound):
    """A regular expression as a function: from a text to its first match, which has a `next`."""

    __slots__ = ("pattern",)

    def __init__(self, pattern: Any) -> None:
        super().__init__(1, self._first)
        self.pattern = pattern

    def matches(self, text: str) -> Iterator[Match]:
        """Give all matches. Errors: JsonataError D1004, U1001."""
        at = 0
        while at <= len(text):
            found = self._search(text, at)
            if found is None:
                return
            yield found
            at = found.end

    def _search(self, text: str, at: int) -> Match | None:
        try:
            found = self.pattern.search(text, at, timeout=TIMEOUT_S)
        except TimeoutError:
            raise JsonataError("U1001", value=TOO_LONG) from None
        if found is None:
            return None
        if not found[0]:
            raise JsonataError("D1004")
        groups = ["" if group is None else group for group in found.groups()]
        return Match(found[0], found.start(), found.end(), groups)

    def _first(self, run: Run, arguments: list[Value]) -> Value:
        text = arguments[0] if arguments else UNDEFINED
        return self._from(run, text, 0) if isinstance(text, str) else UNDEFINED

    def _from(self, run: Run, text: str, at: int) -> Value:
        run.spend(1 + (len(text) >> 6))
        found = self._search(text, at)
        if found is None:
            return UNDEFINED
        return {
            "match": found.text,
            "start": found.start,
            "end": found.end,
            "groups": found.groups,
            "next": Bound(0, lambda run, _: self._from(run, text, found.end)),
        }


def matcher(pattern: str, flags: str) -> Matcher:
    """Return the function of a pattern. Errors: JsonataError S0303."""
    bits = 0
    for flag in flags:
        if flag not in _FLAGS:
            raise JsonataError("S0303", value=f"/{pattern}/{flags}")
        bits |= _FLAGS[flag]
    try:
        return Matcher(regex.compile(pattern, bits | regex.VERSION0))
    except regex.error:
        raise JsonataError("S0303", value=f"/{pattern}/{flags}") from None


def matches(run: Run, function: Function, text: str, caller: str) -> Iterator[Match]:
    """Give the matches of a pattern, or of a function that says where the next one is.

    Errors: JsonataError T1010 when the function answers something else.
    """
    if isinstance(function, Matcher):
        for each in function.matches(text):
            run.spend(1 + (len(text) >> 6))
            yield each
        return
    found = apply(run, function, [text])
    while found is not UNDEFINED:
        yield _told(found, caller)
        found = apply(run, found["next"], [])


def _told(found: Value, caller: str) -> Match:
    if (
        not isinstance(found, dict)
        or not isinstance(found.get("match"), str)
        or not isinstance(found.get("start"), int)
        or not isinstance(found.get("end"), int)
        or not isinstance(found.get("groups"), list)
        or not isinstance(found.get("next"), Function)
    ):
        raise JsonataError("T1010", token=caller)
    return Match(found["match"], found["start"], found["end"], found["groups"])
