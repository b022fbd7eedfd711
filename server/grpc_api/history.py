"""Events of a history as flat messages: a field that does not apply is empty."""

from typing import Any, assert_never

from stepraft.interpreter import ids
from stepraft.interpreter.contexts import TaskContext
from stepraft.interpreter.events import (
    EvaluationFailed,
    ExecutionCompleted,
    ExecutionStarted,
    FanOutFailed,
    FanOutSucceeded,
    HistoryEvent,
    IterationCompleted,
    IterationFailed,
    IterationStarted,
    MapStarted,
    ParallelStarted,
    StateCompleted,
    StateStarted,
    TaskActivated,
    TaskCompleted,
    TaskCreated,
    TaskFailed,
    TaskTimedOut,
)
from stepraft.interpreter.hlc import physical_ms
from stepraft.server.grpc_api.convert import STATUSES, moment
from stepraft.server.service.executions import HistoryItem
from stepraft.v1 import executions_pb2


def history_event(item: HistoryItem) -> executions_pb2.HistoryEvent:
    """Return one event with its place in the history."""
    event = item.row.event
    return executions_pb2.HistoryEvent(
        sequence=item.sequence,
        at=moment(item.row.at),
        hlc=item.row.at,
        type=type(event).__name__,
        **_fields(event),
    )


def _fields(event: HistoryEvent) -> dict[str, Any]:
    match event:
        case ExecutionStarted():
            return {"scope_id": event.execution.execution_id, "input": event.input.decode()}
        case ExecutionCompleted():
            return _execution_completed(event)
        case StateStarted():
            return _visit(event.activity_id) | {
                "state_name": event.state_name,
                "state_type": event.state_type,
                "input": event.input.decode(),
            }
        case StateCompleted():
            return _visit(event.activity_id) | {
                "state_name": event.state_name,
                "state_type": event.state_type,
                "next_state": event.next_state or "",
                "output": event.output.decode(),
                "variables": event.assigned.decode(),
            }
        case TaskCreated():
            return _task(event.task) | _limits(event.task) | {"input": event.input.decode()}
        case TaskActivated():
            return _task(event.task)
        case TaskCompleted():
            return _task(event.task) | {"output": event.output.decode()}
        case TaskFailed():
            return _task(event.task) | {"error": event.error, "cause": event.cause}
        case TaskTimedOut():
            return _task(event.task) | {"error": event.error}
        case ParallelStarted():
            return _visit(event.activity_id) | {"total": event.fan_out.total}
        case MapStarted():
            return _visit(event.activity_id) | {
                "total": event.fan_out.total,
                "input": event.items.decode(),
            }
        case IterationStarted():
            return _iteration(event) | {"input": event.input.decode()}
        case IterationCompleted():
            return _iteration(event) | {"output": event.output.decode()}
        case IterationFailed():
            return _iteration(event) | {"error": event.error, "cause": event.cause}
        case FanOutSucceeded():
            return _visit(event.activity_id) | {"total": event.fan_out.total}
        case FanOutFailed():
            return _visit(event.activity_id) | {
                "total": event.fan_out.total if event.fan_out is not None else 0,
                "error": event.error,
                "cause": event.cause,
            }
        case EvaluationFailed():
            return _visit(event.activity_id) | {
                "state_name": event.state_name,
                "error": event.error,
                "cause": event.cause,
                "location": event.location,
            }
        case _:
            assert_never(event)


def _execution_completed(event: ExecutionCompleted) -> dict[str, Any]:
    return {
        "scope_id": event.execution.execution_id,
        "output": event.output.decode(),
        "status": STATUSES[event.execution.status],
        "error": event.execution.error,
        "cause": event.execution.cause,
    }


def _visit(activity_id: str) -> dict[str, Any]:
    return {"scope_id": ids.owner(activity_id), "activity_id": activity_id}


def _iteration(event: IterationStarted | IterationCompleted | IterationFailed) -> dict[str, Any]:
    return {
        "scope_id": event.iteration_id,
        "activity_id": ids.owner(event.iteration_id),
        "state_name": event.state_name,
        "index": ids.index_of(event.iteration_id),
    }


def _limits(task: TaskContext) -> dict[str, Any]:
    """What the state says of the task's time and of whose rights it is to use."""
    created_ms = physical_ms(task.created_at)
    return {
        "timeout_s": (task.timeout_deadline_ms - created_ms) // 1000 if task.timer_id else 0,
        "heartbeat_s": task.heartbeat_s,
        "credentials": task.credentials.decode(),
    }


def _task(task: TaskContext) -> dict[str, Any]:
    return _visit(task.activity_id) | {
        "state_name": task.state_name,
        "task_id": task.task_id,
        "resource": task.resource,
        "attempt": task.delivery,
        "retry_count": task.retry_count,
        "worker": task.worker,
    }
