"""Rules that span states: targets, ends, names, variables; and what this version cannot run."""

from collections.abc import Callable
from typing import TypeAlias

import pytest

from stepraft.interpreter.documents import Json

Problems: TypeAlias = list[tuple[str, str, str]]
Diagnose: TypeAlias = Callable[[Json], Problems]

FAILED = "SCHEMA_VALIDATION_FAILED"
TARGET = "MISSING_TRANSITION_TARGET"
END: dict[str, Json] = {"Type": "Pass", "End": True}


def machine(states: Json, start_at: str = "A", **fields: Json) -> Json:
    return {"StartAt": start_at, "States": states, **fields}


def choice(*targets: str, default: str | None = None) -> Json:
    rules: Json = [{"Variable": "$.a", "IsNull": True, "Next": target} for target in targets]
    return {"Type": "Choice", "Choices": rules, **({"Default": default} if default else {})}


ENDLESS = "No reachable state ends: one with End, or a Succeed or Fail state, is required"

ROWS: list[tuple[str, Json, Problems]] = [
    (
        "StartAt to nowhere",
        machine({"A": END}, "B"),
        [(TARGET, "Missing 'StartAt' target: B", "/StartAt")],
    ),
    (
        "Next to nowhere",
        machine({"A": {"Type": "Pass", "Next": "B"}}),
        [
            (TARGET, "Missing 'Next' target: B", "/States/A/Next"),
            ("MISSING_END_STATE", ENDLESS, "/States"),
        ],
    ),
    (
        "Default to nowhere",
        machine({"A": choice("B", default="C"), "B": END}),
        [(TARGET, "Missing 'Default' target: C", "/States/A/Default")],
    ),
    (
        "rule to nowhere",
        machine({"A": choice("B", "C"), "B": END}),
        [(TARGET, "Missing 'Next' target: C", "/States/A/Choices/1/Next")],
    ),
    (
        "catcher to nowhere",
        machine(
            {
                "A": {
                    "Type": "Task",
                    "Resource": "r",
                    "End": True,
                    "Catch": [{"ErrorEquals": ["E"], "Next": "B"}],
                }
            }
        ),
        [(TARGET, "Missing 'Next' target: B", "/States/A/Catch/0/Next")],
    ),
    (
        "unreachable",
        machine({"A": END, "B": END}),
        [(TARGET, 'State "B" is not reachable.', "/States/B")],
    ),
    (
        "unreachable circle",
        machine({"A": END, "B": {"Type": "Pass", "Next": "C"}, "C": {"Type": "Pass", "Next": "B"}}),
        [
            (TARGET, 'State "B" is not reachable.', "/States/B"),
            (TARGET, 'State "C" is not reachable.', "/States/C"),
        ],
    ),
    (
        "no end",
        machine({"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}}),
        [("MISSING_END_STATE", ENDLESS, "/States")],
    ),
    (
        "an end that is not reached",
        machine({"A": {"Type": "Pass", "Next": "A"}, "B": END}),
        [
            (TARGET, 'State "B" is not reachable.', "/States/B"),
            ("MISSING_END_STATE", ENDLESS, "/States"),
        ],
    ),
    ("no states", machine({}), [(FAILED, "Value cannot be empty", "/States")]),
    ("States missing", {"StartAt": "A"}, [(FAILED, "These fields are required: [States]", "/")]),
    ("both missing", {}, [(FAILED, "These fields are required: [StartAt, States]", "/")]),
    ("unknown field", machine({"A": END}, Foo=1), [(FAILED, "Field is not supported", "/Foo")]),
    (
        "version",
        machine({"A": END}, Version="2"),
        [(FAILED, "The field 'Version' should have one of these values: [1.0]", "/Version")],
    ),
    (
        "timeout",
        machine({"A": END}, TimeoutSeconds=0),
        [(FAILED, "The field 'TimeoutSeconds' must be from 1 to 99999999", "/TimeoutSeconds")],
    ),
    (
        "pointer escapes",
        machine({"a/b~c": {**END, "Foo": 1}}, "a/b~c"),
        [(FAILED, "Field is not supported", "/States/a~1b~0c/Foo")],
    ),
    (
        "long name",
        machine({"x" * 81: END}, "x" * 81),
        [(FAILED, "A state name must have 1 to 80 characters", "/States/" + "x" * 81)],
    ),
    (
        "empty name",
        machine({"": END}, ""),
        [(FAILED, "A state name must have 1 to 80 characters", "/States/")],
    ),
]


@pytest.mark.parametrize(
    ("definition", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_what_is_wrong_between_states(
    definition: Json, expected: Problems, problems: Diagnose
) -> None:
    assert problems(definition) == expected


def branch(states: Json, start_at: str) -> Json:
    return {"StartAt": start_at, "States": states}


def parallel(*branches: Json) -> dict[str, Json]:
    return {"Type": "Parallel", "Branches": list(branches), "End": True}


def test_names_are_unique_over_all_levels(problems: Diagnose) -> None:
    definition = machine(
        {"A": parallel(branch({"A": END}, "A"), branch({"B": END}, "B"), branch({"B": END}, "B"))}
    )

    assert problems(definition) == [
        ("DUPLICATE_STATE_NAME", "Duplicate State name: A", "/States/A/Branches/0/States/A"),
        ("DUPLICATE_STATE_NAME", "Duplicate State name: B", "/States/A/Branches/2/States/B"),
    ]


@pytest.mark.parametrize(("inner", "target"), [("B", "A"), ("B", "C")])
def test_no_transition_leaves_its_scope(inner: str, target: str, problems: Diagnose) -> None:
    definition = machine(
        {
            "A": parallel(branch({inner: choice(target, inner)}, inner), branch({"C": END}, "C")),
        }
    )

    assert problems(definition)[0] == (
        TARGET,
        f"Missing 'Next' target: {target}",
        f"/States/A/Branches/0/States/{inner}/Choices/0/Next",
    )


def test_a_processor_is_checked_like_a_machine(problems: Diagnose) -> None:
    definition = machine(
        {
            "A": {
                "Type": "Map",
                "ItemProcessor": branch({"B": {"Type": "Pass", "Next": "C"}, "D": END}, "B"),
                "End": True,
            }
        }
    )

    assert problems(definition) == [
        (TARGET, "Missing 'Next' target: C", "/States/A/ItemProcessor/States/B/Next"),
        (TARGET, 'State "D" is not reachable.', "/States/A/ItemProcessor/States/D"),
        ("MISSING_END_STATE", ENDLESS, "/States/A/ItemProcessor/States"),
    ]


VARIABLE_ROWS: list[tuple[str, Json, Problems]] = [
    (
        "states",
        {**END, "Assign": {"states": 1}},
        [(FAILED, "The variable name 'states' is reserved", "/States/A/Assign/states")],
    ),
    (
        "digit first",
        {**END, "Assign": {"1a": 1}},
        [
            (
                FAILED,
                (
                    "'1a' is no variable name: a letter, then letters, digits and _, at most 80"
                    " characters"
                ),
                "/States/A/Assign/1a",
            )
        ],
    ),
    (
        "part of a value",
        {**END, "Assign": {"a.b": 1}},
        [
            (
                FAILED,
                (
                    "'a.b' is no variable name: a letter, then letters, digits and _, at most 80"
                    " characters"
                ),
                "/States/A/Assign/a.b",
            )
        ],
    ),
    (
        "81 characters",
        {**END, "Assign": {"a" * 81: 1}},
        [
            (
                FAILED,
                (
                    f"'{'a' * 81}' is no variable name: a letter, then letters, digits and _,"
                    " at most 80 characters"
                ),
                f"/States/A/Assign/{'a' * 81}",
            )
        ],
    ),
    ("80 characters", {**END, "Assign": {"ä" * 80 + ".$": "$.a"}}, []),
    (
        "assigned in a branch, too",
        {**parallel(branch({"B": {**END, "Assign": {"v.$": "$.a"}}}, "B")), "Assign": {"v": 1}},
        [
            (
                FAILED,
                "The variable 'v' is assigned in an outer scope, too",
                "/States/A/Branches/0/States/B/Assign/v.$",
            )
        ],
    ),
    (
        "the same in two branches",
        parallel(
            branch({"B": {**END, "Assign": {"v": 1}}}, "B"),
            branch({"C": {**END, "Assign": {"v": 1}}}, "C"),
        ),
        [],
    ),
]


@pytest.mark.parametrize(
    ("state", "expected"),
    [row[1:] for row in VARIABLE_ROWS],
    ids=[row[0] for row in VARIABLE_ROWS],
)
def test_names_of_variables(state: Json, expected: Problems, problems: Diagnose) -> None:
    assert problems(machine({"A": state})) == expected


INVALID_QUERY = "The JSONata expression '{}' is not valid: S0207: Unexpected end of expression"


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        pytest.param(
            machine(
                {"A": {**END, "Output": "{% $states.input %}", "Assign": {"v": "{% 1 %}"}}},
                QueryLanguage="JSONata",
            ),
            [],
            id="machine",
        ),
        pytest.param(
            machine(
                {
                    "A": {
                        "Type": "Wait",
                        "QueryLanguage": "JSONata",
                        "Seconds": "{% 1 %}",
                        "End": True,
                    }
                }
            ),
            [],
            id="state",
        ),
        pytest.param(
            machine({"A": {**END, "QueryLanguage": "JSONPath"}}, QueryLanguage="JSONata"),
            [
                (
                    FAILED,
                    (
                        "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole"
                        " state machine"
                    ),
                    "/States/A",
                ),
            ],
            id="JSONPath in JSONata",
        ),
        pytest.param(
            machine(
                {
                    "A": {
                        "Type": "Choice",
                        "Choices": [{"Condition": "{% true %}", "Next": "B"}, {"Next": "B"}],
                        "InputPath": "$",
                    },
                    "B": END,
                },
                QueryLanguage="JSONata",
            ),
            [
                (
                    FAILED,
                    "Field is not supported by the query language JSONata",
                    "/States/A/InputPath",
                ),
                (FAILED, "These fields are required: [Condition]", "/States/A/Choices/1"),
            ],
            id="rules and fields",
        ),
        pytest.param(
            machine(
                {
                    "A": {
                        "Type": "Task",
                        "Arguments": {"a": ["{% $states. %}"], "b": "{% 1"},
                        "Assign": "{% {} %}",
                        "TimeoutSeconds": "{% 1 + %}",
                        "Resource": "{% 1 %}",
                        "End": True,
                    }
                },
                QueryLanguage="JSONata",
            ),
            [
                (FAILED, INVALID_QUERY.format("$states."), "/States/A/Arguments/a/0"),
                (
                    FAILED,
                    "An expression that begins with {% must end with %}",
                    "/States/A/Arguments/b",
                ),
                (FAILED, "The field 'Assign' must be an object", "/States/A/Assign"),
                (FAILED, INVALID_QUERY.format("1 +"), "/States/A/TimeoutSeconds"),
                (FAILED, "The field cannot hold a JSONata expression", "/States/A/Resource"),
            ],
            id="expressions",
        ),
    ],
)
def test_what_jsonata_demands(definition: Json, expected: Problems, problems: Diagnose) -> None:
    assert problems(definition) == expected


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        pytest.param(
            machine(
                {
                    "A": {
                        "Type": "Map",
                        "Label": "l",
                        "ItemProcessor": {
                            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                            "StartAt": "B",
                            "States": {"B": END},
                        },
                        "End": True,
                    }
                }
            ),
            [
                (
                    "NOT_AVAILABLE",
                    "The mode DISTRIBUTED is not available in this version",
                    "/States/A/ItemProcessor/ProcessorConfig/Mode",
                )
            ],
            id="distributed map",
        ),
        pytest.param(
            machine(
                {
                    "A": {
                        "Type": "Map",
                        "ItemProcessor": {
                            "ProcessorConfig": {"Mode": "DISTRIBUTED"},
                            "StartAt": "B",
                            "States": {"B": END},
                        },
                        "End": True,
                    }
                }
            ),
            [
                (
                    "NOT_AVAILABLE",
                    "The mode DISTRIBUTED is not available in this version",
                    "/States/A/ItemProcessor/ProcessorConfig/Mode",
                ),
                (
                    FAILED,
                    "These fields are required: [ExecutionType]",
                    "/States/A/ItemProcessor/ProcessorConfig",
                ),
            ],
            id="distributed map without type",
        ),
    ],
)
def test_what_cannot_be_run_is_refused_by_name(
    definition: Json, expected: Problems, problems: Diagnose
) -> None:
    assert problems(definition) == expected


def test_problems_of_all_kinds_come_together(problems: Diagnose) -> None:
    definition = machine(
        {"A": {"Type": "Task", "Next": "B", "TimeoutSeconds": "1"}, "C": {"Type": "Job"}}, Foo=1
    )

    assert [location for _, _, location in problems(definition)] == [
        "/Foo",
        "/States/A",
        "/States/A/TimeoutSeconds",
        "/States/C/Type",
        "/States/A/Next",
        "/States/C",
        "/States",
    ]
