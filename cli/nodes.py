"""The commands that run a node on this machine: `server` and `dev`.

Only they load the server, when they run.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from stepraft.cli.exit_codes import ExitCode
from stepraft.cli.failures import CommandError
from stepraft.cli.options import DEFAULT_ADDRESS, AsJson

Level: TypeAlias = Literal["debug", "info", "warning", "error"]


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
    log_level: Annotated[Level | None, typer.Option(help="What the log tells.")] = None,
    rejoin: Annotated[
        bool,
        typer.Option(
            "--rejoin",
            help="For one start, when the data folder is damaged or lost: set it aside under "
            "another name, and take everything anew from the other nodes. Until it is in step the "
            "node has no vote.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run a node of a cluster until it is told to stop.

    A flag wins over the environment (STEPRAFT_NODE_ID, STEPRAFT_GRPC_LISTEN and so on), and the
    environment over the file. With --json the log is JSON, one object a line. The exit code is 3 if
    the node was removed from its cluster.
    """
    from stepraft.server import config as configuration  # noqa: PLC0415
    from stepraft.server import node  # noqa: PLC0415

    given = {
        ("node", "id"): node_id,
        ("node", "data_dir"): data_dir,
        ("grpc", "listen"): grpc_listen,
        ("raft", "listen"): raft_listen,
        ("log", "level"): log_level,
        ("log", "format"): "json" if as_json else None,
    }
    flags = {key: value for key, value in given.items() if value is not None}
    with failures_told():
        node.run(configuration.load(config, os.environ, flags), rejoin=rejoin)


def dev(
    data_dir: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where everything is kept.")
    ] = Path("stepraft-data"),
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where clients and workers connect.")
    ] = DEFAULT_ADDRESS,
    log_level: Annotated[Level, typer.Option(help="What the log tells.")] = "info",
    as_json: AsJson = False,
) -> None:
    """Run a server alone: one process, one folder, no peers.

    It is the same server as in a cluster, with itself as the only member. With --json the log is
    JSON, one object a line.
    """
    from stepraft.server import node  # noqa: PLC0415
    from stepraft.server.settings import LogSection  # noqa: PLC0415

    with failures_told():
        node.dev(
            data_dir, listen, LogSection(level=log_level, format="json" if as_json else "text")
        )


@contextmanager
def failures_told() -> Iterator[None]:
    """Turn what keeps a node from starting into an error of the command."""
    from stepraft.server.config import ConfigError  # noqa: PLC0415
    from stepraft.server.raft.contract import DamageError, StartError  # noqa: PLC0415
    from stepraft.server.raft.members import Removed  # noqa: PLC0415
    from stepraft.server.rejoin import REJOIN_HINT  # noqa: PLC0415

    try:
        yield
    except ConfigError as error:
        raise CommandError(
            str(error).replace("\n", "; "),
            hint="deploy/stepraft.toml explains every key",
            code=ExitCode.USAGE,
        ) from error
    except Removed as error:
        raise CommandError(str(error), code=ExitCode.REMOVED) from error
    except DamageError as error:
        raise CommandError(str(error), hint=REJOIN_HINT) from error
    except StartError as error:
        raise CommandError(str(error)) from error
