"""Reads the rules of a Choice state.

Source: https://states-language.net/spec.html#choice-state
"""

from typing import Any

from stepraft.interpreter.definition import QueryLanguage, QueryRule
from stepraft.interpreter.documents import Json
from stepraft.interpreter.expressions.choice_rules import (
    OPERATORS,
    And,
    ChoiceRule,
    Condition,
    Not,
    Or,
)
from stepraft.interpreter.expressions.queries import is_expression
from stepraft.interpreter.language.diagnostics import Findings, Location
from stepraft.interpreter.language.fields import RULE_FIELDS, TEST_FIELDS, read_fields

_CONNECTIVES = ("And", "Or", "Not")


def read_rules(value: Json, location: Location, findings: Findings) -> tuple[ChoiceRule, ...]:
    """Return the rules of a state in JSONPath; those with errors are left out."""
    rules = (_read_rule(item, place, findings) for item, place in _entries(value, location))
    return tuple(rule for rule in rules if rule is not None)


def read_query_rules(value: Json, location: Location, findings: Findings) -> tuple[QueryRule, ...]:
    """Return the rules of a state in JSONata; those with errors are left out."""
    rules = (_read_query_rule(item, place, findings) for item, place in _entries(value, location))
    return tuple(rule for rule in rules if rule is not None)


def _entries(value: Json, location: Location) -> list[tuple[Json, Location]]:
    items = value if isinstance(value, list) else []
    return [(item, (*location, str(index))) for index, item in enumerate(items)]


def _read_query_rule(value: Json, location: Location, findings: Findings) -> QueryRule | None:
    if not isinstance(value, dict):
        findings.error(location, "A choice rule must be an object")
        return None
    noted = findings.count
    attributes = read_fields(value, RULE_FIELDS, QueryLanguage.JSONATA, location, findings)
    if "Condition" not in value:
        findings.error(location, "These fields are required: [Condition]")
    elif not isinstance(value["Condition"], bool) and not is_expression(value["Condition"]):
        findings.error((*location, "Condition"), "Condition must be a boolean or an expression")
    return QueryRule(**attributes) if findings.count == noted else None


def _read_rule(value: Json, location: Location, findings: Findings) -> ChoiceRule | None:
    if not isinstance(value, dict):
        findings.error(location, "A choice rule must be an object")
        return None
    language = QueryLanguage.JSONPATH
    noted = findings.count
    attributes = read_fields(value, RULE_FIELDS, language, location, findings)
    test = _test_of(value, attributes, language, location, findings)
    if test is None or findings.count > noted:
        return None
    return ChoiceRule(
        test=test,
        next_state=attributes["next_state"],
        assign=attributes.get("assign"),
        comment=attributes.get("comment"),
    )


def _read_test(
    value: Json, language: QueryLanguage, location: Location, findings: Findings
) -> Condition | None:
    """Read what stands inside And, Or or Not: a rule without Next."""
    if not isinstance(value, dict):
        findings.error(location, "A choice rule must be an object")
        return None
    attributes = read_fields(value, TEST_FIELDS, language, location, findings)
    return _test_of(value, attributes, language, location, findings)


def _test_of(
    members: dict[str, Json],
    attributes: dict[str, Any],
    language: QueryLanguage,
    location: Location,
    findings: Findings,
) -> Condition | None:
    """Return the one comparison or connective of a rule, None if there is an error in it."""
    present = [name for name in members if name in OPERATORS or name in _CONNECTIVES]
    if len(present) != 1:
        findings.error(
            location,
            f"Only one of these fields is allowed: [{', '.join(present)}]"
            if present
            else "A choice rule must have a comparison operator, 'And', 'Or' or 'Not'",
        )
        return None
    name = present[0]
    if name in _CONNECTIVES:
        if "Variable" in members:
            findings.error((*location, "Variable"), f"Field is not supported beside '{name}'")
        return _connective(name, members[name], language, (*location, name), findings)
    if "Variable" not in members:
        findings.error(location, "These fields are required: [Variable]")
    if "variable" not in attributes or name not in attributes:
        return None
    return OPERATORS[name].compile(attributes["variable"], attributes[name])


def _connective(
    name: str, value: Json, language: QueryLanguage, location: Location, findings: Findings
) -> Condition | None:
    if name == "Not":
        inner = _read_test(value, language, location, findings) if isinstance(value, dict) else None
        return None if inner is None else Not(inner)
    tests = [
        _read_test(item, language, (*location, str(index)), findings)
        for index, item in enumerate(value if isinstance(value, list) else [])
    ]
    complete = tuple(test for test in tests if test is not None)
    if len(complete) < len(tests):
        return None
    return And(complete) if name == "And" else Or(complete)
