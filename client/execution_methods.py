"""What a client asks about executions."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final

from stepraft.client import messages
from stepraft.client.calls import Effect
from stepraft.client.documents import EMPTY_OBJECT, Json, dumps
from stepraft.client.methods import PAGE_SIZE, Methods, all_items
from stepraft.client.types import (
    Execution,
    ExecutionStatus,
    HistoryEvent,
    Page,
    StartedExecution,
)
from stepraft.v1 import executions_pb2

WAIT_STEP_S: Final = 30.0
"""How long one request of `wait_execution` waits at most; it asks again until its time is over."""


class ExecutionMethods(Methods):
    """Starts executions, reads and watches them, and ends them."""

    async def start_execution(
        self,
        workflow: str,
        input: Json = EMPTY_OBJECT,  # noqa: A002 - the language's own word
        *,
        version: int | None = None,
        name: str = "",
        idempotency_key: str = "",
    ) -> StartedExecution:
        """Start an execution of the newest version, or of `version`. It is safe once this returns.

        Repeated with the same `idempotency_key` (or `name`, unique in the workflow) it returns the
        same execution. Without either the client makes a key of its own for its tries.

        Errors: NotFoundError for an unknown workflow, ConflictError when the key or name stands for
        another request.
        """
        response = await self._calls.unary(
            lambda node: node.executions.StartExecution,
            executions_pb2.StartExecutionRequest(
                namespace=self._namespace,
                workflow=workflow,
                version=version or 0,
                name=name,
                idempotency_key=idempotency_key or ("" if name else uuid.uuid4().hex),
                input=dumps(input, "input"),
            ),
            Effect.SAME_WRITE,
        )
        return StartedExecution(
            execution_id=response.execution_id,
            started_at=messages.moment(response.started_at),
            existing=response.existing,
        )

    async def get_execution(self, execution_id: str, *, stale: bool = False) -> Execution:
        """Return an execution as it is now; if it may be `stale`: as the node that is asked has it.

        Errors: NotFoundError.
        """
        response = await self._calls.unary(
            lambda node: node.executions.GetExecution,
            executions_pb2.GetExecutionRequest(
                execution_id=execution_id, namespace=self._namespace, stale=stale
            ),
            Effect.READ,
        )
        return messages.execution(response.execution)

    def list_executions(
        self,
        *,
        workflow: str = "",
        statuses: Sequence[ExecutionStatus] = (),
        stale: bool = False,
    ) -> AsyncGenerator[Execution, None]:
        """Yield executions, newest first, without inputs and outputs; no filter means all."""

        async def page(token: str) -> Page[Execution]:
            return await self.list_executions_page(
                workflow=workflow, statuses=statuses, page_token=token, stale=stale
            )

        return all_items(page)

    async def list_executions_page(
        self,
        *,
        workflow: str = "",
        statuses: Sequence[ExecutionStatus] = (),
        page_size: int = PAGE_SIZE,
        page_token: str = "",
        stale: bool = False,
    ) -> Page[Execution]:
        """Return one page of executions, newest first; it may be shorter than `page_size`."""
        response = await self._calls.unary(
            lambda node: node.executions.ListExecutions,
            executions_pb2.ListExecutionsRequest(
                namespace=self._namespace,
                workflow=workflow,
                statuses=map(messages.status_value, statuses),
                page_size=page_size,
                page_token=page_token,
                stale=stale,
            ),
            Effect.READ,
        )
        executions = tuple(map(messages.execution, response.executions))
        return Page(executions, response.next_page_token)

    def history(
        self, execution_id: str, *, newest_first: bool = False, stale: bool = False
    ) -> AsyncGenerator[HistoryEvent, None]:
        """Yield what has happened in an execution.

        Errors: NotFoundError.
        """

        async def page(token: str) -> Page[HistoryEvent]:
            response = await self._calls.unary(
                lambda node: node.executions.GetHistory,
                executions_pb2.GetHistoryRequest(
                    execution_id=execution_id,
                    namespace=self._namespace,
                    page_size=PAGE_SIZE,
                    page_token=token,
                    newest_first=newest_first,
                    stale=stale,
                ),
                Effect.READ,
            )
            events = tuple(map(messages.history_event, response.events))
            return Page(events, response.next_page_token)

        return all_items(page)

    async def watch(
        self, execution_id: str, *, after_sequence: int = 0, stale: bool = False
    ) -> AsyncGenerator[HistoryEvent, None]:
        """Yield what has happened and what happens, each event once, until the execution ends.

        It goes on at another node when one fails. `after_sequence`: begin after that event. If it
        may be `stale`: as the node that is asked hears of it, with a leader or without.

        Errors: NotFoundError.
        """
        last = after_sequence

        def resume() -> executions_pb2.WatchExecutionRequest:
            return executions_pb2.WatchExecutionRequest(
                execution_id=execution_id,
                after_sequence=last,
                namespace=self._namespace,
                stale=stale,
            )

        watched = self._calls.stream(lambda node: node.executions.WatchExecution, resume)
        async with aclosing(watched) as events:
            async for event in events:
                last = event.sequence
                yield messages.history_event(event)

    async def cancel_execution(
        self, execution_id: str, *, error: str = "", cause: str = ""
    ) -> Execution:
        """End an execution from outside, and return it: CANCELING or CANCELED.

        Errors: NotFoundError, ConflictError when it has ended already.
        """
        response = await self._calls.unary(
            lambda node: node.executions.CancelExecution,
            executions_pb2.CancelExecutionRequest(
                execution_id=execution_id,
                error=error,
                cause=cause,
                namespace=self._namespace,
            ),
            Effect.NEW_WRITE,
        )
        return messages.execution(response.execution)

    async def wait_execution(
        self, execution_id: str, *, timeout_s: float | None = None, stale: bool = False
    ) -> Execution:
        """Return an execution when it has ended, or as it is after `timeout_s`; None waits on. If
        it may be `stale`: when the node that is asked has heard of the end.

        Errors: NotFoundError.
        """
        loop = asyncio.get_running_loop()
        deadline = None if timeout_s is None else loop.time() + timeout_s
        while True:
            remaining_s = WAIT_STEP_S if deadline is None else deadline - loop.time()
            if remaining_s <= 0.0:
                return await self.get_execution(execution_id, stale=stale)
            step_s = min(WAIT_STEP_S, remaining_s)
            response = await self._calls.unary(
                lambda node: node.executions.WaitExecution,
                executions_pb2.WaitExecutionRequest(
                    execution_id=execution_id,
                    timeout=messages.duration(step_s),
                    namespace=self._namespace,
                    stale=stale,
                ),
                Effect.READ,
                server_waits_s=step_s,
            )
            if response.ended:
                return messages.execution(response.execution)
