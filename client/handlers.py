"""Handlers: functions of the user that do one kind of task, and what comes of calling them."""

import asyncio
import inspect
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from stepraft.client.documents import Json, dumps
from stepraft.client.errors import DocumentError
from stepraft.client.task_context import TaskContext
from stepraft.client.threads import Threads

OUTPUT_BYTES_MAX: Final = 4_000_000
"""What fits into one message; the server's own limit for documents is lower as a rule."""
DATA_LIMIT_EXCEEDED: Final = "States.DataLimitExceeded"
INVALID_OUTPUT: Final = "Worker.InvalidOutput"
_ERROR_CHARACTERS_MAX: Final = 256
_CAUSE_CHARACTERS_MAX: Final = 8_000
_FRAMES: Final = 4


class TaskFailure(Exception):
    """Raised by a handler: the task failed with an error that Retry and Catch can match."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(f"{error}: {cause}" if cause else error)
        self.error = error
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Completed:
    """The work is done; `output` is JSON text."""

    output: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The work failed: the error's name, and its cause for people."""

    error: str
    cause: str


Outcome: TypeAlias = Completed | Failed


class Handler:
    """A function for the tasks of one resource: `(input)` or `(input, context)`, async or plain.

    Errors: TypeError when the function cannot be called so.
    """

    def __init__(self, resource: str, function: Callable[..., Any]) -> None:
        self.resource = resource
        self.is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
            getattr(function, "__call__", None)  # noqa: B004 - an object with an async __call__
        )
        self._function = function
        self._takes_context = _takes_context(resource, function)

    async def run(self, task_input: Json, context: TaskContext, threads: Threads) -> Outcome:
        """Return what came of one call. A canceled async handler ends with CancelledError."""
        if not self.is_async:
            return await threads.run(lambda: self._call(task_input, context))
        try:
            return _completed(await self._function(*self._arguments(task_input, context)))
        except asyncio.CancelledError as error:
            if context.canceled:
                raise
            # Something that the handler awaited was canceled, not the handler.
            return _failed(error)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises fails its task
            return _failed(error)

    def _call(self, task_input: Json, context: TaskContext) -> Outcome:
        try:
            return _completed(self._function(*self._arguments(task_input, context)))
        except BaseException as error:  # noqa: BLE001 - even sys.exit() fails the task alone
            return _failed(error)

    def _arguments(self, task_input: Json, context: TaskContext) -> tuple[Any, ...]:
        return (task_input, context) if self._takes_context else (task_input,)


def _takes_context(resource: str, function: Callable[..., Any]) -> bool:
    """Whether the function wants the context: a second argument that it needs, or calls so."""
    parameters = inspect.signature(function).parameters.values()
    positional = [
        parameter
        for parameter in parameters
        if parameter.kind in {parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD}
    ]
    required = [parameter for parameter in positional if parameter.default is parameter.empty]
    needs_keyword = any(
        parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty
        for parameter in parameters
    )
    takes_rest = any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters)
    if needs_keyword or len(required) > 2 or not (positional or takes_rest):
        raise TypeError(
            f"the handler of {resource!r} must take (input) or (input, context), "
            f"not {inspect.signature(function)}"
        )
    return len(required) == 2 or (len(positional) > 1 and positional[1].name == "context")


def _completed(output: Json) -> Outcome:
    try:
        text = dumps(output, "the output")
    except DocumentError as error:
        return Failed(INVALID_OUTPUT, str(error))
    size = len(text.encode())
    if size > OUTPUT_BYTES_MAX:
        return Failed(
            DATA_LIMIT_EXCEEDED,
            f"the output has {size} bytes, more than the {OUTPUT_BYTES_MAX} of a message",
        )
    return Completed(text)


def _failed(error: BaseException) -> Failed:
    """Return a failure as the handler meant it, else the exception's class, message and trace."""
    if isinstance(error, TaskFailure):
        return Failed(_sendable(error.error)[:_ERROR_CHARACTERS_MAX], _shortened(error.cause))
    trace = "".join(traceback.format_exception(error, limit=-_FRAMES))
    return Failed(type(error).__name__, _shortened(f"{error}\n\n{trace}".strip()))


def _shortened(cause: str) -> str:
    text = _sendable(cause)
    if len(text) <= _CAUSE_CHARACTERS_MAX:
        return text
    return f"{text[:_CAUSE_CHARACTERS_MAX]}\n... {len(text) - _CAUSE_CHARACTERS_MAX} more"


def _sendable(text: str) -> str:
    """Return a text that has a UTF-8 form: messages may quote file names that have none."""
    return text.encode(errors="backslashreplace").decode()
