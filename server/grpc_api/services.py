"""The services of the API: a row each says how it is registered, and what of it may be repeated."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import grpc

from stepraft.server.grpc_api.calls import Calls
from stepraft.server.grpc_api.cluster import ClusterServicer
from stepraft.server.grpc_api.executions import ExecutionServicer
from stepraft.server.grpc_api.tasks import TaskServicer
from stepraft.server.grpc_api.workflows import WorkflowServicer
from stepraft.server.service.application import Application
from stepraft.v1 import (
    cluster_pb2_grpc,
    executions_pb2_grpc,
    tasks_pb2_grpc,
    workflows_pb2_grpc,
)


class Service(NamedTuple):
    """One service. `repeatable`: the methods that do no harm when they are sent twice."""

    name: str
    register: Callable[[Any, Any], None]
    servicer: Callable[[Application], object]
    repeatable: frozenset[str]


SERVICES: Final = (
    Service(
        "stepraft.v1.WorkflowService",
        workflows_pb2_grpc.add_WorkflowServiceServicer_to_server,
        lambda application: WorkflowServicer(application.workflows),
        frozenset({"GetWorkflow", "ListWorkflows", "ListWorkflowVersions", "ValidateWorkflow"}),
    ),
    Service(
        "stepraft.v1.ExecutionService",
        executions_pb2_grpc.add_ExecutionServiceServicer_to_server,
        lambda application: ExecutionServicer(application.executions),
        frozenset(
            {"GetExecution", "ListExecutions", "GetHistory", "WatchExecution", "WaitExecution"}
        ),
    ),
    Service(
        "stepraft.v1.TaskService",
        tasks_pb2_grpc.add_TaskServiceServicer_to_server,
        lambda application: TaskServicer(application.tasks),
        frozenset(),
    ),
    Service(
        "stepraft.v1.ClusterService",
        cluster_pb2_grpc.add_ClusterServiceServicer_to_server,
        lambda application: ClusterServicer(application.cluster, application.administration),
        frozenset({"GetClusterStatus", "AddNode", "RemoveNode", "UpdateNode", "Backup"}),
    ),
)
"""Every service, in the order of the documentation."""


def register_all(server: grpc.aio.Server, application: Application, calls: Calls) -> None:
    """Register every service, each method wrapped by `calls`."""
    for service in SERVICES:
        service.register(service.servicer(application), _Registrar(server, service, calls))


class _Registrar:
    """Stands for a server where the generated code registers handlers, and wraps them."""

    def __init__(self, server: grpc.aio.Server, service: Service, calls: Calls) -> None:
        self._server = server
        self._service = service
        self._calls = calls

    def add_registered_method_handlers(self, name: str, handlers: dict[str, Any]) -> None:
        """Register the methods of a service, as the generated code asks for."""
        wrapped = {
            method: self._calls.wrapped(
                f"/{name}/{method}", handler, is_repeatable=method in self._service.repeatable
            )
            for method, handler in handlers.items()
        }
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(name, wrapped),)
        )

    def add_generic_rpc_handlers(self, handlers: object) -> None:
        """The same handlers in another form, which the generated code registers as well."""
