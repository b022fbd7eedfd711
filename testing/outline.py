"""A history as short lines: one event each, with what tells it from another."""

from collections.abc import Iterable

from stepraft.interpreter import ids
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
from stepraft.storage.rows import HistoryRow


def outline(history: Iterable[HistoryRow]) -> list[str]:
    """Return a line for each event: its type, its state or place, its document or error.

    `StateCompleted A {"x":1} -> B` left A for B; `IterationStarted M[0] 7` began the first item of
    M; `TaskActivated T #2` handed T's task out for the second time.
    """
    return [f"{type(row.event).__name__} {_detail(row.event)}".rstrip() for row in history]


def _detail(event: HistoryEvent) -> str:
    match event:
        case ExecutionStarted():
            return event.input.decode()
        case ExecutionCompleted():
            execution = event.execution
            ending = (
                event.output.decode() if event.output else _error(execution.error, execution.cause)
            )
            return f"{execution.status} {ending}"
        case StateStarted():
            return f"{event.state_name} {event.input.decode()}"
        case StateCompleted():
            return f"{event.state_name} {event.output.decode()} -> {event.next_state or 'end'}"
        case TaskCreated():
            return f"{event.task.state_name} {event.input.decode()}"
        case TaskActivated():
            return f"{event.task.state_name} #{event.task.delivery}"
        case TaskCompleted():
            return f"{event.task.state_name} {event.output.decode()}"
        case TaskFailed():
            return f"{event.task.state_name} {_error(event.error, event.cause)}"
        case TaskTimedOut():
            return f"{event.task.state_name} {event.error}"
        case ParallelStarted() | MapStarted():
            return f"{event.fan_out.total}"
        case FanOutSucceeded():
            return f"{event.fan_out.kind}"
        case FanOutFailed():
            return f"{event.kind} {_error(event.error, event.cause)}"
        case IterationStarted():
            return f"{_place(event)} {event.input.decode()}"
        case IterationCompleted():
            return f"{_place(event)} {event.output.decode()}"
        case IterationFailed():
            return f"{_place(event)} {_error(event.error, event.cause)}"
        case EvaluationFailed():
            return f"{event.state_name} {event.location} {_error(event.error, event.cause)}"


def _place(event: IterationStarted | IterationCompleted | IterationFailed) -> str:
    return f"{event.state_name}[{ids.index_of(event.iteration_id)}]"


def _error(error: str | None, cause: str | None) -> str:
    texts = [text for text in (error, cause) if text is not None]
    return ": ".join(texts)
