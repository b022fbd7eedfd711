"""What is allowed: watches the committed log, each replica's machine and what the outside sees."""

from typing import Final

from msgspec import Struct, field

from stepraft.interpreter.contexts import due_ms
from stepraft.interpreter.events import (
    Event,
    ExecutionCanceling,
    ExecutionCompleted,
    ExecutionStarted,
    HistoryEvent,
    StateCanceled,
    TaskActivated,
    TaskCompleted,
    TaskCreated,
    TaskFailed,
    TaskTimedOut,
    TimerFired,
    execution_of,
)
from stepraft.interpreter.features import SUPPORTED
from stepraft.interpreter.hlc import physical_ms
from stepraft.interpreter.lifecycle import ENDED, LEGAL_CHANGES, ExecutionStatus
from stepraft.storage.entry import EntryKind, Group, decode_groups, decode_header

LEVEL_MAX: Final = SUPPORTED + 1
"""The feature level of the program that replicas are upgraded to in the course of a run."""


class Violation(Exception):
    """A promise is broken."""


def require(holds: bool, text: str) -> None:
    """Raise Violation unless something holds."""
    if not holds:
        raise Violation(text)


class Oracle(Struct):
    """The log as it must be read, told independently of the machine.

    `pending`: stamps of commands that nothing follows yet. `deliveries`: how often each open task
    was handed out. `results`: what ended each task. `statuses`: where each execution stands.
    `lengths`: how long each history is. `checksums`: of all replicas, by applied index.
    """

    epoch: int = 0
    number: int = 0
    stamp: int = 0
    pending: set[int] = field(default_factory=set)
    deliveries: dict[str, int] = field(default_factory=dict)
    delivered: set[tuple[str, int]] = field(default_factory=set)
    results: dict[str, Event] = field(default_factory=dict)
    statuses: dict[str, ExecutionStatus] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)
    checksums: dict[int, int] = field(default_factory=dict)

    # The committed log

    def committed(self, index: int, entry: bytes) -> None:
        """An entry is committed at `index`."""
        if not entry:
            return
        header = decode_header(entry)
        if header.kind is EntryKind.LEADER_STARTED:
            self.epoch, self.number = index, 0
        elif (header.epoch, header.number) == (self.epoch, self.number + 1):
            self.number += 1
            for group in decode_groups(entry):
                self._group(group)
            require(header.stamp > self.stamp, f"entry {index} goes back in time")
        self.stamp = max(self.stamp, header.stamp)

    def _group(self, group: Group) -> None:
        require(group.stamp > self.stamp, f"{group.cause} goes back in time")
        if group.follows:
            require(group.follows in self.pending, f"{group.cause} is followed twice")
            self.pending.remove(group.follows)
        for event, sequence in zip(group.events, group.sequences, strict=True):
            self._event(event)
            if isinstance(event, HistoryEvent):
                self._history(event, sequence)
        if group.cause == "FireTimer":
            self._timer(group)
        for command in group.next:
            require(command.stamp not in self.pending, "a stamp is given twice")
            self.pending.add(command.stamp)

    def _timer(self, group: Group) -> None:
        fired = group.events[0]
        assert isinstance(fired, TimerFired), "a timer that is due is fired first of all"
        require(physical_ms(group.stamp) >= due_ms(fired.timer_id), "a timer fires early")

    def _history(self, event: HistoryEvent, sequence: int) -> None:
        execution = execution_of(event)
        length = self.lengths.get(execution, 0)
        require(sequence == length + 1, f"event {sequence} comes after {length} of {execution}")
        ends = isinstance(event, ExecutionCompleted)
        require(ends or self.statuses[execution] not in ENDED, f"{execution} goes on after its end")
        self.lengths[execution] = sequence

    def _event(self, event: Event) -> None:
        match event:
            case ExecutionStarted():
                self._started(event)
            case ExecutionCanceling() | ExecutionCompleted():
                execution = event.execution
                old = self.statuses[execution.execution_id]
                require(
                    old == event.old_status and execution.status in LEGAL_CHANGES[old],
                    f"{execution.execution_id} goes from {old} to {execution.status}",
                )
                self.statuses[execution.execution_id] = execution.status
            case TaskCreated():
                require(event.task.task_id not in self.deliveries, "a task is created twice")
                self.deliveries[event.task.task_id] = 0
            case TaskActivated():
                self._activated(event)
            case TaskCompleted() | TaskFailed() | TaskTimedOut():
                self._over(event.task.task_id, event)
            case StateCanceled() if event.task is not None:
                self._over(event.task.task_id, event)

    def _started(self, event: ExecutionStarted) -> None:
        execution = event.execution.execution_id
        require(execution not in self.statuses, f"{execution} is started twice")
        self.statuses[execution] = event.execution.status
        if event.idempotency_key:
            require(event.idempotency_key not in self.keys, "a key starts two executions")
            self.keys[event.idempotency_key] = execution

    def _activated(self, event: TaskActivated) -> None:
        task = event.task
        require(task.task_id not in self.results, "a task that is over is handed out")
        expected = self.deliveries[task.task_id] + 1
        require(task.delivery == expected, f"delivery {task.delivery} is counted as {expected}")
        self.deliveries[task.task_id] = expected

    def _over(self, task_id: str, event: Event) -> None:
        require(task_id not in self.results, f"{task_id} is over twice")
        self.results[task_id] = event

    # The replicas

    def applied(self, index: int, checksum: int) -> None:
        """A replica has applied an entry."""
        first = self.checksums.setdefault(index, checksum)
        require(first == checksum, f"replicas differ at index {index}")

    # The outside

    def acknowledged_start(self, execution: str, key: str) -> None:
        """A client hears that its execution is started."""
        require(execution in self.statuses, "a start is acknowledged that is not committed")
        require(not key or self.keys[key] == execution, "one key gave two executions")

    def handed_out(self, task_id: str, delivery: int) -> None:
        """A worker gets a task."""
        committed = self.deliveries.get(task_id, 0)
        require(delivery <= committed, "a delivery that is not committed is handed out")
        require((task_id, delivery) not in self.delivered, "a delivery is handed out twice")
        self.delivered.add((task_id, delivery))

    def acknowledged_report(self, task_id: str, delivery: int, kind: type[Event]) -> None:
        """A worker hears that its report counts."""
        result = self.results.get(task_id)
        require(isinstance(result, kind), "a report is acknowledged that is not committed")
        assert isinstance(result, TaskCompleted | TaskFailed), "a worker reports these alone"
        require(result.task.delivery == delivery, "the report of a stale delivery counts")
