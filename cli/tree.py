"""One execution as a tree with a timeline: what ran in what, how long, and how it ended.

    console.print(render(VisitTree(events), width=console.width))

Each line is a visit, a branch, an iteration or a try. Its bar lies where it lay in time: dots while
a task waited for a worker, blocks while something ran, a line over what ran beneath.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from stepraft.cli.durations import shown_duration
from stepraft.cli.visits import Node, NodeKind, NodeStatus, VisitTree

CHILDREN_MAX: Final = 20
"""How many children of one node are shown unless the caller says otherwise."""

SIGNS: Final = {
    NodeStatus.WAITING: ("○", "cyan"),
    NodeStatus.RUNNING: ("●", "cyan"),
    NodeStatus.SUCCEEDED: ("✓", "green"),
    NodeStatus.CAUGHT: ("↷", "yellow"),
    NodeStatus.FAILED: ("✗", "red"),
    NodeStatus.CANCELED: ("⊘", "magenta"),
    NodeStatus.TIMED_OUT: ("✗", "red"),
}
"""The sign and the colour of each status."""

_BAR_MIN: Final = 16
_BAR_SHARE: Final = 0.34


@dataclass(frozen=True)
class _Frame:
    """The time that the bars span, and how many characters they have for it."""

    start: datetime
    end: datetime
    width: int

    def column(self, moment: datetime) -> int:
        """Return the column of a moment, 0 to `width`."""
        whole = max((self.end - self.start).total_seconds(), 0.001)
        share = (moment - self.start).total_seconds() / whole
        return round(min(max(share, 0.0), 1.0) * self.width)


def render(
    tree: VisitTree,
    *,
    width: int,
    now: datetime | None = None,
    children_max: int = CHILDREN_MAX,
) -> RenderableType:
    """Return the tree for a console `width` characters wide.

    `now` is where the bars of open nodes end; without it they end at the last known moment. Of more
    than `children_max` children some are left out, and a line says how many; 0 shows all.
    """
    if tree.root is None:
        return Text("nothing has happened yet", style="dim")
    frame = _Frame(tree.root.started_at, _end_of(tree.root, now), _bar_width(width))
    grid = Table.grid(padding=(0, 1), expand=False)
    grid.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    grid.add_column(no_wrap=True, justify="right")
    grid.add_column(no_wrap=True, width=frame.width)
    grid.width = width
    for line in _lines(tree.root, frame, children_max):
        grid.add_row(*line)
    return grid


def _end_of(root: Node, now: datetime | None) -> datetime:
    if root.ended_at is not None:
        return root.ended_at
    known = max(node.ended_at or node.began_at for node in root.all())
    return max(known, now) if now is not None else known


def _bar_width(width: int) -> int:
    return max(_BAR_MIN, int(width * _BAR_SHARE))


def _lines(root: Node, frame: _Frame, children_max: int) -> Iterator[tuple[Text, Text, Text]]:
    """Yield label, duration and bar of each line, parents first."""
    stack: list[tuple[Node | str, str, str]] = [(root, "", "")]
    while stack:
        node, guide, guide_below = stack.pop()
        if isinstance(node, str):
            yield Text.assemble((guide, "dim"), (node, "dim")), Text(), Text()
            continue
        yield _label(node, guide), _duration(node, frame), _bar(node, frame)
        shown = _shown_children(node, children_max)
        last = len(shown) - 1
        stack.extend(
            (
                child,
                guide_below + ("└─ " if index == last else "├─ "),
                guide_below + ("   " if index == last else "│  "),
            )
            for index, child in reversed(list(enumerate(shown)))
        )


def _shown_children(node: Node, children_max: int) -> list[Node | str]:
    """Return the children to show, then a line about those that are left out.

    A single try says nothing that its state's line does not say. What failed or is open is shown
    before what went well.
    """
    if len(node.children) == 1 and node.children[0].kind is NodeKind.TRY:
        return []
    if not children_max or len(node.children) <= children_max:
        return list(node.children)
    ranked = sorted(
        range(len(node.children)),
        key=lambda index: node.children[index].status is NodeStatus.SUCCEEDED,
    )
    chosen = set(ranked[:children_max])
    shown: list[Node | str] = [each for index, each in enumerate(node.children) if index in chosen]
    return [*shown, _left_out([node.children[index] for index in ranked[children_max:]])]


def _left_out(nodes: list[Node]) -> str:
    counts = Counter(node.status for node in nodes)
    parts = [f"{counts[status]:,} {status}" for status in NodeStatus if counts[status]]
    return f"… {len(nodes):,} more: {', '.join(parts)}"


def _label(node: Node, guide: str) -> Text:
    sign, colour = SIGNS[node.status]
    strong = "bold" if node.kind in {NodeKind.EXECUTION, NodeKind.STATE} else ""
    return Text.assemble(
        (guide, "dim"), (f"{sign} ", colour), (node.label, strong), *_details(node)
    )


def _details(node: Node) -> Iterator[tuple[str, str]]:
    """Yield what stands behind the name, each part with its style."""
    if node.kind is NodeKind.EXECUTION:
        yield f" {node.status}", SIGNS[node.status][1]
    if node.state_type and node.state_type != "Task":
        yield f" {node.state_type}", "dim"
    if node.total is not None:
        yield f" of {node.total:,}", "dim"
    if node.state_type == "Choice" and node.next_state:
        yield f" → {node.next_state}", "dim"
    error = node.error or (node.children[0].error if _is_tried_once(node) else "")
    if error:
        yield f" {error}", "red"
    yield from _task_details(node)


def _task_details(node: Node) -> Iterator[tuple[str, str]]:
    """Yield who did the work: of a try, or of a state that was tried once."""
    task = node.children[0] if _is_tried_once(node) else node
    if node.state_type == "Task" and len(node.children) > 1:
        yield f" {node.children[0].resource} in {len(node.children)} tries", "dim"
    elif node.kind is NodeKind.STATE and task.resource:
        yield f" {task.resource}", "dim"
    if task.worker:
        yield f" by {task.worker}", "dim"
    if task.delivery > 1:
        yield f", delivery {task.delivery}", "yellow"


def _duration(node: Node, frame: _Frame) -> Text:
    ended_at = node.ended_at if node.ended_at is not None else frame.end
    duration = max(ended_at - node.started_at, timedelta(0))
    return Text(shown_duration(duration), style="cyan" if node.status.is_open else "")


def _bar(node: Node, frame: _Frame) -> Text:
    """Return the bar: blank, then dots for waiting, then at least one block."""
    task = node.children[0] if _is_tried_once(node) else node
    ended_at = node.ended_at if node.ended_at is not None else frame.end
    begin = frame.column(node.started_at)
    work = max(begin, frame.column(task.began_at if task.worker else node.started_at))
    end = max(work + 1, frame.column(ended_at))
    shift = max(0, end - frame.width)
    begin, work, end = max(0, begin - shift), work - shift, end - shift
    is_waiting = task.status is NodeStatus.WAITING
    body = "·" if is_waiting else "█" if _is_leaf(node) else "━"
    colour = SIGNS[node.status][1]
    return Text.assemble(" " * begin, ("·" * (work - begin), "dim"), (body * (end - work), colour))


def _is_tried_once(node: Node) -> bool:
    return len(node.children) == 1 and node.children[0].kind is NodeKind.TRY


def _is_leaf(node: Node) -> bool:
    return not node.children or _is_tried_once(node)
