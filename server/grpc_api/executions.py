"""ExecutionService: one method for each RPC."""

# ruff: noqa: N802 - the methods have the names of their RPCs

from collections.abc import AsyncIterator
from contextlib import aclosing

from stepraft.server.grpc_api import convert
from stepraft.server.grpc_api.errors import Context
from stepraft.server.grpc_api.history import history_event
from stepraft.server.service.callers import ANYBODY, within
from stepraft.server.service.executions import Executions, ListFilter, StartRequest
from stepraft.server.service.pages import PageRequest
from stepraft.v1 import executions_pb2 as pb
from stepraft.v1.executions_pb2_grpc import ExecutionServiceServicer


class ExecutionServicer(ExecutionServiceServicer):
    """Starts executions, watches and ends them."""

    def __init__(self, executions: Executions) -> None:
        self._executions = executions

    async def StartExecution(
        self, request: pb.StartExecutionRequest, context: Context
    ) -> pb.StartExecutionResponse:
        started = await self._executions.start(
            ANYBODY,
            StartRequest(
                request.namespace,
                request.workflow,
                request.version,
                request.name,
                request.idempotency_key,
                request.input,
            ),
        )
        return pb.StartExecutionResponse(
            execution_id=started.execution_id,
            started_at=convert.moment(started.started_at),
            existing=started.existing,
        )

    async def GetExecution(
        self, request: pb.GetExecutionRequest, context: Context
    ) -> pb.GetExecutionResponse:
        view = await self._executions.get(
            within(request.namespace), request.execution_id, stale=request.stale
        )
        return pb.GetExecutionResponse(execution=convert.execution(view))

    async def ListExecutions(
        self, request: pb.ListExecutionsRequest, context: Context
    ) -> pb.ListExecutionsResponse:
        statuses = tuple(map(convert.status_of, request.statuses))
        page = await self._executions.list_page(
            ANYBODY,
            ListFilter(request.namespace, request.workflow, statuses),
            PageRequest(request.page_size, request.page_token),
            stale=request.stale,
        )
        return pb.ListExecutionsResponse(
            executions=map(convert.execution, page.items), next_page_token=page.next_token
        )

    async def GetHistory(
        self, request: pb.GetHistoryRequest, context: Context
    ) -> pb.GetHistoryResponse:
        page = await self._executions.history(
            within(request.namespace),
            request.execution_id,
            PageRequest(request.page_size, request.page_token),
            newest_first=request.newest_first,
            stale=request.stale,
        )
        return pb.GetHistoryResponse(
            events=map(history_event, page.items), next_page_token=page.next_token
        )

    async def WatchExecution(
        self, request: pb.WatchExecutionRequest, context: Context
    ) -> AsyncIterator[pb.HistoryEvent]:
        watching = self._executions.watch(
            within(request.namespace),
            request.execution_id,
            request.after_sequence,
            stale=request.stale,
        )
        async with aclosing(watching):
            async for items in watching:
                for item in items:
                    yield history_event(item)

    async def CancelExecution(
        self, request: pb.CancelExecutionRequest, context: Context
    ) -> pb.CancelExecutionResponse:
        view = await self._executions.cancel(
            within(request.namespace), request.execution_id, request.error, request.cause
        )
        return pb.CancelExecutionResponse(execution=convert.execution(view))

    async def WaitExecution(
        self, request: pb.WaitExecutionRequest, context: Context
    ) -> pb.WaitExecutionResponse:
        timeout_s = convert.milliseconds(request.timeout, "timeout") / 1000
        view = await self._executions.wait(
            within(request.namespace), request.execution_id, timeout_s, stale=request.stale
        )
        return pb.WaitExecutionResponse(execution=convert.execution(view), ended=view.is_ended)
