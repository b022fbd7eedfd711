"""The asynchronous client."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from stepraft.client.calls import Calls
from stepraft.client.cluster_methods import ClusterMethods
from stepraft.client.connections import Connections
from stepraft.client.execution_methods import ExecutionMethods
from stepraft.client.task_methods import TaskMethods
from stepraft.client.tls import TlsFiles
from stepraft.client.workflow_methods import WorkflowMethods


class Client(WorkflowMethods, ExecutionMethods, TaskMethods, ClusterMethods):
    """Asks a cluster, from within an event loop.

        async with Client("127.0.0.1:7400") as client:
            started = await client.start_execution("orders", {"order_id": "A-17"})
            execution = await client.wait_execution(started.execution_id)
            print(execution.status, execution.output)

    `addresses` names nodes as `host:port`, in a list or separated by commas; any of them will do,
    and another is asked when one fails. All methods speak of one `namespace`. A call takes
    `timeout_s` seconds at most, tries included, apart from what it waits for by its nature. `tls`
    names the files for a cluster that speaks TLS; ValueError where they cannot be used.

    Every method raises RequestError or one of its kinds (see `stepraft.client.errors`). Reads are
    tried again, and so are writes where a repetition is the same write: starts carry an idempotency
    key, reports on tasks their token. Other writes are tried again only when it is certain that
    nothing was done.

    A read sees every write that was acknowledged before it began. One that may be `stale` is
    answered by the node that is asked from what it has: without a leader, too, and perhaps late.
    """

    def __init__(
        self,
        addresses: str | Sequence[str],
        *,
        namespace: str = "default",
        timeout_s: float = 30.0,
        tls: TlsFiles | None = None,
    ) -> None:
        self._connections = Connections(addresses, tls)
        super().__init__(Calls(self._connections, timeout_s), namespace)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._connections.close()
