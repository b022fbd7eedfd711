"""A history becomes a tree of visits, with the ends that no event tells worked out."""

from typing import Any

import pytest

from stepraft.cli.visits import Node, VisitTree


def outline(node: Node) -> Any:
    """Return a node as [label, status] with its children behind, for comparing whole trees."""
    return [node.label, str(node.status), *(outline(child) for child in node.children)]


def tree_of(story: Any) -> Any:
    root = VisitTree(story.events).root
    assert root is not None
    return outline(root)


def test_before_the_first_event_there_is_nothing() -> None:
    assert VisitTree().root is None


def test_states_follow_each_other_beneath_the_execution(story: Any) -> None:
    story.started(0, "A", "Pass")
    story.completed(0, "A", next_state="B")
    story.started(0, "B", "Succeed")
    story.completed(0, "B")
    story.tell(5, "ExecutionCompleted", status="SUCCEEDED")

    assert tree_of(story) == ["execution", "succeeded", ["A", "succeeded"], ["B", "succeeded"]]


def test_what_has_not_ended_runs(story: Any) -> None:
    story.started(0, "Charge", "Task")
    story.task(0, "Charge", took_ms=0, end="")

    assert tree_of(story) == ["execution", "running", ["Charge", "running", ["try 1", "running"]]]


def test_a_retry_is_another_try_beneath_its_state(story: Any) -> None:
    story.started(0, "Charge", "Task")
    story.task(0, "Charge", took_ms=50, end="TaskFailed", error="Bank.Away")
    story.task(1000, "Charge", took_ms=50, retry=1)
    story.completed(1050, "Charge", next_state="B")

    assert tree_of(story) == [
        "execution",
        "running",
        ["Charge", "succeeded", ["try 1", "failed"], ["try 2", "succeeded"]],
    ]


@pytest.mark.parametrize(
    ("end", "status"),
    [
        pytest.param("TaskFailed", "failed", id="it failed"),
        pytest.param("TaskTimedOut", "timed out", id="it ran out of time"),
    ],
)
def test_a_state_that_goes_on_after_a_failure_was_caught(story: Any, end: str, status: str) -> None:
    story.started(0, "Charge", "Task")
    story.task(0, "Charge", took_ms=50, end=end, error="Bank.Away")
    story.completed(50, "Charge", next_state="Undo")

    assert tree_of(story) == [
        "execution",
        "running",
        ["Charge", "caught", ["try 1", status]],
    ]


def test_a_state_whose_failure_nothing_caught_fails_with_the_execution(story: Any) -> None:
    story.started(0, "Charge", "Task")
    story.task(0, "Charge", took_ms=50, end="TaskFailed", error="Bank.Away")
    story.tell(50, "ExecutionCompleted", status="FAILED", error="Bank.Away")

    tree = VisitTree(story.events)

    assert tree.root is not None
    assert outline(tree.root) == [
        "execution",
        "failed",
        ["Charge", "failed", ["try 1", "failed"]],
    ]
    assert tree.root.error == "Bank.Away"


def test_branches_are_numbered_and_the_others_are_canceled_when_one_fails(
    story: Any, execution_id: str
) -> None:
    story.started(0, "Settle", "Parallel")
    settle = f"{execution_id}/Settle"
    story.tell(0, "ParallelStarted", activity_id=settle, total=2)
    story.started(0, "Charge", "Task", scope=f"{settle}/b0")
    story.task(0, "Charge", took_ms=0, end="", scope=f"{settle}/b0")
    story.started(0, "Check", "Pass", scope=f"{settle}/b1")
    story.completed(0, "Check", next_state="Refuse", scope=f"{settle}/b1")
    story.started(0, "Refuse", "Fail", scope=f"{settle}/b1")
    story.tell(20, "FanOutFailed", activity_id=settle, error="Refused")
    story.completed(20, "Settle", next_state="Undo")

    assert tree_of(story) == [
        "execution",
        "running",
        [
            "Settle",
            "caught",
            ["branch 0", "canceled", ["Charge", "canceled", ["try 1", "canceled"]]],
            ["branch 1", "failed", ["Check", "succeeded"], ["Refuse", "failed"]],
        ],
    ]


def test_a_state_that_was_to_be_tried_again_when_another_branch_failed_was_canceled(
    story: Any, execution_id: str
) -> None:
    settle = f"{execution_id}/Settle"
    story.started(0, "Settle", "Parallel")
    story.tell(0, "ParallelStarted", activity_id=settle, total=2)
    story.started(0, "Charge", "Task", scope=f"{settle}/b0")
    story.task(0, "Charge", took_ms=20, end="TaskFailed", error="Away", scope=f"{settle}/b0")
    story.started(0, "Check", "Task", scope=f"{settle}/b1")
    story.task(0, "Check", took_ms=30, end="TaskFailed", error="Refused", scope=f"{settle}/b1")
    story.tell(30, "FanOutFailed", activity_id=settle, error="Refused")

    assert tree_of(story)[2:] == [
        [
            "Settle",
            "failed",
            ["branch 0", "canceled", ["Charge", "canceled", ["try 1", "failed"]]],
            ["branch 1", "failed", ["Check", "failed", ["try 1", "failed"]]],
        ]
    ]


@pytest.mark.parametrize("status", ["CANCELED", "TIMED_OUT"])
def test_what_is_open_when_the_execution_is_cut_short_was_canceled(story: Any, status: str) -> None:
    story.started(0, "Hold", "Wait")
    story.tell(50, "ExecutionCompleted", status=status)

    assert tree_of(story) == [
        "execution",
        status.lower().replace("_", " "),
        ["Hold", "canceled"],
    ]


def test_a_task_whose_result_was_of_no_use_failed(story: Any) -> None:
    story.started(0, "Charge", "Task")
    story.task(0, "Charge", took_ms=50)
    story.tell(50, "ExecutionCompleted", status="FAILED", error="States.Runtime")

    assert tree_of(story) == [
        "execution",
        "failed",
        ["Charge", "failed", ["try 1", "succeeded"]],
    ]


def test_a_parallel_that_is_tried_again_has_its_branches_anew(
    story: Any, execution_id: str
) -> None:
    settle = f"{execution_id}/Settle"
    story.started(0, "Settle", "Parallel")
    story.tell(0, "ParallelStarted", activity_id=settle, total=1)
    story.started(0, "Refuse", "Fail", scope=f"{settle}/b0")
    story.tell(1000, "ParallelStarted", activity_id=settle, total=1)
    story.started(1000, "Accept", "Pass", scope=f"{settle}/b0")
    story.completed(1000, "Accept", scope=f"{settle}/b0")
    story.tell(1000, "FanOutSucceeded", activity_id=settle, total=1)
    story.completed(1000, "Settle")

    assert tree_of(story) == [
        "execution",
        "running",
        [
            "Settle",
            "succeeded",
            ["branch 0", "failed", ["Refuse", "failed"]],
            ["branch 0", "succeeded", ["Accept", "succeeded"]],
        ],
    ]


def test_a_failure_that_a_retry_repeated_is_not_the_end_of_the_state(
    story: Any, execution_id: str
) -> None:
    settle = f"{execution_id}/Settle"
    story.started(0, "Settle", "Parallel")
    story.tell(0, "ParallelStarted", activity_id=settle, total=1)
    story.started(0, "Refuse", "Fail", scope=f"{settle}/b0")
    story.tell(1000, "ParallelStarted", activity_id=settle, total=1)
    story.started(1000, "Hold", "Wait", scope=f"{settle}/b0")
    story.tell(2000, "ExecutionCompleted", status="CANCELED")

    assert tree_of(story)[2:] == [
        [
            "Settle",
            "canceled",
            ["branch 0", "failed", ["Refuse", "failed"]],
            ["branch 0", "canceled", ["Hold", "canceled"]],
        ]
    ]


def test_iterations_end_one_by_one(story: Any, execution_id: str) -> None:
    pack = f"{execution_id}/Pack"
    story.started(0, "Pack", "Map")
    story.tell(0, "MapStarted", activity_id=pack, total=3)
    for index in range(3):
        story.tell(0, "IterationStarted", activity_id=pack, index=index)
        story.started(0, "Wrap", "Pass", scope=f"{pack}/i{index}")
    story.completed(5, "Wrap", scope=f"{pack}/i1")
    story.tell(5, "IterationCompleted", activity_id=pack, index=1)
    story.tell(9, "IterationFailed", activity_id=pack, index=2, error="Box.Broken")

    assert tree_of(story) == [
        "execution",
        "running",
        [
            "Pack",
            "running",
            ["item 0", "running", ["Wrap", "running"]],
            ["item 1", "succeeded", ["Wrap", "succeeded"]],
            ["item 2", "failed", ["Wrap", "failed"]],
        ],
    ]


def test_a_map_in_a_parallel_nests(story: Any, execution_id: str) -> None:
    settle = f"{execution_id}/Settle"
    pack = f"{settle}/b0/Pack"
    story.started(0, "Settle", "Parallel")
    story.started(0, "Pack", "Map", scope=f"{settle}/b0")
    story.tell(0, "IterationStarted", activity_id=pack, index=0)
    story.started(0, "Wrap", "Pass", scope=f"{pack}/i0")

    assert tree_of(story) == [
        "execution",
        "running",
        [
            "Settle",
            "running",
            [
                "branch 0",
                "running",
                ["Pack", "running", ["item 0", "running", ["Wrap", "running"]]],
            ],
        ],
    ]


def test_a_task_that_was_delivered_again_counts_its_deliveries(
    story: Any, execution_id: str
) -> None:
    story.started(0, "Charge", "Task")
    story.task(0, "Charge", took_ms=0, end="")
    task_id = f"{execution_id}/Charge/0"
    story.tell(500, "TaskActivated", task_id=task_id, worker="w2", attempt=2)

    root = VisitTree(story.events).root

    assert root is not None
    (task,) = root.children[0].children
    assert (task.worker, task.delivery) == ("w2", 2)


def test_an_event_of_a_type_that_is_not_known_is_passed_over(story: Any, execution_id: str) -> None:
    story.tell(0, "SomethingNew", activity_id=f"{execution_id}/Charge")

    assert tree_of(story) == ["execution", "running"]
