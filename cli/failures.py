"""Where errors become one line on stderr, a hint, and an exit code."""

import json
from dataclasses import dataclass
from typing import Any, Final

import typer
from rich.console import Console
from typer.core import TyperGroup
from typing_extensions import override

from stepraft.cli.exit_codes import ExitCode
from stepraft.client import (
    AccessError,
    ConflictError,
    NotFoundError,
    OverloadedError,
    RequestError,
    StepraftError,
    UnavailableError,
)

JSON_KEY: Final = "stepraft.json"
"""Where the context of a run remembers that `--json` was asked for."""


class CommandError(Exception):
    """A command cannot go on: `text` is one line for a person, `hint` says what to do about it."""

    def __init__(self, text: str, *, hint: str = "", code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(text)
        self.text = text
        self.hint = hint
        self.code = code


@dataclass(frozen=True)
class _Failure:
    """What is said about an error, to people and to programs."""

    code: ExitCode
    text: str
    hint: str = ""
    reason: str = ""
    violations: tuple[tuple[str, str], ...] = ()


class Program(TyperGroup):
    """The outermost command: what it invokes may raise StepraftError or CommandError."""

    @override
    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (CommandError, StepraftError) as error:
            failure = _failure(error)
            _report(failure, as_json=ctx.meta.get(JSON_KEY, False))
            raise typer.Exit(failure.code) from error
        except KeyboardInterrupt as error:
            raise typer.Exit(ExitCode.INTERRUPTED) from error


_EXIT_CODES: Final = (
    (NotFoundError, ExitCode.NOT_FOUND),
    (ConflictError, ExitCode.CONFLICT),
    (AccessError, ExitCode.NOT_ALLOWED),
    (OverloadedError, ExitCode.UNAVAILABLE),
    (UnavailableError, ExitCode.UNAVAILABLE),
    (StepraftError, ExitCode.FAILED),
)
"""The exit code of an error is that of the first class that it belongs to."""

_HINTS: Final = {
    "DISK_FULL": "make room on the disk of that node; writes go on by themselves then",
    "EXECUTION_ALREADY_EXISTS": "choose another --name, or look at the execution that has it",
    "EXECUTION_ENDED": "`stepraft get EXECUTION_ID` shows how it ended",
    "EXECUTION_NOT_FOUND": "`stepraft list` shows the ids",
    "IDEMPOTENCY_CONFLICT": "choose another --idempotency-key, or start with the same input",
    "INVALID_DEFINITION": "`stepraft validate FILE` shows each problem in its line",
    "MEMBERSHIP_REFUSED": "`stepraft cluster status` shows the members and how they stand",
    "NO_LEADER": "try again shortly; `stepraft cluster status` shows which nodes are there",
    "NO_STATE": "name another node with --address; `stepraft cluster status` shows which are well",
    "OUTCOME_UNKNOWN": "it may have taken effect: look before you do it again",
    "TRANSFER_REFUSED": "`stepraft cluster status` shows who could lead",
    "WORKFLOW_NOT_FOUND": "`stepraft deploy FILE --name NAME` makes a workflow",
}
"""What to do about an error, by its reason."""

_NO_SERVER_HINT: Final = (
    "is a node running there? --address or STEPRAFT_ADDRESS says where; `stepraft dev` starts one"
)


def _failure(error: CommandError | StepraftError) -> _Failure:
    if isinstance(error, CommandError):
        return _Failure(error.code, error.text, error.hint)
    code = next(code for kind, code in _EXIT_CODES if isinstance(error, kind))
    if not isinstance(error, RequestError):
        return _Failure(code, str(error))
    hint = _HINTS.get(error.reason, "")
    if isinstance(error, UnavailableError) and not error.reason:
        hint = _NO_SERVER_HINT
    violations = tuple((violation.field, violation.rule) for violation in error.violations)
    return _Failure(code, error.text, hint, error.reason or error.code, violations)


def _report(failure: _Failure, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"error": _as_document(failure)}, ensure_ascii=False), err=True)
        return
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print("[bold red]error:[/]", end=" ")
    console.print(_line(failure), markup=False)
    if failure.hint:
        console.print("[cyan]hint:[/]", end=" ")
        console.print(failure.hint, markup=False)


def _as_document(failure: _Failure) -> dict[str, Any]:
    return {
        "reason": failure.reason,
        "message": failure.text,
        "violations": [{"field": field, "rule": rule} for field, rule in failure.violations],
        "hint": failure.hint,
        "exit_code": int(failure.code),
    }


def _line(failure: _Failure) -> str:
    """Return one line: the fields to blame, each rule once, and the reason."""
    told = [field for field, rule in failure.violations if rule in failure.text]
    unnamed = [field for field in told if field not in failure.text]
    text = ": ".join([", ".join(unnamed), failure.text] if unnamed else [failure.text])
    rules = [f"{field}: {rule}" for field, rule in failure.violations if rule not in failure.text]
    reason = [f"({failure.reason})"] if failure.reason else []
    return " ".join("; ".join([text, *rules]).splitlines() + reason)
