"""`stepraft validate`: all problems of a definition, each in its line, without a server."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stepraft.cli.main import app

VALID = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}'
INVALID = """{
  "StartAt": "A",
  "States": {
    "A": {"Type": "Pass", "Next": "C"},
    "B": {"Type": "Wait", "Seconds": -1, "End": true}
  }
}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "orders.asl.json"


def test_a_valid_definition_is_said_to_be_so(file: Path) -> None:
    file.write_text(VALID)

    result = CliRunner().invoke(app, ["validate", str(file)])

    assert (result.exit_code, result.stdout) == (0, f"{file} is valid\n")


def test_each_problem_stands_under_its_line_in_the_order_of_the_text(file: Path) -> None:
    file.write_text(INVALID)

    result = CliRunner().invoke(app, ["validate", str(file)])

    shown = result.stdout
    assert result.exit_code == 1
    assert f"{file}:4:35: error: Missing 'Next' target: C\n" in shown
    assert '     4 │     "A": {"Type": "Pass", "Next": "C"},\n' in shown
    assert "       │                                   ^^^\n" in shown
    assert "at /States/A/Next  MISSING_TRANSITION_TARGET" in shown
    assert shown.index(":4:35:") < shown.index(":5:38:")


def test_the_machine_form_has_every_problem_with_its_place(file: Path) -> None:
    file.write_text(INVALID)

    result = CliRunner().invoke(app, ["validate", str(file), "--json"])

    document = json.loads(result.stdout)
    assert result.exit_code == 1
    assert document["valid"] is False
    assert {
        "severity": "ERROR",
        "code": "MISSING_TRANSITION_TARGET",
        "message": "Missing 'Next' target: C",
        "location": "/States/A/Next",
        "line": 4,
        "column": 35,
    } in document["diagnostics"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param('{"StartAt": "A",\n "States": }', ":2:12:", id="not JSON: where it breaks"),
        pytest.param("", ":1:1:", id="empty: the beginning"),
        pytest.param("[1]", ": error", id="no object: the whole text"),
        pytest.param('{"A": 1, "A": 2}', ": error", id="a key twice: the whole text"),
        pytest.param("[" * 200_000, ": error", id="nested too deep"),
    ],
)
def test_a_text_that_is_no_definition_is_an_answer_too(file: Path, text: str, place: str) -> None:
    file.write_text(text)

    result = CliRunner().invoke(app, ["validate", str(file)])

    assert result.exit_code == 1
    assert result.stdout.startswith(f"{file}{place}")


def test_a_definition_may_come_from_standard_input() -> None:
    result = CliRunner().invoke(app, ["validate", "-"], input=VALID)

    assert (result.exit_code, result.stdout) == (0, "- is valid\n")


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        pytest.param(None, 3, "FILE: there is no file", id="no such file"),
        pytest.param(b"\xff\xfe", 1, "is not UTF-8", id="not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_said_in_one_line(
    file: Path, content: bytes | None, code: int, said: str
) -> None:
    if content is not None:
        file.write_bytes(content)

    result = CliRunner().invoke(app, ["validate", str(file)])

    assert result.exit_code == code
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["validate", str(tmp_path)])

    assert result.exit_code == 1
    assert "FILE: cannot read" in result.stderr
