"""A history as AWS's GetExecutionHistory tells it: its event types, details and ids.

The events correspond one for one, in order, so that an event's sequence is its id. What has to be
worked out is the event that each one points back to: the one before it in its scope, with the rules
for Parallel and Map below.

Source: https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stepraft.client import ExecutionStatus, HistoryEvent

ROLE_ARN = "arn:aws:iam::000000000000:role/conformance"
"""The role that a caller of AWS would have named; this view's reader names none."""
REGION = "us-east-1"

States = Mapping[str, Mapping[str, Any]]
Details = tuple[str, dict[str, Any]] | None
"""The name of the details without its EventDetails, and what they say; None: there are none."""


def aws_history(events: Sequence[HistoryEvent], states: States) -> list[dict[str, Any]]:
    """Return the history of one execution; `states` are those of its definition, by name."""
    view = _View(states)
    return [view.told(event) for event in events]


@dataclass(frozen=True)
class _Kind:
    """How AWS calls a task: `prefix` begins its events, `service` is empty but for integrations."""

    prefix: str
    service: str = ""
    action: str = ""


def task_kind(resource: str) -> _Kind:
    """Return what a resource is to AWS; whatever it does not know is work for an activity's worker.

    >>> task_kind("arn:aws:states:::aws-sdk:s3:getObject")
    _Kind(prefix='Task', service='aws-sdk:s3', action='getObject')
    """
    parts = resource.split(":")
    if parts[:1] != ["arn"]:
        return _Kind("Activity")
    if parts[2:3] == ["lambda"]:
        return _Kind("LambdaFunction")
    if parts[2:5] == ["states", "", ""]:
        length = 2 if parts[5] == "aws-sdk" else 1
        return _Kind("Task", ":".join(parts[5 : 5 + length]), ":".join(parts[5 + length :]))
    return _Kind("Activity")


class _View:
    """Goes through a history and remembers what later events point back to."""

    def __init__(self, states: States) -> None:
        self._states = states
        self._last: dict[str, int] = {}
        """The event that the next one of a scope points to, by scope."""
        self._before: dict[str, tuple[int, int]] = {}
        """The event at which an activity was entered, and the one before it, by activity."""
        self._types: dict[str, str] = {}
        """The type of the state that an activity visits."""

    def told(self, event: HistoryEvent) -> dict[str, Any]:
        """Return one event as AWS tells it."""
        kind, details = _TELLERS[event.type](self, event)
        told = {
            "id": event.sequence,
            "previousEventId": self._previous(event),
            "type": kind,
            "timestamp": event.at,
        }
        if details is not None:
            told[f"{details[0]}EventDetails"] = details[1]
        return told

    def _previous(self, event: HistoryEvent) -> int:
        """Return what the event points to, and note what the next ones will.

        The end of an iteration and the success of a fan-out are not pointed to by what follows in
        the same line of work: the next iteration points to the last state of the one that made room
        for it, and the exit of a Map to the end of its last iteration.
        """
        scope, sequence = event.scope_id, event.sequence
        match event.type:
            case "ExecutionStarted":
                self._last[scope] = 0
                return 0
            case "ParallelStarted" | "MapStarted":
                self._forget_beneath(event.activity_id)
                self._last[event.activity_id] = sequence
            case "IterationStarted":
                previous = self._last[event.activity_id]
                self._last[scope] = sequence
                return previous
            case "IterationCompleted" | "IterationFailed":
                previous = self._last[scope]
                self._last[event.activity_id] = previous
                is_completed = event.type == "IterationCompleted"
                self._last[_owner(event.activity_id)] = sequence if is_completed else previous
                return previous
            case "FanOutSucceeded":
                return self._last[scope]
            case "StateStarted":
                self._before[event.activity_id] = (
                    sequence,
                    self._last.get(scope, self._last.get(_owner(scope), 0)),
                )
            case "EvaluationFailed" if self._types[event.activity_id] != "Wait":
                entered, before = self._before[event.activity_id]
                previous = before if self._last[scope] == entered else self._last[scope]
                self._last[scope] = sequence
                return previous
            case _:
                pass
        previous = self._last.setdefault(scope, self._last.get(_owner(scope), 0))
        self._last[scope] = sequence
        if _is_branch(scope):
            self._last[_owner(_owner(scope))] = sequence
        return previous

    def _forget_beneath(self, activity_id: str) -> None:
        """A retry runs the branches or iterations of the same ids again."""
        for scope in [scope for scope in self._last if scope.startswith(f"{activity_id}/")]:
            del self._last[scope]

    # What each type becomes

    def execution_started(self, event: HistoryEvent) -> tuple[str, Details]:
        """The input, and the role that the execution has."""
        details = {**_input(event), "roleArn": ROLE_ARN}
        return "ExecutionStarted", ("executionStarted", details)

    def execution_completed(self, event: HistoryEvent) -> tuple[str, Details]:
        """How it ended."""
        if event.status is ExecutionStatus.SUCCEEDED:
            return "ExecutionSucceeded", ("executionSucceeded", _output(event))
        end = _ENDS[event.status]
        return f"Execution{end}", (f"execution{end}", _error(event))

    def state_started(self, event: HistoryEvent) -> tuple[str, Details]:
        """A visit begins."""
        self._types[event.activity_id] = event.state_type
        details = {"name": event.state_name, **_input(event)}
        return f"{event.state_type}StateEntered", ("stateEntered", details)

    def state_completed(self, event: HistoryEvent) -> tuple[str, Details]:
        """A visit ends; variables are told as the text of each."""
        details = {"name": event.state_name, **_output(event)}
        if isinstance(event.variables, dict) and event.variables:
            texts = {name: _text(value) for name, value in event.variables.items()}
            details |= {"assignedVariables": texts, "assignedVariablesDetails": _WHOLE}
        return f"{event.state_type}StateExited", ("stateExited", details)

    def task_created(self, event: HistoryEvent) -> tuple[str, Details]:
        """A task is scheduled, with what its state says of time and credentials."""
        kind = task_kind(event.resource)
        if kind.service:
            details = {**_integration(kind), "region": REGION, "parameters": _text(event.input)}
        else:
            details = {"resource": event.resource, **_input(event)}
        limits = (("timeoutInSeconds", event.timeout_s), ("heartbeatInSeconds", event.heartbeat_s))
        details |= {name: seconds for name, seconds in limits if seconds}
        if isinstance(event.credentials, dict) and "RoleArn" in event.credentials:
            details["taskCredentials"] = {"roleArn": event.credentials["RoleArn"]}
        return self._task(event, "Scheduled", details)

    def task_activated(self, event: HistoryEvent) -> tuple[str, Details]:
        """A worker has it."""
        kind = task_kind(event.resource)
        if kind.prefix == "LambdaFunction":
            return "LambdaFunctionStarted", None
        return self._task(event, "Started", _integration(kind) or {"workerName": event.worker})

    def evaluation_failed(self, event: HistoryEvent) -> tuple[str, Details]:
        """An expression failed."""
        details = {**_error(event), "location": event.location, "state": event.state_name}
        return "EvaluationFailed", ("evaluationFailed", details)

    def task_completed(self, event: HistoryEvent) -> tuple[str, Details]:
        """It has a result."""
        return self._task(
            event, "Succeeded", {**_integration(task_kind(event.resource)), **_output(event)}
        )

    def task_failed(self, event: HistoryEvent) -> tuple[str, Details]:
        """It failed."""
        return self._task(
            event, "Failed", {**_integration(task_kind(event.resource)), **_error(event)}
        )

    def task_timed_out(self, event: HistoryEvent) -> tuple[str, Details]:
        """It took too long."""
        return self._task(
            event, "TimedOut", {**_integration(task_kind(event.resource)), **_error(event)}
        )

    def _task(
        self, event: HistoryEvent, suffix: str, details: dict[str, Any]
    ) -> tuple[str, Details]:
        kind = task_kind(event.resource).prefix + suffix
        return kind, (kind[0].lower() + kind[1:], details)

    def parallel_started(self, event: HistoryEvent) -> tuple[str, Details]:
        """The branches begin."""
        return "ParallelStateStarted", None

    def map_started(self, event: HistoryEvent) -> tuple[str, Details]:
        """The iterations begin."""
        return "MapStateStarted", ("mapStateStarted", {"length": event.total})

    def iteration(self, event: HistoryEvent) -> tuple[str, Details]:
        """An iteration begins or ends."""
        end = event.type.removeprefix("Iteration").replace("Completed", "Succeeded")
        details = {"name": event.state_name, "index": event.index}
        return f"MapIteration{end}", (f"mapIteration{end}", details)

    def fan_out(self, event: HistoryEvent) -> tuple[str, Details]:
        """A Parallel or Map state has all its results, or none."""
        end = event.type.removeprefix("FanOut")
        return f"{self._types[event.activity_id]}State{end}", None


_TELLERS: Mapping[str, Callable[[_View, HistoryEvent], tuple[str, Details]]] = {
    "ExecutionStarted": _View.execution_started,
    "ExecutionCompleted": _View.execution_completed,
    "StateStarted": _View.state_started,
    "StateCompleted": _View.state_completed,
    "TaskCreated": _View.task_created,
    "TaskActivated": _View.task_activated,
    "TaskCompleted": _View.task_completed,
    "TaskFailed": _View.task_failed,
    "TaskTimedOut": _View.task_timed_out,
    "ParallelStarted": _View.parallel_started,
    "MapStarted": _View.map_started,
    "IterationStarted": _View.iteration,
    "IterationCompleted": _View.iteration,
    "IterationFailed": _View.iteration,
    "FanOutSucceeded": _View.fan_out,
    "FanOutFailed": _View.fan_out,
    "EvaluationFailed": _View.evaluation_failed,
}

_ENDS: Mapping[ExecutionStatus | None, str] = {
    ExecutionStatus.FAILED: "Failed",
    ExecutionStatus.CANCELED: "Aborted",
    ExecutionStatus.TIMED_OUT: "TimedOut",
}

_WHOLE = {"truncated": False}


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _input(event: HistoryEvent) -> dict[str, Any]:
    return {"input": _text(event.input), "inputDetails": _WHOLE}


def _output(event: HistoryEvent) -> dict[str, Any]:
    return {"output": _text(event.output), "outputDetails": _WHOLE}


def _error(event: HistoryEvent) -> dict[str, Any]:
    named = {"error": event.error, "cause": event.cause}
    return {name: text for name, text in named.items() if text is not None}


def _integration(kind: _Kind) -> dict[str, Any]:
    return {"resourceType": kind.service, "resource": kind.action} if kind.service else {}


def _owner(identifier: str) -> str:
    return identifier.rpartition("/")[0]


def _is_branch(scope: str) -> bool:
    """Whether a scope is a branch; an execution's id ends in hexadecimal digits, too, but 16."""
    last = scope.rpartition("/")[2]
    return last.startswith("b") and len(last) < 16
