"""The command `worker`: runs a worker that a module defines."""

import json
import logging
from typing import Annotated

import typer
from typing_extensions import override

from stepraft.cli import targets, tls
from stepraft.cli.exit_codes import ExitCode
from stepraft.cli.failures import CommandError
from stepraft.cli.options import Addresses, AsJson, addresses_of
from stepraft.cli.output import console, print_line
from stepraft.client import Worker


def worker(
    context: typer.Context,
    target: Annotated[str, typer.Argument(metavar="MODULE:NAME", show_default=False)],
    address: Addresses = None,
    as_json: AsJson = False,
) -> None:
    """Run the worker that MODULE defines as NAME, until it is told to stop.

    NAME is a function that takes the addresses, in one text, and returns a Worker, or a Worker with
    addresses of its own. A function with a parameter `tls` is given the TlsFiles of the options,
    for the Worker's parameter of that name. The module is looked for in the current folder first;
    if it runs a worker itself while it is imported, that was it. With --json the log is JSON, one
    object a line.
    """
    _configure_log(as_json=as_json)
    found = targets.find(target)
    if found is None:
        return
    if isinstance(found, Worker):
        _refuse_options(context, target)
    made = targets.made(target, found, addresses_of(address), tls.given_files())
    if as_json:
        print_line({"worker_id": made.worker_id, "resources": made.resources})
    else:
        names = ", ".join(made.resources)
        console().print(f"worker {made.worker_id} serves {names}", markup=False)
    made.run()


def _refuse_options(context: typer.Context, target: str) -> None:
    """Refuse options that nothing would read; what the environment says is for all commands."""
    for name in ("address", "tls_ca", "tls_cert", "tls_key"):
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            option = "--" + name.replace("_", "-")
            raise CommandError(
                f"{option}: {target} is a Worker, which has addresses of its own",
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
