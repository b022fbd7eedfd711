"""A history as a table, or line by line as it happens."""

from collections.abc import Iterable
from datetime import datetime

from rich.table import Table
from rich.text import Text

from stepraft.cli import output
from stepraft.cli.durations import shown_duration
from stepraft.client import HistoryEvent


def as_table(events: Iterable[HistoryEvent]) -> Table:
    """Return the events as a table: number, time since the first, what happened, and to what."""
    made = output.table(
        "#", "AFTER", "EVENT", "STATE", "DETAILS", right=("#", "AFTER"), wrapped=("DETAILS",)
    )
    started_at: datetime | None = None
    for event in events:
        started_at = started_at or event.at
        made.add_row(
            str(event.sequence),
            shown_duration(event.at - started_at),
            event.type,
            Text(event.state_name),
            Text(details(event)),
        )
    return made


def as_line(event: HistoryEvent) -> str:
    """Return one event as a line of text."""
    at = event.at.astimezone().strftime("%H:%M:%S.%f")[:-3]
    parts = [f"{event.sequence:>5}", at, event.type, event.state_name, details(event)]
    return "  ".join(part for part in parts if part)


def details(event: HistoryEvent) -> str:
    """Return what an event says beyond its type and state."""
    parts = [
        event.state_type,
        event.resource,
        f"item {event.index}" if event.index is not None else "",
        f"of {event.total}" if event.total else "",
        f"try {event.retry_count + 1}" if event.retry_count else "",
        f"delivery {event.attempt}" if event.attempt > 1 else "",
        f"by {event.worker}" if event.worker else "",
        f"→ {event.next_state}" if event.next_state else "",
        event.status or "",
        event.error or "",
        event.cause or "",
    ]
    return " ".join(part for part in parts if part)
