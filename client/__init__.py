"""The Python SDK: `Client` and `SyncClient` ask a cluster, `Worker` does its tasks.

A worker, whole:

    from stepraft.client import TaskFailure, Worker

    worker = Worker("127.0.0.1:7400", concurrency=32)


    @worker.task("orders:charge-card")
    async def charge_card(order):
        if order["card"] == "expired":
            raise TaskFailure("Card.Declined", "the card has expired")
        return {"receipt": await bank.charge(order["card"], order["total"])}


    @worker.task("orders:print-label")
    def print_label(order, context):  # a plain function runs in a thread
        return {"label": printer.print(order["address"], job=context.task_id)}


    if __name__ == "__main__":
        worker.run()  # until SIGTERM or Ctrl-C, then what runs is finished

And who gives it work:

    from stepraft.client import SyncClient

    with SyncClient("127.0.0.1:7400") as client:
        client.put_workflow("orders", Path("orders.asl.json").read_text())
        started = client.start_execution("orders", {"card": "4242", "total": 1899})
        for event in client.watch(started.execution_id):
            print(event.at, event.type, event.state_name)

Promises: calls are tried again at other nodes where that does no harm, `watch` gives each event
once in order, a handler's result is sent until the cluster has it, and a lease is renewed while a
handler runs. Where to look: `errors` has the tree of what can go wrong, `types` the answers,
`client` and its `*_methods` the calls, `worker` the rules for handlers, `tls` the files of
certificates; `serving`, `conversation`, `deliveries` and `outbox` are how a worker works. This
package knows the public API alone.
"""

from stepraft.client.client import Client
from stepraft.client.documents import Json, JsonText
from stepraft.client.errors import (
    AccessError,
    ConflictError,
    DocumentError,
    FieldViolation,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    OverloadedError,
    RequestError,
    ServerError,
    StepraftError,
    UnavailableError,
)
from stepraft.client.handlers import TaskFailure
from stepraft.client.sync_client import SyncClient
from stepraft.client.task_context import TaskContext
from stepraft.client.tls import TlsFiles
from stepraft.client.types import (
    BackupHead,
    ClusterStatus,
    Diagnostic,
    Execution,
    ExecutionStatus,
    HeartbeatResult,
    HistoryEvent,
    NodeCondition,
    NodeRole,
    NodeStanding,
    NodeStatus,
    Page,
    PutWorkflowResult,
    Severity,
    StartedExecution,
    Task,
    Workflow,
)
from stepraft.client.worker import Worker

assert __name__ == "stepraft.client", (
    "import it as stepraft.client, or a file loads under two names"
)

__all__ = [
    "AccessError",
    "BackupHead",
    "Client",
    "ClusterStatus",
    "ConflictError",
    "Diagnostic",
    "DocumentError",
    "Execution",
    "ExecutionStatus",
    "FieldViolation",
    "HeartbeatResult",
    "HistoryEvent",
    "InvalidRequestError",
    "Json",
    "JsonText",
    "NodeCondition",
    "NodeRole",
    "NodeStanding",
    "NodeStatus",
    "NotFoundError",
    "OutcomeUnknownError",
    "OverloadedError",
    "Page",
    "PutWorkflowResult",
    "RequestError",
    "ServerError",
    "Severity",
    "StartedExecution",
    "StepraftError",
    "SyncClient",
    "Task",
    "TaskContext",
    "TaskFailure",
    "TlsFiles",
    "UnavailableError",
    "Worker",
    "Workflow",
]
