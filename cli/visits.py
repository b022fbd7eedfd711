"""An execution's history as a tree: visits of states in their scopes, tries of tasks beneath them.

`VisitTree` takes the events one by one, in order, so that a live display can grow it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from stepraft.client import ExecutionStatus, HistoryEvent


class NodeKind(StrEnum):
    """What a node of the tree stands for."""

    EXECUTION = "execution"
    STATE = "state"
    BRANCH = "branch"
    ITERATION = "iteration"
    TRY = "try"


class NodeStatus(StrEnum):
    """How a node stands. CAUGHT: it failed, and its Catch led on. CANCELED: its end was not waited
    for.
    """

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    CAUGHT = "caught"
    FAILED = "failed"
    CANCELED = "canceled"
    TIMED_OUT = "timed out"

    @property
    def is_open(self) -> bool:
        """Whether the end is still to come."""
        return self in {NodeStatus.WAITING, NodeStatus.RUNNING}


@dataclass(slots=True)
class Node:
    """One line of the tree.

    `began_at`: when a worker took the task, of tries; else when it started. `ended_at` is None
    while it is open. `error` is the name of the error that it ended by, `worker` and `delivery`
    tell who had the task last, and how often it was handed out. `total` is how many branches or
    iterations there are; the first `outdated` children belong to tries that a Retry has repeated.
    """

    kind: NodeKind
    label: str
    started_at: datetime
    began_at: datetime
    state_type: str = ""
    status: NodeStatus = NodeStatus.RUNNING
    ended_at: datetime | None = None
    error: str = ""
    resource: str = ""
    worker: str = ""
    delivery: int = 0
    next_state: str = ""
    total: int | None = None
    children: list["Node"] = field(default_factory=list)
    outdated: int = 0

    def all(self) -> Iterator["Node"]:
        """Yield this node and everything beneath it, parents first."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.children))

    def end(self, status: NodeStatus, at: datetime, error: str | None = "") -> None:
        """Close this node, and what is open beneath it as that error would have left it."""
        self.end_children(at, error)
        self.status, self.ended_at, self.error = status, at, error or self.error

    def end_children(self, at: datetime, error: str | None) -> None:
        """Close what is open beneath this node. `error` is None where the cause is not known."""
        for child in self.children:
            if child.status.is_open:
                status = NodeStatus.FAILED if child.fails_by(error) else NodeStatus.CANCELED
                child.end(status, at, error if status is NodeStatus.FAILED else "")

    def fails_by(self, error: str | None) -> bool:
        """Whether this node, if its end is told by no event, failed and so passed on `error`.

        What fails is told in the history where the failure ends, at a Catch or at the execution's
        end; in between it shows in what did not go on although nothing was left to wait for.
        """
        if not self.status.is_open:
            return self.has_failed and error in {None, self.error}
        if self.state_type in _NEVER_WAITING:
            return True
        if self.state_type == "Task":
            return not self.children or self.children[-1].ends_the_task(error)
        if self.state_type in _FANNING_OUT:
            return self.total is None or any(
                child.fails_by(error) for child in self.children[self.outdated :]
            )
        return any(child.fails_by(error) for child in self.children[-1:])

    def ends_the_task(self, error: str | None) -> bool:
        """Whether nothing comes after this try: its result was of no use, or its error passed on.

        Another error than the one that was passed on was being retried.
        """
        return self.status is NodeStatus.SUCCEEDED or (
            self.has_failed and error in {None, self.error}
        )

    @property
    def has_failed(self) -> bool:
        """Whether it ended by a failure."""
        return self.status in {NodeStatus.FAILED, NodeStatus.TIMED_OUT}


_NEVER_WAITING: Final = frozenset({"Choice", "Fail", "Pass", "Succeed"})
"""The states that end as they begin: one that has not ended has failed."""

_FANNING_OUT: Final = frozenset({"Map", "Parallel"})


class VisitTree:
    """One execution as its events tell it. Events of unknown types are passed over."""

    def __init__(self, events: Iterable[HistoryEvent] = ()) -> None:
        self.root: Node | None = None
        self._scopes: dict[str, Node] = {}
        self._visits: dict[str, Node] = {}
        self._tries: dict[str, Node] = {}
        for event in events:
            self.add(event)

    def add(self, event: HistoryEvent) -> None:
        """Take the next event."""
        if event.type == "ExecutionStarted":
            self.root = _node(event, NodeKind.EXECUTION, "execution")
            self._scopes[event.scope_id] = self.root
        elif event.type == "ExecutionCompleted" and self.root is not None:
            self.root.end(_end_status(event), event.at, event.error or "")
        elif event.type.startswith("State"):
            self._add_state_event(event)
        elif event.type.startswith("Task"):
            self._add_task_event(event)
        elif event.type.startswith("Iteration"):
            self._add_iteration_event(event)
        else:
            self._add_fan_out_event(event)

    def _add_state_event(self, event: HistoryEvent) -> None:
        if event.type == "StateStarted":
            visit = _node(event, NodeKind.STATE, event.state_name, state_type=event.state_type)
            self._visits[event.activity_id] = visit
            self._scope(event).children.append(visit)
        elif event.type == "StateCompleted" and event.activity_id in self._visits:
            visit = self._visits[event.activity_id]
            visit.next_state = event.next_state or ""
            visit.end(_status_of_completed(visit), event.at)
            if not visit.next_state:
                self._end_branch(event)

    def _scope(self, event: HistoryEvent) -> Node:
        """Return where a state is visited; a branch comes to be with its first state."""
        known = self._scopes.get(event.scope_id)
        if known is not None:
            return known
        activity_id, _, index = event.scope_id.rpartition("/")
        branch = _node(event, NodeKind.BRANCH, f"branch {index.removeprefix('b')}")
        self._scopes[event.scope_id] = branch
        self._visits[activity_id].children.append(branch)
        return branch

    def _end_branch(self, event: HistoryEvent) -> None:
        scope = self._scope(event)
        if scope.kind is NodeKind.BRANCH:
            scope.end(NodeStatus.SUCCEEDED, event.at)

    def _add_task_event(self, event: HistoryEvent) -> None:
        if event.type == "TaskCreated":
            self._tries[event.task_id] = task = _node(
                event, NodeKind.TRY, f"try {event.retry_count + 1}", resource=event.resource
            )
            task.status = NodeStatus.WAITING
            self._visits[event.activity_id].children.append(task)
        elif event.task_id in self._tries:
            _update_try(self._tries[event.task_id], event)

    def _add_iteration_event(self, event: HistoryEvent) -> None:
        iteration_id = f"{event.activity_id}/i{event.index}"
        if event.type == "IterationStarted":
            iteration = _node(event, NodeKind.ITERATION, f"item {event.index}")
            self._scopes[iteration_id] = iteration
            self._visits[event.activity_id].children.append(iteration)
        elif iteration_id in self._scopes:
            is_failed = event.type == "IterationFailed"
            status = NodeStatus.FAILED if is_failed else NodeStatus.SUCCEEDED
            self._scopes[iteration_id].end(status, event.at, event.error or "")

    def _add_fan_out_event(self, event: HistoryEvent) -> None:
        visit = self._visits.get(event.activity_id)
        if visit is None:
            return
        if event.type in {"ParallelStarted", "MapStarted"}:
            visit.total = event.total
            self._forget_children(visit, event)
        elif event.type == "FanOutFailed":
            visit.end(NodeStatus.FAILED, event.at, event.error or "")

    def _forget_children(self, visit: Node, event: HistoryEvent) -> None:
        """Set the children of an earlier try apart: those of a retry have the same ids."""
        visit.end_children(event.at, None)
        visit.outdated = len(visit.children)
        prefix = f"{event.activity_id}/"
        for scope_id in [each for each in self._scopes if each.startswith(prefix)]:
            del self._scopes[scope_id]


_END_STATUS: Final = {
    ExecutionStatus.SUCCEEDED: NodeStatus.SUCCEEDED,
    ExecutionStatus.FAILED: NodeStatus.FAILED,
    ExecutionStatus.CANCELED: NodeStatus.CANCELED,
    ExecutionStatus.TIMED_OUT: NodeStatus.TIMED_OUT,
}


def _end_status(event: HistoryEvent) -> NodeStatus:
    """Return how the execution ended; an end that is not known is a failure."""
    known = _END_STATUS.get(event.status) if event.status is not None else None
    return known or NodeStatus.FAILED


def _node(
    event: HistoryEvent, kind: NodeKind, label: str, *, state_type: str = "", resource: str = ""
) -> Node:
    return Node(
        kind=kind,
        label=label,
        started_at=event.at,
        began_at=event.at,
        state_type=state_type,
        resource=resource,
    )


def _status_of_completed(visit: Node) -> NodeStatus:
    """Tell a visit that went on by its Catch from one that did what it was to do."""
    is_caught = visit.status is NodeStatus.FAILED or any(
        child.has_failed for child in visit.children[-1:] if child.kind is NodeKind.TRY
    )
    return NodeStatus.CAUGHT if is_caught else NodeStatus.SUCCEEDED


def _update_try(task: Node, event: HistoryEvent) -> None:
    match event.type:
        case "TaskActivated":
            task.status, task.began_at = NodeStatus.RUNNING, event.at
            task.worker, task.delivery = event.worker, event.attempt
        case "TaskCompleted":
            task.end(NodeStatus.SUCCEEDED, event.at)
        case "TaskFailed":
            task.end(NodeStatus.FAILED, event.at, event.error or "")
        case "TaskTimedOut":
            task.end(NodeStatus.TIMED_OUT, event.at, event.error or "")
        case _:
            pass
