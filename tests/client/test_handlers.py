"""Handlers: which functions can be one, and what comes of calling them."""

import asyncio
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from stepraft.client import Json, TaskContext, TaskFailure
from stepraft.client.handlers import OUTPUT_BYTES_MAX, Completed, Failed, Handler, Outcome
from stepraft.client.threads import Threads
from stepraft.v1 import tasks_pb2


def context(task: tasks_pb2.Task | None = None) -> TaskContext:
    return TaskContext(task or tasks_pb2.Task(task_id="t1", attempt=2), lambda: None)


async def outcome(function: Callable[..., Any], task_input: Json = None) -> Outcome:
    threads = Threads()
    try:
        return await Handler("shop:do", function).run(task_input, context(), threads)
    finally:
        threads.close()


def plain(value: Json) -> Json:
    return {"got": value}


async def coroutine(value: Json) -> Json:
    return {"got": value}


def plain_with_context(value: Json, task: TaskContext) -> Json:
    return [value, task.task_id, task.attempt]


async def coroutine_with_context(value: Json, task: TaskContext) -> Json:
    return [value, task.task_id, task.attempt]


def optional_context(value: Json, context: TaskContext | None = None) -> Json:
    return [value, context is not None]


def with_option(value: Json, currency: str = "EUR") -> Json:
    return [value, currency]


def takes_rest(*values: Json) -> Json:
    return len(values)


class Callee:
    """Has a handler as a method, and is one."""

    def method(self, value: Json) -> Json:
        return {"got": value}

    async def __call__(self, value: Json) -> Json:
        return {"got": value}


@pytest.mark.parametrize(
    ("function", "output"),
    [
        pytest.param(plain, '{"got":7}', id="plain"),
        pytest.param(coroutine, '{"got":7}', id="async"),
        pytest.param(plain_with_context, '[7,"t1",2]', id="plain with context"),
        pytest.param(coroutine_with_context, '[7,"t1",2]', id="async with context"),
        pytest.param(optional_context, "[7,true]", id="optional context"),
        pytest.param(with_option, '[7,"EUR"]', id="another option stays as it is"),
        pytest.param(takes_rest, "1", id="any number of arguments"),
        pytest.param(Callee().method, '{"got":7}', id="method"),
        pytest.param(Callee(), '{"got":7}', id="object with async call"),
        pytest.param(partial(coroutine_with_context, 7), None, id="partial: one argument is left"),
        pytest.param(lambda value: None, "null", id="returns nothing"),
    ],
)
async def test_a_handler_takes_the_input_and_where_it_wants_the_context(
    function: Callable[..., Any], output: str | None
) -> None:
    if output is None:
        # The input stands where the context would: the function fails, and so does the task.
        result = await outcome(function, 7)
        assert isinstance(result, Failed)
        assert result.error == "AttributeError"
    else:
        assert await outcome(function, 7) == Completed(output)


@pytest.mark.parametrize(
    "function",
    [
        pytest.param(lambda: None, id="takes nothing"),
        pytest.param(lambda a, b, c: None, id="takes three"),
        pytest.param(lambda a, *, b: None, id="needs a keyword"),
    ],
)
def test_a_function_that_cannot_be_called_so_is_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match=r"^the handler of 'shop:do' must take \(input\) or"):
        Handler("shop:do", function)


def raising(error: BaseException) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return a plain and an async function that raise."""

    def fail(_: Json) -> Json:
        raise error

    async def fail_async(_: Json) -> Json:
        raise error

    return fail, fail_async


@pytest.mark.parametrize(
    ("error", "failed"),
    [
        pytest.param(
            TaskFailure("Card.Declined", "expired"), Failed("Card.Declined", "expired"), id="meant"
        ),
        pytest.param(TaskFailure("Card.Declined"), Failed("Card.Declined", ""), id="no cause"),
    ],
)
async def test_a_failure_that_is_meant_is_reported_as_it_is(
    error: TaskFailure, failed: Failed
) -> None:
    for function in raising(error):
        assert await outcome(function) == failed


@pytest.mark.parametrize(
    ("error", "name", "message"),
    [
        pytest.param(KeyError("sku"), "KeyError", "'sku'", id="exception"),
        pytest.param(asyncio.CancelledError(), "CancelledError", "", id="canceled by itself"),
        pytest.param(TimeoutError("bank"), "TimeoutError", "bank", id="timeout"),
    ],
)
async def test_any_other_exception_fails_the_task_by_its_name(
    error: BaseException, name: str, message: str
) -> None:
    for function in raising(error):
        result = await outcome(function)

        assert isinstance(result, Failed)
        assert result.error == name
        assert result.cause.startswith(message)
        assert "raise error" in result.cause


async def test_an_exit_in_a_plain_function_fails_its_task_alone() -> None:
    result = await outcome(lambda _: sys.exit(3))

    assert isinstance(result, Failed)
    assert result.error == "SystemExit"


async def test_a_message_without_a_utf_8_form_is_sent_all_the_same() -> None:
    result = await outcome(raising(OSError("no file \udcff"))[0])

    assert isinstance(result, Failed)
    assert result.cause.startswith("no file \\udcff\n")


async def test_a_long_error_name_is_cut_to_what_the_server_takes() -> None:
    assert await outcome(raising(TaskFailure("E" * 300))[0]) == Failed("E" * 256, "")


async def test_a_long_cause_is_cut_visibly() -> None:
    result = await outcome(raising(TaskFailure("Big", "x" * 50_000))[0])

    assert isinstance(result, Failed)
    assert result.cause.endswith("x\n... 42000 more")


@pytest.mark.parametrize(
    ("output", "error", "cause"),
    [
        pytest.param({1, 2}, "Worker.InvalidOutput", "not JSON serializable", id="no JSON"),
        pytest.param(float("nan"), "Worker.InvalidOutput", "not JSON compliant", id="not a number"),
        pytest.param(
            "x" * OUTPUT_BYTES_MAX,
            "States.DataLimitExceeded",
            f"the output has {OUTPUT_BYTES_MAX + 2} bytes",
            id="too large for a message",
        ),
    ],
)
async def test_an_output_that_cannot_be_sent_fails_the_task_and_says_why(
    output: Any, error: str, cause: str
) -> None:
    result = await outcome(lambda _: output)

    assert isinstance(result, Failed)
    assert result.error == error
    assert cause in result.cause


async def test_threads_are_used_again() -> None:
    threads = Threads()
    names = [await threads.run(lambda: threading.current_thread().name) for _ in range(5)]
    threads.close()

    assert names == ["stepraft-task-1"] * 5


async def test_as_many_threads_run_as_there_is_work() -> None:
    threads = Threads()
    together = threading.Barrier(4)

    # Each function waits for the three others.
    await asyncio.gather(*(threads.run(together.wait) for _ in range(4)))
    threads.close()
