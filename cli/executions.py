"""The commands about executions: `start`, `get`, `list`, `history` and `cancel`."""

from itertools import islice
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stepraft.cli import events, sources, tree
from stepraft.cli.durations import shown_duration, shown_moment
from stepraft.cli.ends import exit_by
from stepraft.cli.exit_codes import ExitCode
from stepraft.cli.failures import CommandError
from stepraft.cli.options import (
    Addresses,
    AsJson,
    ExecutionId,
    Namespace,
    Stale,
    connected,
    namespace_of,
)
from stepraft.cli.output import console, drawing_width, fits, plain, print_document, table
from stepraft.cli.visits import VisitTree
from stepraft.cli.watching import follow
from stepraft.client import Execution, ExecutionStatus, StartedExecution, SyncClient

LIST_LIMIT = 20


def start(
    workflow: Annotated[str, typer.Argument(metavar="WORKFLOW", show_default=False)],
    input_: Annotated[
        str,
        typer.Option("--input", "-i", metavar="JSON|@FILE|-", help="What the execution works on."),
    ] = "{}",
    name: Annotated[
        str, typer.Option(help="A name for the execution, unique in its workflow.")
    ] = "",
    idempotency_key: Annotated[
        str,
        typer.Option(metavar="KEY", help="Starting again with the same key starts nothing new."),
    ] = "",
    version: Annotated[
        int, typer.Option(min=0, help="The workflow's version; 0 is the newest.")
    ] = 0,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end, and print it.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show what happens until the end.")
    ] = False,
    timeout: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS", min=0, help="With --wait: how long.", show_default="for ever"
        ),
    ] = None,
    address: Addresses = None,
    namespace: Namespace = "default",
    as_json: AsJson = False,
) -> None:
    """Start an execution of WORKFLOW and print its id.

    With --wait or --watch the exit code says how the execution ended.
    """
    if wait and watch:
        raise CommandError("--wait and --watch: choose one", code=ExitCode.USAGE)
    if timeout is not None and not wait:
        raise CommandError("--timeout: only --wait reads it", code=ExitCode.USAGE)
    document = sources.document(input_, "--input")
    with connected(address, namespace) as client:
        started = client.start_execution(
            workflow,
            document,
            version=version or None,
            name=name,
            idempotency_key=idempotency_key,
        )
        if watch:
            follow(client, started.execution_id, as_json=as_json)
        elif wait:
            _wait(client, started, timeout, as_json=as_json)
        else:
            _print_started(started, as_json=as_json)


def get(
    execution_id: ExecutionId,
    stale: Stale = False,
    address: Addresses = None,
    as_json: AsJson = False,
) -> None:
    """Show one execution: how it stands, its input and its output."""
    with connected(address, namespace_of(execution_id)) as client:
        execution = client.get_execution(execution_id, stale=stale)
    _print_execution(execution, as_json=as_json)


def list_(
    workflow: Annotated[str, typer.Option("--workflow", "-w", help="Only those of it.")] = "",
    status: Annotated[
        list[ExecutionStatus] | None,
        typer.Option("--status", "-s", case_sensitive=False, help="Only those; may be repeated."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-l", min=1, help="How many.")] = LIST_LIMIT,
    all_: Annotated[bool, typer.Option("--all", help="All of them, however many.")] = False,
    stale: Stale = False,
    address: Addresses = None,
    namespace: Namespace = "default",
    as_json: AsJson = False,
) -> None:
    """List executions, newest first."""
    with connected(address, namespace) as client:
        found = client.list_executions(workflow=workflow, statuses=status or (), stale=stale)
        executions = list(found if all_ else islice(found, limit))
    if as_json:
        print_document({"executions": [_without_documents(each) for each in executions]})
        return
    _print_list(executions)


def history(
    execution_id: ExecutionId,
    as_table: Annotated[
        bool, typer.Option("--table/--tree", help="One line an event, or a tree of visits.")
    ] = False,
    children: Annotated[
        int,
        typer.Option(min=0, metavar="N", help="Show N branches or items of a state; 0 shows all."),
    ] = tree.CHILDREN_MAX,
    stale: Stale = False,
    address: Addresses = None,
    as_json: AsJson = False,
) -> None:
    """Show what has happened in an execution."""
    with connected(address, namespace_of(execution_id)) as client:
        happened = list(client.history(execution_id, stale=stale))
    if as_json:
        print_document({"events": happened})
        return
    screen = console()
    if as_table:
        screen.print(events.as_table(happened))
    else:
        screen.print(
            tree.render(VisitTree(happened), width=drawing_width(screen), children_max=children)
        )


def cancel(
    execution_id: ExecutionId,
    error: Annotated[str, typer.Option(help="The name of the error to record.")] = "",
    cause: Annotated[str, typer.Option(help="What people should know.")] = "",
    address: Addresses = None,
    as_json: AsJson = False,
) -> None:
    """End an execution from outside."""
    with connected(address, namespace_of(execution_id)) as client:
        execution = client.cancel_execution(execution_id, error=error, cause=cause)
    if as_json:
        print_document(_without_documents(execution))
    else:
        console().print(f"{execution.execution_id} {execution.status}", markup=False)


def _wait(
    client: SyncClient, started: StartedExecution, timeout_s: float | None, *, as_json: bool
) -> None:
    execution = client.wait_execution(started.execution_id, timeout_s=timeout_s)
    _print_execution(execution, as_json=as_json)
    exit_by(execution.status)


def _print_started(started: StartedExecution, *, as_json: bool) -> None:
    if as_json:
        print_document(started)
    else:
        typer.echo(started.execution_id)


def _print_execution(execution: Execution, *, as_json: bool) -> None:
    if as_json:
        print_document(execution)
        return
    screen = console()
    for label, value in _facts(execution):
        screen.print(Text.assemble((f"{label:<10}", "dim"), value))
    _print_document_of(screen, "input", execution.input)
    if execution.status is ExecutionStatus.SUCCEEDED:
        _print_document_of(screen, "output", execution.output)


def _facts(execution: Execution) -> list[tuple[str, Text]]:
    facts = [
        ("execution", execution.execution_id),
        ("workflow", f"{execution.workflow} version {execution.version}"),
        ("name", execution.name),
        ("started", shown_moment(execution.started_at)),
        ("took", _took(execution)),
        ("error", execution.error or ""),
        ("cause", execution.cause or ""),
    ]
    named = [(label, Text(value)) for label, value in facts if value]
    return [*named[:2], ("status", _status(execution.status)), *named[2:]]


def _print_document_of(screen: Console, label: str, document: Any) -> None:
    screen.print(Text(label, style="dim"))
    screen.print_json(data=document)


def _print_list(executions: list[Execution]) -> None:
    screen, wide = console(), _wide_list(executions)
    screen.print(wide if fits(screen, wide) else _narrow_list(executions))


def _wide_list(executions: list[Execution]) -> Table:
    """Return a list with one line for each execution."""
    made = table(
        *("EXECUTION", "WORKFLOW", "NAME", "STATUS", "STARTED", "TOOK"),
        right=("TOOK",),
    )
    for each in executions:
        made.add_row(
            Text(each.execution_id),
            Text(f"{each.workflow}:{each.version}"),
            Text(each.name),
            _status(each.status),
            shown_moment(each.started_at),
            _took(each),
        )
    return made


def _narrow_list(executions: list[Execution]) -> Table:
    """Return a list with two lines for each execution: an id of the usual length fits into 80
    characters, and so can be copied.
    """
    made = table("EXECUTION", "STATUS", "STARTED", "TOOK", right=("TOOK",), wrapped=("EXECUTION",))
    for each in executions:
        made.add_row(
            Text(f"{each.execution_id}\n{each.workflow}:{each.version}  {each.name}".rstrip()),
            _status(each.status),
            shown_moment(each.started_at).replace(" ", "\n"),
            _took(each),
        )
    return made


def _took(execution: Execution) -> str:
    if execution.stopped_at is None:
        return ""
    return shown_duration(execution.stopped_at - execution.started_at)


def _status(status: ExecutionStatus) -> Text:
    return Text(status, style=_STATUS_STYLES.get(status, "cyan"))


_STATUS_STYLES = {
    ExecutionStatus.SUCCEEDED: "green",
    ExecutionStatus.FAILED: "red",
    ExecutionStatus.TIMED_OUT: "red",
    ExecutionStatus.CANCELED: "magenta",
}


def _without_documents(execution: Execution) -> dict[str, Any]:
    """Return an execution as lists have it: what they do not carry is not shown as null."""
    document: dict[str, Any] = plain(execution)
    return {key: value for key, value in document.items() if key not in {"input", "output"}}
