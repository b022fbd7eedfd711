"""The commands `backup`, which saves a whole cluster to a file, and `restore`, which makes the
folders of a new cluster from it.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import typer

from stepraft.cli.durations import shown_moment
from stepraft.cli.exit_codes import ExitCode
from stepraft.cli.failures import CommandError
from stepraft.cli.nodes import failures_told
from stepraft.cli.options import Addresses, AsJson, connected
from stepraft.cli.output import console, plain, print_document, shown_size
from stepraft.cli.progress import news
from stepraft.client import BackupHead, SyncClient

_PARTIAL: Final = ".partial"


def backup(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The file to make.", show_default=False)
    ],
    force: Annotated[
        bool, typer.Option("--force", help="Replace FILE if it is there already.")
    ] = False,
    address: Addresses = None,
    as_json: AsJson = False,
) -> None:
    """Save the whole cluster to FILE, while it goes on.

    The backup holds every write that was acknowledged before, and is read again before FILE
    appears. It holds the secret that page and task tokens are signed with: keep it as safe as the
    nodes' own folders.
    """
    if file.exists() and not force:
        raise CommandError(
            f"{file} is there already", hint="--force replaces it", code=ExitCode.CONFLICT
        )
    with connected(address) as client, _appearing(file) as (partial, stream):
        head = _receive(client, stream, as_json=as_json)
        stream.flush()
        os.fsync(stream.fileno())
        _verify(partial, file)
        size = stream.tell()
    if as_json:
        print_document({"file": str(file), "bytes": size, **plain(head)})
        return
    at = "the beginning" if head.at is None else shown_moment(head.at)
    console().print(
        f"{file}: {shown_size(size)}, read again and found whole\n"
        f"cluster {head.cluster_id} up to entry {head.applied_index:,}, {at}",
        markup=False,
    )


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A backup.", show_default=False)],
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", "-c", metavar="FILE", help="The configuration of the new cluster, in TOML."
        ),
    ] = None,
    node_id: Annotated[
        str | None, typer.Option(metavar="ID", help="Which of the members this node is.")
    ] = None,
    data_dir: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Where the node keeps what it knows.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make the data folder of a node of a new cluster from the backup FILE.

    Run it once on each node of the new cluster, with the same FILE, before any of them is started.
    A folder that holds anything is refused. Never start nodes of the old cluster again afterwards:
    both would go on with the same executions.
    """
    from stepraft.server import config as configuration  # noqa: PLC0415
    from stepraft.server import restore as restoring  # noqa: PLC0415

    given = {("node", "id"): node_id, ("node", "data_dir"): data_dir}
    flags = {key: value for key, value in given.items() if value is not None}
    with failures_told():
        loaded = configuration.load(config, os.environ, flags)
    try:
        restored = restoring.restore(loaded, file)
    except restoring.RestoreError as error:
        raise CommandError(str(error)) from error
    others = sorted(set(loaded.cluster.members) - {loaded.node.id})
    if as_json:
        print_document(
            {
                "node_id": loaded.node.id,
                "folder": str(restored.folder),
                "from_cluster_id": restored.head.cluster_id,
                "applied_index": restored.head.index,
                "other_nodes": others,
            }
        )
        return
    screen = console()
    screen.print(
        f"{restored.folder} is node {loaded.node.id} of cluster {loaded.cluster.id} as "
        f"{restored.head.cluster_id} was at entry {restored.head.index:,}",
        markup=False,
    )
    for line in _what_next(others):
        screen.print(line, markup=False)


def _what_next(others: list[str]) -> list[str]:
    if not others:
        return ["next: start it with `stepraft server`"]
    return [
        f"next: run the same command with the same file on {', '.join(others)},",
        "      then start all of them with `stepraft server`",
    ]


@contextmanager
def _appearing(file: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """Give a file beside `file` that takes its name in the end, durably, or is gone.

    Errors: CommandError when it cannot be written.
    """
    try:
        descriptor, name = tempfile.mkstemp(_PARTIAL, f".{file.name}.", file.absolute().parent)
    except OSError as error:
        raise CommandError(f"cannot write {file}: {error.strerror}") from error
    partial = Path(name)
    try:
        with os.fdopen(descriptor, "w+b") as stream:
            yield partial, stream
        partial.rename(file)
        _sync_folder(partial.parent)
    except OSError as error:
        raise CommandError(f"cannot write {file}: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _receive(client: SyncClient, stream: BinaryIO, *, as_json: bool) -> BackupHead:
    """Write what comes, and return what it is."""
    head: BackupHead | None = None
    size = 0
    # Where no terminal is, one line in the end tells it all.
    with news(is_quiet=as_json or not sys.stderr.isatty()) as tell:
        for item in client.backup():
            if isinstance(item, BackupHead):
                head = item
            else:
                stream.write(item)
                size += len(item)
            tell(f"{shown_size(size)} received")
    if head is None:
        raise CommandError("the cluster sent no backup")
    return head


def _verify(partial: Path, file: Path) -> None:
    """Read what was written, from the first byte to the last.

    Errors: CommandError when it is not what the cluster sent.
    """
    from stepraft.storage.backup import BackupError, verify  # noqa: PLC0415

    try:
        with partial.open("rb") as written:
            verify(written)
    except BackupError as error:
        text = f"{file} was written, and is no sound backup: {error}"
        raise CommandError(text, hint="try again, on another disk") from error
