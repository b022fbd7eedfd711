"""`stepraft deploy`, against a real node."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.system

DEFINITION = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}'


def test_the_same_definition_makes_no_new_version(run: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "parcels.asl.json"
    file.write_text(DEFINITION)

    said = [run("deploy", str(file)).stdout for _ in range(2)]
    file.write_text(DEFINITION.replace("true", "true, " + '"Comment": "new"'))
    said.append(run("deploy", str(file)).stdout)

    assert said == [
        "parcels version 1 deployed\n",
        "parcels version 1 unchanged\n",
        "parcels version 2 deployed\n",
    ]


def test_the_machine_form_has_the_workflow(run: Callable[..., Any]) -> None:
    command = ["deploy", "-", "--name", "letters", "--description", "for letters", "--json"]

    document = json.loads(run(*command, stdin=DEFINITION).stdout)

    workflow = document["workflow"]
    assert document["created"] is True
    assert (workflow["name"], workflow["version"]) == ("letters", 1)
    assert workflow["description"] == "for letters"


def test_problems_that_the_server_finds_are_shown_in_their_lines(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    file = tmp_path / "parcels.json"
    file.write_text(DEFINITION.replace('"StartAt": "A"', '"StartAt": "B"'))

    result = run("deploy", str(file))

    assert result.exit_code == 1
    assert f"{file}:1:13: error: " in result.stdout
    assert "^^^" in result.stdout


def test_in_the_machine_form_problems_are_an_error(run: Callable[..., Any]) -> None:
    result = run("deploy", "-", "--name", "x", "--json", stdin="{}")

    error = json.loads(result.stderr)["error"]
    assert result.exit_code == 1
    assert error["reason"] == "INVALID_DEFINITION"
    assert error["violations"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["deploy", "-"], 2, "--name: needed", id="no name to be had"),
        pytest.param(["deploy", "-", "--name", "a b"], 1, "INVALID_NAME", id="a bad name"),
        pytest.param(["deploy", "nowhere.json"], 3, "no file", id="no such file"),
    ],
)
def test_a_mistake_is_answered_by_a_line_and_a_code(
    run: Callable[..., Any], arguments: list[str], code: int, said: str
) -> None:
    result = run(*arguments, stdin=DEFINITION)

    assert result.exit_code == code
    assert said in result.stderr
