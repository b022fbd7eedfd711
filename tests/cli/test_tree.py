"""The tree on a console: labels, durations, bars, and what is left out."""

from collections.abc import Callable
from datetime import datetime
from io import StringIO
from typing import Any

from rich.console import Console

from stepraft.cli.tree import render
from stepraft.cli.visits import VisitTree


def drawn(story: Any, width: int = 72, **options: Any) -> list[str]:
    console = Console(file=StringIO(), width=width, force_terminal=False)
    console.print(render(VisitTree(story.events), width=width, **options))
    text = console.file
    assert isinstance(text, StringIO)
    return [line.rstrip() for line in text.getvalue().splitlines()]


def test_nothing_is_said_as_long_as_nothing_has_happened() -> None:
    console = Console(file=StringIO(), width=40)

    console.print(render(VisitTree(), width=40))

    assert isinstance(console.file, StringIO)
    assert console.file.getvalue() == "nothing has happened yet\n"


def test_each_visit_is_a_line_with_its_bar_where_it_lay_in_time(story: Any) -> None:
    story.started(0, "Check", "Task")
    story.task(0, "Check", took_ms=500)
    story.completed(500, "Check", next_state="Size")
    story.started(500, "Size", "Choice")
    story.completed(500, "Size", next_state="Ship")
    story.started(500, "Ship", "Task")
    story.task(500, "Ship", took_ms=200, end="TaskFailed", error="Van.Broken")
    story.task(800, "Ship", took_ms=200, retry=1)
    story.completed(1000, "Ship")
    story.tell(1000, "ExecutionCompleted", status="SUCCEEDED")

    assert drawn(story) == [
        "✓ execution succeeded                       1 s ━━━━━━━━━━━━━━━━━━━━━━━━",
        "├─ ✓ Check shop:check by w1              500 ms ████████████",
        "├─ ✓ Size Choice → Ship                    0 ms             █",
        "└─ ✓ Ship shop:ship in 2 tries           500 ms             ━━━━━━━━━━━━",
        "   ├─ ✗ try 1 Van.Broken by w1           200 ms             █████",
        "   └─ ✓ try 2 by w1                      200 ms                    █████",
    ]


def test_dots_stand_where_a_task_waited_for_a_worker(
    story: Any, execution_id: str, moment: Callable[[int], datetime]
) -> None:
    story.started(0, "Check", "Task")
    same = {"activity_id": f"{execution_id}/Check", "task_id": "t", "resource": "shop:check"}
    story.tell(0, "TaskCreated", **same)

    assert drawn(story, now=moment(1000))[1].split()[-1] == "·" * 24

    story.tell(500, "TaskActivated", **same, worker="w1", attempt=1)

    assert drawn(story, now=moment(1000))[1].split()[-1] == "·" * 12 + "█" * 12


def test_a_second_delivery_is_pointed_out(story: Any, execution_id: str) -> None:
    story.started(0, "Check", "Task")
    story.task(0, "Check", took_ms=0, end="")
    story.tell(20, "TaskActivated", task_id=f"{execution_id}/Check/0", worker="w2", attempt=2)

    assert drawn(story)[1].startswith("└─ ● Check shop:check by w2, delivery 2")


def test_of_many_items_those_that_went_well_are_left_out_and_counted(
    story: Any, execution_id: str
) -> None:
    pack = f"{execution_id}/Pack"
    story.started(0, "Pack", "Map")
    story.tell(0, "MapStarted", activity_id=pack, total=1_500)
    for index in range(1_500):
        story.tell(0, "IterationStarted", activity_id=pack, index=index)
        if index not in {700, 1_400}:
            story.tell(1, "IterationCompleted", activity_id=pack, index=index)
    story.tell(2, "IterationFailed", activity_id=pack, index=1_400, error="Box.Broken")

    labels = [line[:44].rstrip() for line in drawn(story, width=100, children_max=3)]

    assert labels == [
        "● execution running",
        "└─ ● Pack Map of 1,500",
        "   ├─ ✓ item 0",
        "   ├─ ● item 700",
        "   ├─ ✗ item 1400 Box.Broken",
        "   └─ … 1,497 more: 1,497 succeeded",
    ]


def test_all_items_are_shown_when_asked_for(story: Any, execution_id: str) -> None:
    pack = f"{execution_id}/Pack"
    story.started(0, "Pack", "Map")
    for index in range(50):
        story.tell(0, "IterationStarted", activity_id=pack, index=index)

    assert len(drawn(story, children_max=0)) == 52


def test_no_line_is_wider_than_the_console(story: Any) -> None:
    name = "A-very-long-name-of-a-state-" * 5
    story.started(0, name, "Task")
    story.task(0, name, took_ms=500)
    story.completed(500, name)

    assert max(len(line) for line in drawn(story, width=60)) <= 60
