"""Errors become one line, a hint and an exit code; no traceback reaches the user."""

import json

import pytest
import typer
from typer.testing import CliRunner

from stepraft.cli.exit_codes import MEANINGS, ExitCode
from stepraft.cli.failures import CommandError, Program
from stepraft.cli.options import AsJson
from stepraft.client import (
    AccessError,
    ConflictError,
    DocumentError,
    FieldViolation,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    OverloadedError,
    ServerError,
    UnavailableError,
)


def program(error: BaseException) -> typer.Typer:
    """Return a program whose command `fail` raises `error`."""
    app = typer.Typer(cls=Program)

    @app.command()
    def fail(as_json: AsJson = False) -> None:
        raise error

    @app.command()
    def other() -> None:
        """Make `fail` a command of its own name."""

    return app


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(InvalidRequestError("INVALID_ARGUMENT", "no"), 1, id="invalid"),
        pytest.param(ServerError("INTERNAL", "no"), 1, id="server"),
        pytest.param(DocumentError("no"), 1, id="document"),
        pytest.param(CommandError("no", code=ExitCode.USAGE), 2, id="usage"),
        pytest.param(NotFoundError("NOT_FOUND", "no"), 3, id="not found"),
        pytest.param(UnavailableError("UNAVAILABLE", "no"), 4, id="unavailable"),
        pytest.param(OutcomeUnknownError("UNAVAILABLE", "no"), 4, id="outcome unknown"),
        pytest.param(OverloadedError("RESOURCE_EXHAUSTED", "no"), 4, id="overloaded"),
        pytest.param(ConflictError("ALREADY_EXISTS", "no"), 5, id="conflict"),
        pytest.param(AccessError("PERMISSION_DENIED", "no"), 10, id="access"),
        pytest.param(KeyboardInterrupt(), 130, id="interrupted"),
    ],
)
def test_each_kind_of_error_has_its_exit_code(error: BaseException, code: int) -> None:
    assert CliRunner().invoke(program(error), ["fail"]).exit_code == code


def test_an_error_is_one_line_with_field_and_reason_and_a_hint() -> None:
    error = NotFoundError(
        "NOT_FOUND",
        "there is no workflow 'orders'",
        reason="WORKFLOW_NOT_FOUND",
        violations=(FieldViolation("workflow", "not deployed"),),
    )

    result = CliRunner().invoke(program(error), ["fail"])

    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "error: there is no workflow 'orders'; workflow: not deployed (WORKFLOW_NOT_FOUND)",
        "hint: `stepraft deploy FILE --name NAME` makes a workflow",
    ]


@pytest.mark.parametrize(
    ("text", "violations", "line"),
    [
        pytest.param(
            "name: at most 80 characters",
            [("name", "at most 80 characters")],
            "name: at most 80 characters",
            id="the text names field and rule",
        ),
        pytest.param(
            "it has ended", [("id", "it has ended")], "id: it has ended", id="the text is the rule"
        ),
        pytest.param(
            "refused",
            [("a", "too long"), ("b", "too short")],
            "refused; a: too long; b: too short",
            id="the text names nothing",
        ),
        pytest.param("two\nlines", [], "two lines", id="a text of two lines"),
    ],
)
def test_each_field_and_each_rule_is_said_once(
    text: str, violations: list[tuple[str, str]], line: str
) -> None:
    listed = tuple(FieldViolation(field, rule) for field, rule in violations)
    error = InvalidRequestError("INVALID_ARGUMENT", text, reason="REASON", violations=listed)

    result = CliRunner().invoke(program(error), ["fail"])

    assert result.stderr == f"error: {line} (REASON)\n"


def test_what_an_error_says_is_no_markup() -> None:
    result = CliRunner().invoke(program(CommandError("[red]input[0][/] is wrong")), ["fail"])

    assert result.stderr == "error: [red]input[0][/] is wrong\n"


def test_with_json_the_error_is_a_document_on_stderr() -> None:
    error = ConflictError(
        "ALREADY_EXISTS",
        "the key was used with another request",
        reason="IDEMPOTENCY_CONFLICT",
        violations=(FieldViolation("idempotency_key", "used before"),),
    )

    result = CliRunner().invoke(program(error), ["fail", "--json"])

    assert result.stdout == ""
    assert json.loads(result.stderr) == {
        "error": {
            "reason": "IDEMPOTENCY_CONFLICT",
            "message": "the key was used with another request",
            "violations": [{"field": "idempotency_key", "rule": "used before"}],
            "hint": "choose another --idempotency-key, or start with the same input",
            "exit_code": 5,
        }
    }


def test_a_fault_of_the_program_itself_is_not_hidden() -> None:
    result = CliRunner().invoke(program(AssertionError("a fault")), ["fail"])

    assert isinstance(result.exception, AssertionError)


def test_every_exit_code_is_explained() -> None:
    assert set(MEANINGS) == set(ExitCode)
