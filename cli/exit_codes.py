"""What the program's exit code says. Scripts rely on it: a number keeps its meaning."""

from enum import IntEnum
from typing import Final


class ExitCode(IntEnum):
    """The exit codes, and with `MEANINGS` what `stepraft --help` says about them."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    REMOVED = 3
    UNAVAILABLE = 4
    CONFLICT = 5
    EXECUTION_FAILED = 6
    EXECUTION_CANCELED = 7
    EXECUTION_TIMED_OUT = 8
    STILL_RUNNING = 9
    NOT_ALLOWED = 10
    INTERRUPTED = 130


MEANINGS: Final = {
    ExitCode.OK: "done; with --wait and --watch: the execution succeeded",
    ExitCode.FAILED: "invalid definition, input or argument, or an error of the server",
    ExitCode.USAGE: "wrong use of the command line, or a wrong configuration file",
    ExitCode.NOT_FOUND: "no such workflow, execution, task or file; of `server`: the node was "
    "removed from its cluster",
    ExitCode.UNAVAILABLE: "no node or no leader could be reached in time; trying again may help",
    ExitCode.CONFLICT: "the name, key or file is there already, the execution has ended, or a rule "
    "keeps the cluster from being changed so",
    ExitCode.EXECUTION_FAILED: "the execution ended FAILED",
    ExitCode.EXECUTION_CANCELED: "the execution ended CANCELED",
    ExitCode.EXECUTION_TIMED_OUT: "the execution ended TIMED_OUT",
    ExitCode.STILL_RUNNING: "the execution had not ended, or the new node had no vote, when the "
    "time to wait was over",
    ExitCode.NOT_ALLOWED: "not authenticated, or not allowed to do this",
    ExitCode.INTERRUPTED: "stopped by Ctrl-C",
}

HELP: Final = "Exit codes:\n\n" + "\n\n".join(
    f"{code:>3}  {meaning}" for code, meaning in MEANINGS.items()
)
"""The table as the program's help shows it."""
