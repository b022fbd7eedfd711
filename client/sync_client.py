"""The blocking client: the same methods as `Client`, for code without an event loop."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Coroutine, Generator, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from stepraft.client.client import Client
from stepraft.client.documents import EMPTY_OBJECT, Json
from stepraft.client.methods import PAGE_SIZE
from stepraft.client.tls import TlsFiles
from stepraft.client.types import (
    BackupHead,
    ClusterStatus,
    Diagnostic,
    Execution,
    ExecutionStatus,
    HeartbeatResult,
    HistoryEvent,
    Page,
    PutWorkflowResult,
    StartedExecution,
    Task,
    Workflow,
)

Result = TypeVar("Result")


class _End:
    """Stands behind the last item of an iteration."""


class SyncClient:
    """Asks a cluster, and blocks until it answers.

        with SyncClient("127.0.0.1:7400") as client:
            started = client.start_execution("orders", {"order_id": "A-17"})
            print(client.wait_execution(started.execution_id).output)

    Arguments, answers and errors are those of `Client`; listings and `watch` are plain iterators.
    It may be used from many threads. A thread of its own runs the event loop until `close`.
    """

    def __init__(
        self,
        addresses: str | Sequence[str],
        *,
        namespace: str = "default",
        timeout_s: float = 30.0,
        tls: TlsFiles | None = None,
    ) -> None:
        self._client = Client(addresses, namespace=namespace, timeout_s=timeout_s, tls=tls)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="stepraft-client", daemon=True
        )
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections and end the thread; closing twice does no harm."""
        if self._loop.is_closed():
            return
        self._run(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # Workflows

    def put_workflow(
        self, name: str, definition: str | dict[str, Json], *, description: str = ""
    ) -> PutWorkflowResult:
        """See `Client.put_workflow`."""
        return self._run(self._client.put_workflow(name, definition, description=description))

    def get_workflow(
        self, name: str, *, version: int | None = None, stale: bool = False
    ) -> Workflow:
        """See `Client.get_workflow`."""
        return self._run(self._client.get_workflow(name, version=version, stale=stale))

    def list_workflows(self, *, stale: bool = False) -> Generator[Workflow, None, None]:
        """See `Client.list_workflows`."""
        return self._each(self._client.list_workflows(stale=stale))

    def list_workflow_versions(
        self, name: str, *, stale: bool = False
    ) -> Generator[Workflow, None, None]:
        """See `Client.list_workflow_versions`."""
        return self._each(self._client.list_workflow_versions(name, stale=stale))

    def validate_workflow(self, definition: str | dict[str, Json]) -> tuple[Diagnostic, ...]:
        """See `Client.validate_workflow`."""
        return self._run(self._client.validate_workflow(definition))

    # Executions

    def start_execution(
        self,
        workflow: str,
        input: Json = EMPTY_OBJECT,  # noqa: A002 - the language's own word
        *,
        version: int | None = None,
        name: str = "",
        idempotency_key: str = "",
    ) -> StartedExecution:
        """See `Client.start_execution`."""
        return self._run(
            self._client.start_execution(
                workflow, input, version=version, name=name, idempotency_key=idempotency_key
            )
        )

    def get_execution(self, execution_id: str, *, stale: bool = False) -> Execution:
        """See `Client.get_execution`."""
        return self._run(self._client.get_execution(execution_id, stale=stale))

    def list_executions(
        self,
        *,
        workflow: str = "",
        statuses: Sequence[ExecutionStatus] = (),
        stale: bool = False,
    ) -> Generator[Execution, None, None]:
        """See `Client.list_executions`."""
        return self._each(
            self._client.list_executions(workflow=workflow, statuses=statuses, stale=stale)
        )

    def list_executions_page(
        self,
        *,
        workflow: str = "",
        statuses: Sequence[ExecutionStatus] = (),
        page_size: int = PAGE_SIZE,
        page_token: str = "",
        stale: bool = False,
    ) -> Page[Execution]:
        """See `Client.list_executions_page`."""
        return self._run(
            self._client.list_executions_page(
                workflow=workflow,
                statuses=statuses,
                page_size=page_size,
                page_token=page_token,
                stale=stale,
            )
        )

    def history(
        self, execution_id: str, *, newest_first: bool = False, stale: bool = False
    ) -> Generator[HistoryEvent, None, None]:
        """See `Client.history`."""
        return self._each(
            self._client.history(execution_id, newest_first=newest_first, stale=stale)
        )

    def watch(
        self, execution_id: str, *, after_sequence: int = 0, stale: bool = False
    ) -> Generator[HistoryEvent, None, None]:
        """See `Client.watch`."""
        return self._each(
            self._client.watch(execution_id, after_sequence=after_sequence, stale=stale)
        )

    def cancel_execution(self, execution_id: str, *, error: str = "", cause: str = "") -> Execution:
        """See `Client.cancel_execution`."""
        return self._run(self._client.cancel_execution(execution_id, error=error, cause=cause))

    def wait_execution(
        self, execution_id: str, *, timeout_s: float | None = None, stale: bool = False
    ) -> Execution:
        """See `Client.wait_execution`."""
        return self._run(
            self._client.wait_execution(execution_id, timeout_s=timeout_s, stale=stale)
        )

    # Tasks

    def poll_tasks(
        self,
        resources: Sequence[str],
        *,
        worker_id: str,
        max_tasks: int = 1,
        wait_s: float = 20.0,
        lease_s: float | None = None,
    ) -> tuple[Task, ...]:
        """See `Client.poll_tasks`."""
        return self._run(
            self._client.poll_tasks(
                resources, worker_id=worker_id, max_tasks=max_tasks, wait_s=wait_s, lease_s=lease_s
            )
        )

    def complete_task(self, token: bytes, output: Json) -> None:
        """See `Client.complete_task`."""
        self._run(self._client.complete_task(token, output))

    def fail_task(self, token: bytes, error: str, cause: str = "") -> None:
        """See `Client.fail_task`."""
        self._run(self._client.fail_task(token, error, cause))

    def heartbeat_task(self, token: bytes) -> HeartbeatResult:
        """See `Client.heartbeat_task`."""
        return self._run(self._client.heartbeat_task(token))

    def hand_back_task(self, token: bytes) -> None:
        """See `Client.hand_back_task`."""
        self._run(self._client.hand_back_task(token))

    # The cluster

    def cluster_status(self) -> ClusterStatus:
        """See `Client.cluster_status`."""
        return self._run(self._client.cluster_status())

    def add_node(self, node_id: str, *, raft_address: str, grpc_address: str) -> None:
        """See `Client.add_node`."""
        self._run(
            self._client.add_node(node_id, raft_address=raft_address, grpc_address=grpc_address)
        )

    def remove_node(self, node_id: str) -> None:
        """See `Client.remove_node`."""
        self._run(self._client.remove_node(node_id))

    def update_node(self, node_id: str, *, raft_address: str, grpc_address: str) -> None:
        """See `Client.update_node`."""
        self._run(
            self._client.update_node(node_id, raft_address=raft_address, grpc_address=grpc_address)
        )

    def transfer_leadership(self, node_id: str = "") -> None:
        """See `Client.transfer_leadership`."""
        self._run(self._client.transfer_leadership(node_id))

    def backup(self) -> Generator[BackupHead | bytes, None, None]:
        """See `Client.backup`."""
        return self._each(self._client.backup())

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        if self._loop.is_closed():
            work.close()
            raise RuntimeError("the client is closed")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            # A Ctrl-C here must end the work there.
            future.cancel()
            raise

    def _each(self, items: AsyncGenerator[Result, None]) -> Generator[Result, None, None]:
        # A step that a Ctrl-C canceled may not have ended when the iteration is closed.
        turn = asyncio.Lock()

        async def step() -> Result | _End:
            async with turn:
                return await anext(items, _End())

        async def end() -> None:
            async with turn:
                await items.aclose()

        try:
            while not isinstance(item := self._run(step()), _End):
                yield item
        finally:
            # An iteration that was left early may be closed after the client.
            if not self._loop.is_closed():
                self._run(end())
