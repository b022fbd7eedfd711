"""The options that commands share, and what their values mean."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final

import typer

from stepraft.cli import tls
from stepraft.cli.exit_codes import ExitCode
from stepraft.cli.failures import JSON_KEY, CommandError
from stepraft.client import SyncClient

DEFAULT_ADDRESS: Final = "127.0.0.1:7400"

CALL_TIMEOUT_S: Final = 10.0
"""How long one call may take, tries included: longer than a cluster needs to elect a leader."""

Addresses = Annotated[
    list[str] | None,
    typer.Option(
        "--address",
        "-a",
        metavar="HOST:PORT",
        envvar="STEPRAFT_ADDRESS",
        show_envvar=True,
        help="Where a node takes calls. Give several, or one list separated by commas, to go on "
        "when one is down.",
        show_default=DEFAULT_ADDRESS,
    ),
]

Namespace = Annotated[
    str,
    typer.Option(
        "--namespace",
        "-n",
        metavar="NAME",
        envvar="STEPRAFT_NAMESPACE",
        show_envvar=True,
        help="Where workflows and executions live.",
    ),
]


def _remember_json(context: typer.Context, value: bool) -> bool:
    """Let errors be reported in the same form as results."""
    context.meta[JSON_KEY] = value
    return value


AsJson = Annotated[
    bool,
    typer.Option(
        "--json",
        callback=_remember_json,
        is_eager=True,
        help="Print JSON, for programs: one document, or one a line where the command streams.",
    ),
]

Stale = Annotated[
    bool,
    typer.Option(
        "--stale",
        help="Let the node answer from what it has, without asking the leader: it may be old, and "
        "it works while there is no leader.",
    ),
]

ExecutionId = Annotated[
    str,
    typer.Argument(metavar="EXECUTION_ID", help="The id that `start` printed.", show_default=False),
]


def addresses_of(values: list[str] | None) -> str:
    """Return the addresses that the options or the environment name, separated by commas."""
    return ",".join(values or [DEFAULT_ADDRESS])


def namespace_of(execution_id: str) -> str:
    """Return the namespace that an execution's id names; the default one where it names none."""
    parts = execution_id.split("/")
    return parts[2] if len(parts) > 2 and parts[2] else "default"


@contextmanager
def connected(addresses: list[str] | None, namespace: str = "default") -> Iterator[SyncClient]:
    """Give a client for the cluster, which is closed in the end.

    Errors: CommandError when an address is none, or a file of TLS cannot be used.
    """
    try:
        client = SyncClient(
            addresses_of(addresses),
            namespace=namespace,
            timeout_s=CALL_TIMEOUT_S,
            tls=tls.given_files(),
        )
    except ValueError as error:
        raise _wrong_option(error) from error
    with client:
        yield client


def _wrong_option(error: ValueError) -> CommandError:
    if str(error).startswith("tls."):
        return tls.wrong_files(error)
    return CommandError(
        str(error),
        hint=f"--address or STEPRAFT_ADDRESS names them, for example {DEFAULT_ADDRESS}",
        code=ExitCode.USAGE,
    )
