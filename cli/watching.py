"""The command `watch`: an execution's tree, growing while it runs."""

from collections.abc import Iterable
from datetime import UTC, datetime
from threading import Lock
from typing import Final

import typer
from rich.console import Console, RenderableType
from rich.live import Live

from stepraft.cli import events, tree
from stepraft.cli.ends import exit_by
from stepraft.cli.options import (
    Addresses,
    AsJson,
    ExecutionId,
    Stale,
    connected,
    namespace_of,
)
from stepraft.cli.output import console, drawing_width, print_line
from stepraft.cli.visits import VisitTree
from stepraft.client import ExecutionStatus, HistoryEvent, SyncClient

_FRAMES_PER_S: Final = 8


def watch(
    execution_id: ExecutionId,
    stale: Stale = False,
    address: Addresses = None,
    as_json: AsJson = False,
) -> None:
    """Show what happens in an execution until it ends.

    On a terminal it is a tree that grows, elsewhere one line an event. The exit code says how the
    execution ended.
    """
    with connected(address, namespace_of(execution_id)) as client:
        follow(client, execution_id, as_json=as_json, stale=stale)


def follow(client: SyncClient, execution_id: str, *, as_json: bool, stale: bool = False) -> None:
    """Show an execution until it ends, and leave with the exit code of its end."""
    happening = client.watch(execution_id, stale=stale)
    screen = console()
    status: ExecutionStatus | None = None
    if as_json or not screen.is_terminal:
        for event in happening:
            print_line(event) if as_json else typer.echo(events.as_line(event))
            status = event.status or status
    else:
        status = _follow_as_tree(screen, happening)
    exit_by(status)


def _follow_as_tree(screen: Console, happening: Iterable[HistoryEvent]) -> ExecutionStatus | None:
    growing = _GrowingTree(screen)
    with Live(
        get_renderable=growing.render,
        console=screen,
        refresh_per_second=_FRAMES_PER_S,
        transient=True,
    ):
        for event in happening:
            growing.add(event)
    screen.print(growing.render())
    return growing.status


class _GrowingTree:
    """A tree that one thread adds to while another draws it."""

    def __init__(self, screen: Console) -> None:
        self.status: ExecutionStatus | None = None
        self._screen = screen
        self._tree = VisitTree()
        self._lock = Lock()

    def add(self, event: HistoryEvent) -> None:
        """Take the next event."""
        with self._lock:
            self._tree.add(event)
            self.status = event.status or self.status

    def render(self) -> RenderableType:
        """Return the tree as it is now."""
        with self._lock:
            return tree.render(self._tree, width=drawing_width(self._screen), now=datetime.now(UTC))
