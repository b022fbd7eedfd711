"""The commands that run a node on this machine: `server` and `dev`."""

import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from stepraft.cli.exit_codes import ExitCode
from stepraft.cli.failures import CommandError
from stepraft.cli.options import DEFAULT_ADDRESS, AsJson

Result = TypeVar("Result")


class Level(StrEnum):
    """The levels of the log."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


LogLevel = Annotated[Level | None, typer.Option(help="What the log tells.")]


def server(
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", metavar="FILE", help="The configuration, in TOML."),
    ] = None,
    node_id: Annotated[
        str | None, typer.Option(metavar="ID", help="Which of the members this node is.")
    ] = None,
    data_dir: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Where the node keeps what it knows.")
    ] = None,
    grpc_listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where clients and workers connect.")
    ] = None,
    raft_listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where the other nodes connect.")
    ] = None,
    log_level: LogLevel = None,
    as_json: AsJson = False,
) -> None:
    """Run a node of a cluster until it is told to stop.

    A flag wins over the environment (STEPRAFT_NODE_ID, STEPRAFT_GRPC_LISTEN and so on), and the
    environment over the file. With --json the log is JSON, one object a line.
    """
    # Only the commands that run a node load the server.
    from stepraft.server import config as configuration  # noqa: PLC0415
    from stepraft.server import node  # noqa: PLC0415

    given = {
        ("node", "id"): node_id,
        ("node", "data_dir"): data_dir,
        ("grpc", "listen"): grpc_listen,
        ("raft", "listen"): raft_listen,
        ("log", "level"): log_level.value if log_level else None,
        ("log", "format"): "json" if as_json else None,
    }
    flags = {key: value for key, value in given.items() if value is not None}
    settings = _checked(lambda: configuration.load(config, os.environ, flags))
    raise typer.Exit(node.run(settings))


def dev(
    data_dir: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where everything is kept.")
    ] = Path("stepraft-data"),
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where clients and workers connect.")
    ] = DEFAULT_ADDRESS,
    log_level: LogLevel = None,
    as_json: AsJson = False,
) -> None:
    """Run a server alone: one process, one folder, no peers.

    It is the same server as in a cluster, with itself as the only member. With --json the log is
    JSON, one object a line.
    """
    from stepraft.server import config as configuration  # noqa: PLC0415
    from stepraft.server import node  # noqa: PLC0415
    from stepraft.server.settings import LogSection  # noqa: PLC0415

    level = (log_level or Level.INFO).value
    log = LogSection(level=level, format="json" if as_json else "text")
    settings = _checked(lambda: configuration.single_node(data_dir, listen, log))
    raise typer.Exit(node.run(settings))


def _checked(read: Callable[[], Result]) -> Result:
    """Return what `read` returns, or say which key of the configuration is wrong."""
    from stepraft.server.config import ConfigError  # noqa: PLC0415

    try:
        return read()
    except ConfigError as error:
        raise CommandError(
            str(error).replace("\n", "; "),
            hint="deploy/stepraft.toml explains every key",
            code=ExitCode.USAGE,
        ) from error
