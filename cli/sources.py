"""Texts that a command takes: from a file, from standard input, or from the command line itself."""

import json
import sys
from pathlib import Path
from typing import Final

from stepraft.cli.exit_codes import ExitCode
from stepraft.cli.failures import CommandError
from stepraft.client import JsonText

STDIN: Final = "-"


def read_text(name: str, option: str) -> str:
    """Return the text of the file `name`, or of standard input for `-`.

    Errors: CommandError, which names `option`.
    """
    try:
        return sys.stdin.read() if name == STDIN else Path(name).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise CommandError(
            f"{option}: there is no file {name!r}", code=ExitCode.NOT_FOUND
        ) from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{option}: {name} is not UTF-8: {error.reason}") from error
    except OSError as error:
        raise CommandError(f"{option}: cannot read {name}: {error.strerror}") from error


def document(value: str, option: str) -> JsonText:
    """Return the JSON text that `value` gives: itself, `@file`, or `-` for standard input.

    It is passed on as it is, so that the server sees what the user wrote.
    Errors: CommandError when it is no JSON; what else documents must not hold, the server says.
    """
    text = read_text(value.removeprefix("@"), option) if _is_source(value) else value
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise CommandError(
            f"{option}: not JSON: {error.msg} at line {error.lineno}, column {error.colno}",
            hint="JSON text, @FILE, or - for standard input",
        ) from error
    except RecursionError as error:
        raise CommandError(f"{option}: the document nests too deep") from error
    return JsonText(text)


def _is_source(value: str) -> bool:
    return value == STDIN or value.startswith("@")
