"""Choice rules: every operator against every type of value, and the connectives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepraft.interpreter.documents import Json
from stepraft.interpreter.errors import LanguageError
from stepraft.interpreter.expressions.choice_rules import (
    OPERATORS,
    And,
    ChoiceRule,
    Condition,
    Not,
    OperandKind,
    Or,
)
from stepraft.interpreter.expressions.environment import Environment
from stepraft.interpreter.expressions.paths import compile_path

NOON = "2024-01-01T12:00:00Z"
ONE_HOUR_ON = "2024-01-01T14:00:00+01:00"

ROWS: list[tuple[str, Json, Json, bool]] = [
    ("StringEquals", "a", "a", True),
    ("StringEquals", "a", "A", False),
    ("StringLessThan", "a", "b", True),
    ("StringLessThan", "b", "b", False),
    ("StringLessThan", "Z", "a", True),
    ("StringGreaterThan", "b", "a", True),
    ("StringGreaterThan", "a", "a", False),
    ("StringLessThanEquals", "a", "a", True),
    ("StringLessThanEquals", "b", "a", False),
    ("StringGreaterThanEquals", "a", "a", True),
    ("StringGreaterThanEquals", "a", "b", False),
    ("NumericEquals", 1, 1.0, True),
    ("NumericEquals", 0, -0.0, True),
    ("NumericEquals", 1, 2, False),
    ("NumericLessThan", 1, 1.5, True),
    ("NumericLessThan", 2, 2, False),
    ("NumericGreaterThan", 2, 1, True),
    ("NumericGreaterThan", 1, 1, False),
    ("NumericLessThanEquals", 1, 1, True),
    ("NumericLessThanEquals", 2, 1, False),
    ("NumericGreaterThanEquals", 1, 1, True),
    ("NumericGreaterThanEquals", 1, 2, False),
    ("TimestampEquals", NOON, "2024-01-01T13:00:00+01:00", True),
    ("TimestampEquals", NOON, ONE_HOUR_ON, False),
    ("TimestampLessThan", NOON, ONE_HOUR_ON, True),
    ("TimestampLessThan", NOON, NOON, False),
    ("TimestampLessThan", NOON, "2024-01-01T12:00:00.000000001Z", True),
    ("TimestampGreaterThan", ONE_HOUR_ON, NOON, True),
    ("TimestampGreaterThan", NOON, NOON, False),
    ("TimestampLessThanEquals", NOON, NOON, True),
    ("TimestampLessThanEquals", ONE_HOUR_ON, NOON, False),
    ("TimestampGreaterThanEquals", NOON, NOON, True),
    ("TimestampGreaterThanEquals", NOON, ONE_HOUR_ON, False),
    ("TimestampEquals", "noon", NOON, False),
    ("BooleanEquals", True, True, True),
    ("BooleanEquals", False, True, False),
    ("BooleanEquals", False, False, True),
    ("StringMatches", "log-2024.txt", "log-*.txt", True),
    ("StringMatches", "log-2024.txt", "log-*.csv", False),
    ("StringMatches", "abc", "abc", True),
    ("StringMatches", "abc", "ab", False),
    ("StringMatches", "", "*", True),
    ("StringMatches", "aba", "*a*b*a*", True),
    ("StringMatches", "ab", "a*ab", False),
    ("StringMatches", "aab", "a*ab", True),
    ("StringMatches", "a*b", r"a\*b", True),
    ("StringMatches", "axb", r"a\*b", False),
    ("StringMatches", r"a\b", r"a\\b", True),
    ("StringMatches", r"a\xyz", r"a\\*", True),
    ("StringMatches", "xaxbx", "*a*b*", True),
    ("StringMatches", "xbxax", "*a*b*", False),
    ("IsNull", None, True, True),
    ("IsNull", 0, True, False),
    ("IsNull", 0, False, True),
    ("IsPresent", None, True, True),
    ("IsPresent", 1, False, False),
    ("IsNumeric", 1.5, True, True),
    ("IsNumeric", True, True, False),
    ("IsNumeric", "1", False, True),
    ("IsString", "", True, True),
    ("IsString", 1, True, False),
    ("IsBoolean", False, True, True),
    ("IsBoolean", 0, True, False),
    ("IsTimestamp", NOON, True, True),
    ("IsTimestamp", "2024-01-01", True, False),
    ("IsTimestamp", 0, False, True),
]


@pytest.mark.parametrize(
    ("name", "value", "operand", "expected"),
    ROWS,
    ids=[f"{name} {value!r} {operand!r}" for name, value, operand, _ in ROWS],
)
def test_an_operator_compares_a_value_with_its_operand(
    name: str, value: Json, operand: Json, expected: bool, environment: Environment
) -> None:
    test = OPERATORS[name].compile(compile_path("$.v"), operand)

    assert test.matches({"v": value}, environment) is expected


@pytest.mark.parametrize(
    ("name", "value", "operand", "expected"),
    [row for row in ROWS if f"{row[0]}Path" in OPERATORS],
)
def test_an_operator_compares_a_value_with_what_a_path_leads_to(
    name: str, value: Json, operand: Json, expected: bool, environment: Environment
) -> None:
    test = OPERATORS[f"{name}Path"].compile(compile_path("$.v"), compile_path("$.w"))

    assert test.matches({"v": value, "w": operand}, environment) is expected


def test_there_are_39_operators_and_each_has_a_row() -> None:
    names = {name for name, *_ in ROWS}
    paths = {f"{name}Path" for name in names} & OPERATORS.keys()

    assert len(OPERATORS) == 39
    assert names | paths == OPERATORS.keys()


TYPES: dict[OperandKind, tuple[type, Json]] = {
    OperandKind.STRING: (str, "a"),
    OperandKind.NUMBER: (int, 1),
    OperandKind.TIMESTAMP: (str, NOON),
    OperandKind.BOOLEAN: (bool, True),
}


@pytest.mark.parametrize("name", [n for n in OPERATORS if not n.startswith("Is")])
@pytest.mark.parametrize("value", [None, True, 1, 1.5, "x", [], {}], ids=repr)
def test_a_value_of_another_type_matches_nothing(
    name: str, value: Json, environment: Environment
) -> None:
    base = name.removesuffix("Path")
    expected_type, operand = TYPES[OPERATORS[base].operand]
    if type(value) in (expected_type, float if expected_type is int else expected_type):
        return
    right = compile_path("$.w") if name.endswith("Path") else operand

    test = OPERATORS[name].compile(compile_path("$.v"), right)

    assert test.matches({"v": value, "w": operand}, environment) is False


@pytest.mark.parametrize("name", [n for n in OPERATORS if n != "IsPresent"])
def test_a_variable_that_leads_nowhere_fails_the_workflow(
    name: str, environment: Environment
) -> None:
    operand = compile_path("$.v") if OPERATORS[name].operand is OperandKind.PATH else "x"

    with pytest.raises(LanguageError) as raised:
        OPERATORS[name].compile(compile_path("$.no"), operand).matches({"v": 1}, environment)

    assert (raised.value.name, raised.value.cause) == (
        "States.Runtime",
        "Invalid path '$.no': The choice state's condition path references an invalid value.",
    )


def test_an_operand_path_that_leads_nowhere_fails_the_workflow(environment: Environment) -> None:
    test = OPERATORS["StringEqualsPath"].compile(compile_path("$.v"), compile_path("$.no"))

    with pytest.raises(LanguageError, match=r"Invalid path '\$\.no'"):
        test.matches({"v": 1}, environment)


@pytest.mark.parametrize(("expected", "matches"), [(True, False), (False, True)])
def test_is_present_takes_a_variable_that_leads_nowhere(
    expected: bool, matches: bool, environment: Environment
) -> None:
    test = OPERATORS["IsPresent"].compile(compile_path("$.no.where"), expected)

    assert test.matches({}, environment) is matches


@pytest.mark.parametrize("pattern", ["a\\", "\\a", "*\\x*"])
def test_an_open_escape_in_a_pattern_fails_the_workflow(
    pattern: str, environment: Environment
) -> None:
    test = OPERATORS["StringMatches"].compile(compile_path("$"), pattern)

    with pytest.raises(LanguageError) as raised:
        test.matches("a", environment)

    assert raised.value.cause == (
        f"The StringMatches pattern '{pattern}' has an open escape sequence."
    )


@given(st.lists(st.text("ab"), min_size=2), st.text("ab"))
def test_a_pattern_matches_all_that_its_stars_can_stand_for(
    pieces: list[str], filling: str
) -> None:
    test = OPERATORS["StringMatches"].compile(compile_path("$"), "*".join(pieces))

    assert test.matches(filling.join(pieces), Environment(dict, {}, b""))


def number_is(value: int) -> Condition:
    return OPERATORS["NumericEquals"].compile(compile_path("$.n"), value)


FAILS = OPERATORS["IsString"].compile(compile_path("$.no"), True)


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        pytest.param(And((number_is(1), number_is(1))), True, id="and"),
        pytest.param(And((number_is(1), number_is(2))), False, id="and, one not"),
        pytest.param(And((number_is(2), FAILS)), False, id="and stops"),
        pytest.param(Or((number_is(2), number_is(1))), True, id="or"),
        pytest.param(Or((number_is(2), number_is(3))), False, id="or, none"),
        pytest.param(Or((number_is(1), FAILS)), True, id="or stops"),
        pytest.param(Not(number_is(2)), True, id="not"),
        pytest.param(Not(And((number_is(1),))), False, id="not and"),
    ],
)
def test_connectives_combine_tests(
    test: Condition, expected: bool, environment: Environment
) -> None:
    rule = ChoiceRule(test=test, next_state="Next")

    assert rule.matches({"n": 1}, environment) is expected
