"""Cases about definitions: which are refused, and with which diagnostics."""

import re
from typing import Any

from stepraft.client import Client, Diagnostic, InvalidRequestError, Severity, StepraftError
from tests.conformance.cases import Case
from tests.conformance.matcher import Matcher
from tests.conformance.results import ALL_LEVELS, Level, Result

_WORKFLOW = "recorded"
_CODE = "InvalidDefinition"
_CATEGORY = re.compile(r"[A-Z]{3,}(?:_[A-Z]+)+")
_PLACE = re.compile(r"at (/\S*?)'?$")


async def refuse(case: Case, client: Client, matcher: Matcher) -> Result:
    """Put a definition that must be refused, and compare what is said about it."""
    result = Result(case)
    try:
        await client.put_workflow(_WORKFLOW, case.definition_text)
    except InvalidRequestError:
        diagnostics = await client.validate_workflow(case.definition_text)
        _compare_refusal(result, _message(diagnostics), matcher)
    except StepraftError as error:
        result.fail(ALL_LEVELS, f"{type(error).__name__}: {error}")
    else:
        result.fail(ALL_LEVELS, f"expected {case.expected['error']}, but it was accepted")
    return result


def _message(diagnostics: tuple[Diagnostic, ...]) -> str:
    """AWS words the first error as the message of its exception."""
    first = next(each for each in diagnostics if each.severity is Severity.ERROR)
    text = f"{first.code}: {first.message} at {_location(first)}"
    return f"Invalid State Machine Definition: '{text}'"


def _location(diagnostic: Diagnostic) -> str:
    return diagnostic.location or "/"


def _compare_refusal(result: Result, message: str, matcher: Matcher) -> None:
    expected = result.case.expected["error"]
    note = [f"expected {expected} got {message}"]
    is_code = expected["code"] == _CODE
    is_message = is_code and matcher.match(expected["message"], message, "message", [])
    is_place = is_code and _parts(expected["message"]) == _parts(message)
    result.set(Level.OUTCOME, is_code, note)
    result.set(Level.CAUSE, is_message, note)
    result.set(Level.TYPES, is_place, note)
    result.set(Level.DETAILS, is_message, note)


def _parts(message: str) -> tuple[str | None, str | None]:
    category, place = _CATEGORY.search(message), _PLACE.search(message)
    return (category[0] if category else None, place[1] if place else None)


async def validate(case: Case, client: Client, matcher: Matcher) -> Result:
    """Validate a definition, and compare the diagnostics."""
    result = Result(case)
    try:
        diagnostics = await client.validate_workflow(case.definition_text)
    except StepraftError as error:
        result.fail(ALL_LEVELS, f"{type(error).__name__}: {error}")
        return result
    expected, got = case.expected["response"], _answer(diagnostics)
    note = [f"expected {expected} got {got}"]
    is_verdict = expected["result"] == got["result"]
    result.set(Level.OUTCOME, is_verdict, note)
    result.set(Level.CAUSE, is_verdict, note)
    result.set(Level.TYPES, is_verdict and _places(expected) == _places(got), note)
    result.set(Level.DETAILS, matcher.match(expected, got, "$", []), note)
    return result


def _answer(diagnostics: tuple[Diagnostic, ...]) -> dict[str, Any]:
    has_error = any(each.severity is Severity.ERROR for each in diagnostics)
    return {
        "result": "FAIL" if has_error else "OK",
        "truncated": False,
        "diagnostics": [
            {
                "severity": str(each.severity),
                "code": each.code,
                "message": each.message,
                "location": _location(each),
            }
            for each in diagnostics
        ],
    }


def _places(answer: dict[str, Any]) -> list[tuple[str, ...]]:
    return sorted(
        (each["severity"], each["code"], each["location"]) for each in answer["diagnostics"]
    )
