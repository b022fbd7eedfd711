"""The TLS options of every command that calls a node, and what they say.

A command that takes `--address` gets them without naming them: they are added where the program is
put together, so that no command can lack them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import grpc
import typer
from typer.core import TyperGroup

from stepraft.cli.exit_codes import ExitCode
from stepraft.cli.failures import CommandError
from stepraft.client import TlsFiles
from stepraft.client.tls import Credentials

_PANEL: Final = "TLS"
_values: Final[dict[str, Path | None]] = {}
"""What the options of the command that runs say, by the parameter's name."""


def add_options(commands: Mapping[str, Any]) -> None:
    """Give the options to each command that takes an address, in groups too."""
    for command in commands.values():
        if isinstance(command, TyperGroup):
            add_options(command.commands)
        elif any(each.name == "address" for each in command.params):
            command.params += _OPTIONS


def given_files() -> TlsFiles | None:
    """Return the files that the options or the environment name; None: no TLS.

    Errors: CommandError when they do not belong together.
    """
    ca, cert, key = (_values.get(name) for name in ("tls_ca", "tls_cert", "tls_key"))
    if ca is None:
        if cert is not None or key is not None:
            text = "--tls-ca: needed, to know the cluster's certificates by"
            raise CommandError(text, code=ExitCode.USAGE)
        return None
    try:
        return TlsFiles(ca, cert, key)
    except ValueError as error:
        raise wrong_files(error) from error


def given_credentials() -> grpc.ChannelCredentials | None:
    """Return the credentials of a channel; None: no TLS.

    Errors: CommandError when a file cannot be used.
    """
    files = given_files()
    if files is None:
        return None
    try:
        return Credentials(files).now
    except ValueError as error:
        raise wrong_files(error) from error


def wrong_files(error: ValueError) -> CommandError:
    """Return what the client says of its files as an error of the options."""
    text = str(error).replace("tls.", "--tls-", 1)
    return CommandError(text, hint="`stepraft certs` makes the files", code=ExitCode.USAGE)


def _remember(parameter: typer.CallbackParam, value: Path | None) -> None:
    assert parameter.name is not None, "an option has a name"
    _values[parameter.name] = value


def _carrier(
    tls_ca: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="STEPRAFT_TLS_CA",
            show_envvar=True,
            expose_value=False,
            callback=_remember,
            rich_help_panel=_PANEL,
            help="Speak TLS; the nodes' certificates come from the authorities in this file.",
        ),
    ] = None,
    tls_cert: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="STEPRAFT_TLS_CERT",
            show_envvar=True,
            expose_value=False,
            callback=_remember,
            rich_help_panel=_PANEL,
            help="The certificate to show, where the cluster asks for one.",
        ),
    ] = None,
    tls_key: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="STEPRAFT_TLS_KEY",
            show_envvar=True,
            expose_value=False,
            callback=_remember,
            rich_help_panel=_PANEL,
            help="The key of that certificate.",
        ),
    ] = None,
) -> None:
    """Carry the options as far as to where they are taken from."""


def _options() -> list[Any]:
    app = typer.Typer(add_completion=False)
    app.command()(_carrier)
    return list(typer.main.get_command(app).params)


_OPTIONS: Final = _options()
