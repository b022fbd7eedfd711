"""What the demonstration prints."""

import io
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from examples.demo.verdict import Verdict
from stepraft.cli.tree import render
from stepraft.cli.visits import VisitTree
from stepraft.client import HistoryEvent
from stepraft.testing.cluster import LocalCluster

for stream in (sys.stdout, sys.stderr):
    if isinstance(stream, io.TextIOWrapper):
        # A terminal that cannot show a sign shows another one, rather than an error.
        stream.reconfigure(errors="replace")
console = Console()


def say(text: str) -> None:
    """Print one line of the course of events."""
    console.print(text, highlight=False)


def progress_bar() -> Progress:
    """Return the live bars: started, ended."""
    return Progress(
        TextColumn("{task.description:<20}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


def verdict(result: Verdict, outage_s: float, replicas: str) -> None:
    """Print the figures, what should be nought in red if it is not."""
    table = Table(show_header=False, box=None, padding=(0, 3, 0, 0))
    table.add_row("executions started (acknowledged)", str(result.started))
    table.add_row("  succeeded", str(result.succeeded))
    table.add_row("  failed as designed", str(result.failed_as_designed))
    table.add_row("  lost", _nought(len(result.lost)))
    table.add_row("  stuck", _nought(len(result.unfinished)))
    table.add_row("  ended otherwise than they should", _nought(len(result.wrong)))
    table.add_row("tasks done", str(result.tasks))
    table.add_row("  completed twice", _nought(len(result.completed_twice)))
    table.add_row("  delivered again", str(result.delivered_again))
    table.add_row("  tried again by Retry", str(result.retried))
    table.add_row("no write was accepted for", f"{outage_s:.2f} s")
    table.add_row("replicas", replicas)
    console.print(table)


def _nought(count: int) -> str:
    return f"[green]{count}[/green]" if count == 0 else f"[bold red]{count}[/bold red]"


def tree(events: Sequence[HistoryEvent]) -> None:
    """Print one execution as a tree with a timeline."""
    console.print(render(VisitTree(events), width=console.width))


def how_to_talk(cluster: LocalCluster, worker_pids: Sequence[int]) -> None:
    """Say how to use the cluster that is left running, and how to stop it."""
    address = ",".join(cluster.addresses)
    stepraft = Path(sys.executable).with_name("stepraft")
    pids = [node.process.pid for node in cluster.nodes.values() if node.process is not None]
    for line in (
        "",
        f"The cluster is left running; its data and logs are in {cluster.folder}.",
        f"  export STEPRAFT_ADDRESS={address}",
        f"  {stepraft} cluster status",
        f"  {stepraft} list --limit 5",
        f"  {stepraft} start orders --input @FILE --watch",
        f"To stop it: kill {' '.join(map(str, [*worker_pids, *pids]))}; rm -r {cluster.folder}",
    ):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
