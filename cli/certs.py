"""The command `certs`: makes and renews the certificates of a cluster. It needs no server."""

import ipaddress
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from stepraft.cli.exit_codes import ExitCode
from stepraft.cli.failures import CommandError
from stepraft.cli.options import AsJson
from stepraft.cli.output import console, print_document

if TYPE_CHECKING:
    from stepraft.cli.authority import Authority

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
_HOST: Final = re.compile(r"[A-Za-z0-9*]([A-Za-z0-9_.-]*[A-Za-z0-9])?")
_NODE_HINT: Final = "for example --node n1=n1.example.com,10.0.0.1"
_FOLDER_MODE: Final = 0o700
_AUTHORITY_DAYS: Final = 3650


def certs(
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="Where the files are, or will be."),
    ],
    cluster: Annotated[
        str, typer.Option(metavar="ID", help="The cluster's id, as in its configuration.")
    ] = "stepraft",
    node: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID=HOST,...",
            help="A node, and the host names and addresses at which clients and other nodes reach "
            "it. May be given several times.",
        ),
    ] = None,
    client: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A client or worker, where the cluster asks them for certificates. May be given "
            "several times.",
        ),
    ] = None,
    days: Annotated[
        int,
        typer.Option(
            min=1,
            max=_AUTHORITY_DAYS,
            help="How long the certificates of nodes and clients are valid.",
        ),
    ] = 365,
    renew: Annotated[
        bool, typer.Option("--renew", help="Replace certificates and keys that are there.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make the certificates of a cluster: an authority, nodes, clients.

    FOLDER gets ca.crt and ca.key, and for each node and client a .crt and a .key; an authority that
    is there is used. Running nodes take up a renewed certificate by themselves. Keep ca.key away
    from the nodes: who has it can be any node.
    """
    nodes = [_node(text) for text in node or []]
    clients = [_name("--client", name) for name in client or []]
    names = [node_id for node_id, _ in nodes] + [f"client-{name}" for name in clients]
    _name("--cluster", cluster)
    _check(folder, names, is_renewal=renew)
    is_new = _make(folder, cluster, nodes, clients, days)
    made = ["ca"] * is_new + names
    files = [str(folder / f"{name}.{kind}") for name in made for kind in ("crt", "key")]
    if as_json:
        print_document({"cluster_id": cluster, "files": files})
    else:
        console().print("\n".join(files), markup=False)


def _make(
    folder: Path,
    cluster_id: str,
    nodes: list[tuple[str, tuple[str, ...]]],
    clients: list[str],
    days: int,
) -> bool:
    """Make the files; whether the authority is new."""
    from stepraft.cli.authority import AuthorityError  # noqa: PLC0415 - it is slow to load

    now = datetime.now(UTC)
    try:
        authority, is_new = _authority(folder, cluster_id, now)
        for node_id, hosts in nodes:
            authority.sign_node(folder, cluster_id, node_id, hosts, now, days)
        for name in clients:
            authority.sign_client(folder, name, now, days)
    except AuthorityError as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(f"cannot write {error.filename}: {error.strerror}") from error
    return is_new


def _authority(folder: Path, cluster_id: str, now: datetime) -> "tuple[Authority, bool]":
    """Return the folder's authority, and whether it was made now."""
    from stepraft.cli.authority import Authority  # noqa: PLC0415 - it is slow to load

    if any((folder / name).exists() for name in ("ca.crt", "ca.key")):
        return Authority.load(folder, cluster_id), False
    folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    made = Authority.make(cluster_id, now, _AUTHORITY_DAYS)
    made.save(folder)
    return made, True


def _check(folder: Path, names: list[str], *, is_renewal: bool) -> None:
    """Find what is wrong before anything is written."""
    if not names:
        raise _wrong_use("nothing to make: give --node or --client", _NODE_HINT)
    twice = [name for number, name in enumerate(names) if name in ("ca", *names[:number])]
    if twice:
        raise _wrong_use(f"{twice[0]}.crt would be the file of two certificates", "")
    there = [name for name in names if (folder / f"{name}.crt").exists()]
    if there and not is_renewal:
        raise CommandError(
            f"{folder / there[0]}.crt is there already",
            hint="--renew replaces it, with a new key",
            code=ExitCode.CONFLICT,
        )


def _node(text: str) -> tuple[str, tuple[str, ...]]:
    node_id, _, listed = text.partition("=")
    hosts = tuple(host.strip() for host in listed.split(",") if host.strip())
    if not hosts:
        raise _wrong_use(f"--node: {text!r} names no host of the node", _NODE_HINT)
    for host in hosts:
        if not _is_host(host):
            raise _wrong_use(f"--node: {host!r} is no host name and no address", _NODE_HINT)
    return _name("--node", node_id), hosts


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return _HOST.fullmatch(host) is not None
    return True


def _name(option: str, name: str) -> str:
    if _NAME.fullmatch(name) is None:
        rule = "1 to 80 letters, digits and _ . - are allowed, the first a letter or digit"
        raise _wrong_use(f"{option}: {name!r} is no name: {rule}", "")
    return name


def _wrong_use(text: str, hint: str) -> CommandError:
    return CommandError(text, hint=hint, code=ExitCode.USAGE)
