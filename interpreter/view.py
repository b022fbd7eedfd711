"""What deciding may read: the state of one partition, the time and the entropy of one command."""

from collections.abc import Iterable
from typing import Protocol

from stepraft.interpreter.contexts import (
    ActivityContext,
    ActivityWork,
    ChildContext,
    ExecutionContext,
    ExecutionKey,
    FanOutContext,
    TaskContext,
    TimerContext,
    WorkflowContext,
    WorkflowVersion,
)
from stepraft.interpreter.definition import Definition
from stepraft.interpreter.limits import Limits
from stepraft.interpreter.records import JsonText


class View(Protocol):
    """Reads give None for what is not there. What an earlier command of the same leader caused is
    seen.
    """

    @property
    def stamp(self) -> int:
        """The HLC of the command being decided."""

    @property
    def now_ms(self) -> int:
        """The same as Unix milliseconds."""

    @property
    def limits(self) -> Limits:
        """The limits to keep to."""

    def new_stamp(self) -> int:
        """Return a stamp above all earlier ones: for a new id."""

    def entropy(self) -> bytes:
        """Return 16 random bytes, others at each call."""

    def workflow(self, tenant: str, namespace: str, name: str) -> WorkflowContext | None:
        """Return the head of a workflow."""

    def workflow_version(
        self, tenant: str, namespace: str, name: str, version: int
    ) -> WorkflowVersion | None:
        """Return one version of a workflow."""

    def definition(self, execution: ExecutionContext) -> Definition:
        """Return the compiled definition that an execution runs by."""

    def execution(self, execution_id: str) -> ExecutionContext | None:
        """Return an execution."""

    def execution_input(self, execution_id: str) -> JsonText:
        """Return the input of an execution that is there."""

    def execution_by_key(self, tenant: str, namespace: str, key: str) -> ExecutionKey | None:
        """Return what an idempotency key stands for."""

    def execution_by_name(
        self, tenant: str, namespace: str, workflow: str, name: str
    ) -> ExecutionKey | None:
        """Return what the name of an execution of a workflow stands for."""

    def last_sequence(self, execution_id: str) -> int:
        """Return the length of an execution's history."""

    def activity(self, activity_id: str) -> ActivityContext | None:
        """Return an open visit of a state."""

    def work(self, activity_id: str) -> ActivityWork | None:
        """Return what an open visit waits for."""

    def fan_out(self, activity_id: str) -> FanOutContext | None:
        """Return how far an open Parallel or Map state is."""

    def items(self, activity_id: str) -> JsonText:
        """Return the items of an open Map state, a JSON array."""

    def child(self, scope: str) -> ChildContext | None:
        """Return a branch or an iteration."""

    def variables(self, scope: str) -> JsonText:
        """Return the variables of an open scope, a JSON object; empty bytes when it has none."""

    def activities_beneath(self, owner: str) -> Iterable[str]:
        """Return the ids of the open visits beneath an execution or activity, itself not among
        them.
        """

    def task(self, task_id: str) -> TaskContext | None:
        """Return an open task."""

    def task_input(self, task_id: str) -> JsonText:
        """Return the input of an open task."""

    def timer(self, timer_id: str) -> TimerContext | None:
        """Return an armed timer."""

    def secret(self) -> bytes | None:
        """Return the key that task tokens are signed with."""

    @property
    def feature_level(self) -> int:
        """The feature level of the cluster: what a higher one brought must not be written yet."""
