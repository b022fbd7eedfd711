"""The command `worker`: runs a worker that a module defines."""

import importlib
import json
import logging
import sys
from pathlib import Path
from types import ModuleType
from typing import Annotated, Final

import typer
from typing_extensions import override

from stepraft.cli.exit_codes import ExitCode
from stepraft.cli.failures import CommandError
from stepraft.cli.options import Addresses, AsJson, addresses_of
from stepraft.cli.output import console, print_line
from stepraft.client import Worker

_HINT: Final = "MODULE:NAME, for example examples.orders.workers:make_worker"


def worker(
    context: typer.Context,
    target: Annotated[str, typer.Argument(metavar="MODULE:NAME", show_default=False)],
    address: Addresses = None,
    as_json: AsJson = False,
) -> None:
    """Run the worker that MODULE defines as NAME, until it is told to stop.

    NAME is a function that takes the addresses, in one text, and returns a Worker, or a Worker with
    addresses of its own. The module is looked for in the current folder first. With --json the log
    is JSON, one object a line.
    """
    _configure_log(as_json=as_json)
    found = _find(target)
    if isinstance(found, Worker):
        _refuse_address(context, target)
    made = _made(target, found, addresses_of(address))
    if as_json:
        print_line({"worker_id": made.worker_id, "resources": made.resources})
    else:
        names = ", ".join(made.resources)
        console().print(f"worker {made.worker_id} serves {names}", markup=False)
    made.run()


def _find(target: str) -> object:
    """Return what `target` names."""
    module_name, _, name = target.partition(":")
    if not module_name or not name:
        raise CommandError(f"{target!r} names no worker", hint=_HINT, code=ExitCode.USAGE)
    module = _imported(target, module_name)
    try:
        found: object = getattr(module, name)
    except AttributeError as error:
        raise CommandError(
            f"{target}: the module has no {name!r}", hint=_HINT, code=ExitCode.NOT_FOUND
        ) from error
    return found


def _imported(target: str, module_name: str) -> ModuleType:
    sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise CommandError(
            f"{target}: there is no module {error.name!r}", hint=_HINT, code=ExitCode.NOT_FOUND
        ) from error


def _made(target: str, found: object, addresses: str) -> Worker:
    made = found if isinstance(found, Worker) or not callable(found) else found(addresses)
    if not isinstance(made, Worker):
        raise CommandError(f"{target} is neither a Worker nor makes one", hint=_HINT)
    return made


def _refuse_address(context: typer.Context, target: str) -> None:
    """Refuse an option that nothing would read; the environment's address is for all commands."""
    source = context.get_parameter_source("address")
    if source is not None and source.name == "COMMANDLINE":
        raise CommandError(
            f"--address: {target} is a Worker, which has addresses of its own",
            hint="name a function that takes the addresses and returns a Worker",
            code=ExitCode.USAGE,
        )


def _configure_log(*, as_json: bool) -> None:
    """Send what the worker has to say to stderr."""
    handler = logging.StreamHandler()
    text = logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s")
    handler.setFormatter(_JsonFormatter() if as_json else text)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


class _JsonFormatter(logging.Formatter):
    """One JSON object a record: level, logger, message, and the exception where there is one."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields)
