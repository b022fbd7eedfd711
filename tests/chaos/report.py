"""What a run comes to, in figures."""

import math
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import Final

from rich.console import Console
from rich.table import Table

from tests.chaos.findings import Findings
from tests.chaos.records import Answer, FaultRecord

AFTERMATH_S: Final = 5.0
"""How long after its end a fault still counts for a time without an accepted write."""
SHOWN_MAX: Final = 5
"""How many violations of one kind are printed; all are in the report's file."""


def longest_gaps_s(faults: Sequence[FaultRecord], accepted_s: Sequence[float]) -> list[float]:
    """Return for each fault the longest time without an accepted write that it caused.

    `accepted_s`: when writes were accepted; both in order. A fault counts until it is forgotten, or
    the next one begins. What the end of the load cuts off does not count.
    """
    ends_s = [fault.ended_s + AFTERMATH_S for fault in faults]
    next_s = [*(fault.began_s for fault in faults[1:]), math.inf]
    return [
        _longest_gap_s(fault.began_s, end_s, following_s, accepted_s)
        for fault, end_s, following_s in zip(faults, ends_s, next_s, strict=False)
    ]


def _longest_gap_s(
    since_s: float, end_s: float, following_s: float, accepted_s: Sequence[float]
) -> float:
    """Return the longest gap that begins between two times, up to when the next fault begins."""
    until_s = min(end_s, following_s)
    first, last = bisect_left(accepted_s, since_s), bisect_left(accepted_s, until_s)
    points = [since_s, *(min(each, following_s) for each in accepted_s[first : last + 1])]
    return max((later - earlier for earlier, later in pairwise(points)), default=0.0)


def print_report(console: Console, found: Findings, violations: dict[str, list[str]]) -> None:
    """Print the load, the faults by kind, and the violations."""
    console.print(_load(found))
    console.print(_faults(found))
    console.print(_checks(violations))
    for name, texts in violations.items():
        for text in texts[:SHOWN_MAX]:
            console.print(f"  {name}: {text}", highlight=False, markup=False, soft_wrap=True)
        if len(texts) > SHOWN_MAX:
            console.print(f"  {name}: and {len(texts) - SHOWN_MAX} more")


def last_line(found: Findings, violations: dict[str, list[str]], seconds: float, seed: int) -> str:
    """Return the run in one line."""
    completed = sum(
        event.type == "TaskCompleted"
        for outcome in found.outcomes.values()
        for event in outcome.events
    )
    return (
        f"chaos: {len(found.faults)} faults in {seconds:.0f} s, seed {seed}, "
        f"{len(found.acknowledged_s)} executions acknowledged, {completed} tasks completed, "
        f"{len(found.reads) + len(found.history_reads)} reads, "
        f"violations {sum(map(len, violations.values()))}"
    )


def _load(found: Findings) -> Table:
    table = Table(title="calls by answer", title_justify="left")
    for heading in ("call", *Answer):
        table.add_column(heading, justify="left" if heading == "call" else "right")
    answers: dict[str, Counter[Answer]] = defaultdict(Counter)
    for operation in found.operations:
        answers[type(operation).__name__][operation.answer] += 1
    for name, counts in sorted(answers.items()):
        table.add_row(name, *(str(counts[answer]) for answer in Answer))
    deliveries = Counter(
        event.attempt
        for outcome in found.outcomes.values()
        for event in outcome.events
        if event.type == "TaskCompleted"
    )
    again = sum(count for attempt, count in deliveries.items() if attempt > 1)
    table.caption = (
        f"{deliveries.total()} tasks completed, {again} of them not by the first delivery"
    )
    return table


def _faults(found: Findings) -> Table:
    table = Table(title="longest time without an accepted write, in seconds", title_justify="left")
    table.add_column("fault")
    table.add_column("aim")
    for heading in ("times", "median", "max", "lasted"):
        table.add_column(heading, justify="right")
    accepted_s = sorted(start.returned_s for start in found.acknowledged_starts)
    gaps: dict[tuple[str, str], list[tuple[float, FaultRecord]]] = defaultdict(list)
    longest_s = longest_gaps_s(found.faults, accepted_s)
    for fault, gap_s in zip(found.faults, longest_s, strict=True):
        gaps[fault.kind, fault.aim].append((gap_s, fault))
    for (kind, aim), measured in sorted(gaps.items()):
        table.add_row(kind, aim, str(len(measured)), *_figures(measured))
    return table


def _figures(measured: list[tuple[float, FaultRecord]]) -> Iterator[str]:
    gaps_s = [gap_s for gap_s, _ in measured]
    yield f"{median(gaps_s):.2f}"
    yield f"{max(gaps_s):.2f}"
    yield f"{median(fault.ended_s - fault.began_s for _, fault in measured):.1f}"


def _checks(violations: dict[str, list[str]]) -> Table:
    table = Table(show_header=False, box=None, padding=(0, 3, 0, 0))
    for name, texts in violations.items():
        table.add_row(name, str(len(texts)) if not texts else f"[bold red]{len(texts)}[/bold red]")
    return table
