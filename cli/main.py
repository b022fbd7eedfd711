"""The program `stepraft`: its commands, and what its help says about all of them."""

import sys
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typing_extensions import override

from stepraft.cli import (
    backups,
    certs,
    cluster,
    executions,
    members,
    nodes,
    tls,
    watching,
    workers,
    workflows,
)
from stepraft.cli.exit_codes import HELP
from stepraft.cli.failures import Program


class _Stepraft(Program):
    """The program, with the TLS options in each command that calls a node."""

    @override
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        tls.add_options(self.commands)


app = typer.Typer(
    cls=_Stepraft,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Workflows in the Amazon States Language, on a cluster of your own.",
    epilog=HELP,
)

_NODES = "Nodes and workers"
_WORKFLOWS = "Workflows"
_EXECUTIONS = "Executions"

app.command(rich_help_panel=_NODES)(nodes.dev)
app.command(rich_help_panel=_NODES)(nodes.server)
app.command(rich_help_panel=_NODES)(workers.worker)
app.command(rich_help_panel=_NODES)(cluster.health)
app.add_typer(members.app, name="cluster", rich_help_panel=_NODES)
app.command(rich_help_panel=_NODES)(backups.backup)
app.command(rich_help_panel=_NODES)(backups.restore)
app.command(rich_help_panel=_NODES)(certs.certs)
app.command(rich_help_panel=_WORKFLOWS)(workflows.deploy)
app.command(rich_help_panel=_WORKFLOWS)(workflows.validate)
app.command(rich_help_panel=_EXECUTIONS)(executions.start)
app.command(rich_help_panel=_EXECUTIONS)(executions.get)
app.command("list", rich_help_panel=_EXECUTIONS)(executions.list_)
app.command(rich_help_panel=_EXECUTIONS)(executions.history)
app.command(rich_help_panel=_EXECUTIONS)(watching.watch)
app.command(rich_help_panel=_EXECUTIONS)(executions.cancel)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("stepraft"))
        raise typer.Exit


@app.callback()
def program(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Prepare the program for every command."""
    for stream in (sys.stdout, sys.stderr):
        # Where the terminal's character set lacks a sign, a question mark stands for it.
        getattr(stream, "reconfigure", lambda **_: None)(errors="replace")
