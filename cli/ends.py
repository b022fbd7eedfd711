"""How the end of an execution becomes the exit code of a command that waited for it."""

from typing import Final

import typer

from stepraft.cli.exit_codes import ExitCode
from stepraft.client import ExecutionStatus

_EXIT_CODES: Final = {
    ExecutionStatus.SUCCEEDED: ExitCode.OK,
    ExecutionStatus.FAILED: ExitCode.EXECUTION_FAILED,
    ExecutionStatus.CANCELED: ExitCode.EXECUTION_CANCELED,
    ExecutionStatus.TIMED_OUT: ExitCode.EXECUTION_TIMED_OUT,
}


def exit_by(status: ExecutionStatus | None) -> None:
    """End the command; only after SUCCEEDED it just returns."""
    code = _EXIT_CODES.get(status, ExitCode.STILL_RUNNING) if status else ExitCode.STILL_RUNNING
    if code is not ExitCode.OK:
        raise typer.Exit(code)
