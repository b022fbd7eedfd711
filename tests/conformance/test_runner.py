"""What the runner makes of cases, recorded outcomes and results."""

import asyncio
import json
import secrets
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from stepraft.client import Client
from stepraft.testing.cluster import LocalCluster
from tests.conformance import report
from tests.conformance.cases import Case, load
from tests.conformance.defining import refuse, validate
from tests.conformance.executing import execute
from tests.conformance.matcher import FILE_NAME, Matcher, find
from tests.conformance.replay import Replay
from tests.conformance.results import Level, Result
from tests.interpreter.machines import fail, map_, parallel, scope, task

Run = Callable[[Case, Client, Matcher], Awaitable[Result]]


def recorded(state: str, given: object, output: object) -> dict[str, object]:
    return {"state": state, "input": given, "outcome": {"output": output}}


def test_outcomes_are_handed_out_by_state_and_input_and_else_in_order(plain: Matcher) -> None:
    tasks = [recorded("A", 1, "a"), recorded("A", 2, "b"), recorded("B", 1, "c")]
    replay = Replay(tasks, plain)

    taken = [replay.take(*each) for each in (("A", 2), ("A", 9), ("B", 9), ("A", 1))]

    assert taken == [{"output": "b"}, {"output": "a"}, {"output": "c"}, None]


def test_the_resources_of_nested_states_are_found() -> None:
    definition = scope(
        P=parallel(scope(T=task("a")), scope(M=map_(scope(U=task("b"), V=task("a"))))), W=task("c")
    )
    case = Case(id="", area="", api="execute", expected={}, definition=json.dumps(definition))

    assert case.resources == ("a", "b", "c")


def test_a_folder_is_loaded_file_by_file(tmp_path: Path) -> None:
    for name in ("b", "a"):
        case: dict[str, object] = {
            "id": name,
            "area": "x",
            "api": "execute",
            "expected": {},
            "recorded": "today",
        }
        (tmp_path / f"{name}.json").write_text(json.dumps([case]))

    assert [case.id for case in load(tmp_path)] == ["a", "b"]


@pytest.mark.parametrize("place", ["cases", ".", "elsewhere"])
def test_the_matcher_is_found_with_the_cases_or_elsewhere(place: str, tmp_path: Path) -> None:
    for folder in ("cases", "elsewhere"):
        (tmp_path / folder).mkdir()
    (tmp_path / place / FILE_NAME).touch()

    found = find(tmp_path / "cases", tmp_path / "elsewhere")

    assert found.samefile(tmp_path / place / FILE_NAME)


def test_no_matcher_is_an_error_that_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"no {FILE_NAME} in, beside or above {tmp_path}"):
        find(tmp_path, tmp_path)


def result(area: str, outcome: bool, *, validated: bool = True) -> Result:
    made = Result(Case(id=area, area=area, api="execute", expected={}, validated=validated))
    made.set(Level.OUTCOME, outcome, ["why"])
    return made


RESULTS = [result("b", True), result("a", False), result("b", True), result("a", True)]


def test_the_table_counts_by_area_and_in_total_what_is_proven() -> None:
    lines = report.table([*RESULTS, result("a", False, validated=False)]).splitlines()

    assert [line.split() for line in lines] == [
        ["area", "cases", "L1", "L1c", "L2", "L3"],
        ["a", "2", "1/2", "0/0", "0/0", "0/0"],
        ["b", "2", "2/2", "0/0", "0/0", "0/0"],
        ["(not", "validated)", "1", "0/1", "0/0", "0/0", "0/0"],
        ["total", "4", "3/4", "0/0", "0/0", "0/0"],
    ]


def test_failures_are_written_with_what_differs(tmp_path: Path) -> None:
    report.write_failures(RESULTS, [], tmp_path / "failures.json")

    assert json.loads((tmp_path / "failures.json").read_text()) == [
        {
            "id": "a",
            "area": "a",
            "api": "execute",
            "validated": True,
            "differences": {"L1": "why"},
        }
    ]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a real server listens."""
    with LocalCluster(tmp_path_factory.mktemp("cluster"), size=1) as cluster:
        cluster.wait_for_leader()
        yield cluster.addresses[0]


def run_case(run: Run, address: str, case: Case, plain: Matcher) -> tuple[bool | None, ...]:
    """Run a case, and return whether it passed, level by level; None: there was nothing to
    compare.
    """

    async def once() -> Result:
        async with Client(address, namespace=secrets.token_hex(8)) as client:
            return await run(case, client, plain)

    result = asyncio.run(once())
    return tuple(result.passed.get(level) for level in Level)


@pytest.mark.system
@pytest.mark.parametrize(
    ("expected", "passed"),
    [
        pytest.param({"status": "SUCCEEDED", "output": {"r": 1}}, (True, True), id="as recorded"),
        pytest.param({"status": "SUCCEEDED", "output": 2}, (False, False), id="another output"),
        pytest.param({"status": "FAILED", "error": "E"}, (False, False), id="another status"),
    ],
)
def test_an_execution_is_compared_with_what_was_recorded(
    expected: dict[str, object], passed: tuple[bool, bool], address: str, plain: Matcher
) -> None:
    case = Case(
        id="case",
        area="",
        api="execute",
        expected=expected,
        definition=scope(T=task("work")),
        tasks=[recorded("T", {}, {"r": 1})],
    )

    assert run_case(execute, address, case, plain) == (*passed, None, None)


@pytest.mark.system
@pytest.mark.parametrize(
    ("error", "cause", "passed"),
    [
        pytest.param("E", "why", (True, True), id="as recorded"),
        pytest.param("E", "other", (True, False), id="another cause"),
        pytest.param("E", None, (False, False), id="a cause where there was none"),
        pytest.param("F", "why", (False, False), id="another error"),
    ],
)
def test_error_and_cause_are_compared_level_by_level(
    error: str, cause: str | None, passed: tuple[bool, bool], address: str, plain: Matcher
) -> None:
    expected = {"status": "FAILED", "error": error, "cause": cause, "history": [{"type": "X"}]}
    definition = scope(F=fail("E", "why"))
    case = Case(id="", area="", api="execute", expected=expected, definition=definition)

    assert run_case(execute, address, case, plain) == (*passed, False, False)


REQUIRED = "SCHEMA_VALIDATION_FAILED: These fields are required: [States] at /"


@pytest.mark.system
@pytest.mark.parametrize(
    ("code", "message", "passed"),
    [
        pytest.param("InvalidDefinition", REQUIRED, (True, True, True, True), id="as recorded"),
        pytest.param(
            "InvalidDefinition",
            "SCHEMA_VALIDATION_FAILED: Other words at /",
            (True, False, True, False),
            id="other words",
        ),
        pytest.param(
            "InvalidDefinition",
            "SCHEMA_VALIDATION_FAILED: Other words at /States",
            (True, False, False, False),
            id="another place",
        ),
        pytest.param("InvalidName", REQUIRED, (False, False, False, False), id="another code"),
    ],
)
def test_a_refusal_is_compared_by_its_message(
    code: str, message: str, passed: tuple[bool, ...], address: str, plain: Matcher
) -> None:
    text = f"Invalid State Machine Definition: '{message}'"
    expected = {"error": {"code": code, "message": text}}
    case = Case(
        id="", area="", api="create_invalid", expected=expected, definition={"StartAt": "A"}
    )

    assert run_case(refuse, address, case, plain) == passed


@pytest.mark.system
@pytest.mark.parametrize(
    ("definition", "passed"),
    [
        pytest.param({"StartAt": "A"}, (True, True, True, True), id="as recorded"),
        pytest.param({"States": {}}, (True, True, False, False), id="other diagnostics"),
        pytest.param(scope(F=fail("E")), (False, False, False, False), id="another verdict"),
    ],
)
def test_a_validation_is_compared_by_its_diagnostics(
    definition: dict[str, object], passed: tuple[bool, ...], address: str, plain: Matcher
) -> None:
    diagnostic = {
        "severity": "ERROR",
        "code": "SCHEMA_VALIDATION_FAILED",
        "message": "These fields are required: [States]",
        "location": "/",
    }
    response = {"result": "FAIL", "truncated": False, "diagnostics": [diagnostic]}
    expected = {"response": response}
    case = Case(id="", area="", api="validate", expected=expected, definition=definition)

    assert run_case(validate, address, case, plain) == passed


def test_without_a_folder_of_cases_there_is_nothing_to_do(tmp_path: Path) -> None:
    folder = tmp_path / "none"
    command = [sys.executable, "-m", "tests.conformance", "--cases", str(folder)]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (
        0,
        f"conformance: there is no folder {folder}, so nothing was compared\n",
    )
