"""The TLS options: every command that calls a node has them, and says what is wrong with them."""

from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from stepraft.cli.main import app
from tests.certificates import make_authority, make_client


def calling_commands(group: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the commands that take an address, in groups too."""
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            found += calling_commands(command, (*path, name))
        elif any(each.name == "address" for each in command.params):
            found.append((*path, name))
    return found


COMMANDS = calling_commands(typer.main.get_command(app))


def test_the_commands_were_found() -> None:
    assert {("health",), ("cluster", "status"), ("worker",), ("start",)} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_that_calls_a_node_has_the_options(command: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200"})

    for name in ("ca", "cert", "key"):
        assert f"--tls-{name}" in result.stdout
        assert f"STEPRAFT_TLS_{name.upper()}" in result.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_client(tmp_path, make_authority(tmp_path), "shop")
    return tmp_path


@pytest.mark.parametrize(
    ("options", "environment", "text"),
    [
        pytest.param(["--tls-ca", "none.crt"], {}, "--tls-ca: cannot read none.crt", id="missing"),
        pytest.param(
            [], {"STEPRAFT_TLS_CA": "none.crt"}, "--tls-ca: cannot read none.crt", id="environment"
        ),
        pytest.param(["--tls-cert", "a.crt"], {}, "--tls-ca: needed", id="no authority"),
        pytest.param(
            ["--tls-ca", "ca.crt", "--tls-cert", "client-shop.crt"],
            {},
            "--tls-key: certificate and key are given together",
            id="no key",
        ),
        pytest.param(
            ["--tls-ca", "ca.crt", "--tls-cert", "client-shop.crt", "--tls-key", "ca.key"],
            {},
            "--tls-key: ca.key is not the key of client-shop.crt",
            id="another's key",
        ),
    ],
)
@pytest.mark.parametrize("command", [["list"], ["health"], ["cluster", "status"]], ids=" ".join)
def test_wrong_files_are_named_by_their_option(
    command: list[str],
    options: list[str],
    environment: dict[str, str],
    text: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folder)

    result = CliRunner().invoke(app, [*command, *options], env=environment)

    assert (result.exit_code, result.stderr.startswith(f"error: {text}")) == (2, True)


def test_a_worker_that_has_its_own_files_is_given_none(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "own_worker.py").write_text(
        "from stepraft.client import Worker\nworker = Worker('127.0.0.1:1')\n"
    )

    result = CliRunner().invoke(app, ["worker", "own_worker:worker", "--tls-ca", "ca.crt"])

    assert result.exit_code == 2
    assert result.stderr.startswith("error: --tls-ca: own_worker:worker is a Worker")
