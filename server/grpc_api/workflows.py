"""WorkflowService: one method for each RPC."""

# ruff: noqa: N802 - the methods have the names of their RPCs

from stepraft.server.grpc_api import convert
from stepraft.server.grpc_api.errors import Context
from stepraft.server.service.callers import ANYBODY
from stepraft.server.service.pages import PageRequest
from stepraft.server.service.workflows import Workflows
from stepraft.v1 import workflows_pb2 as pb
from stepraft.v1.workflows_pb2_grpc import WorkflowServiceServicer


class WorkflowServicer(WorkflowServiceServicer):
    """Keeps definitions, checks them, and answers which versions there are."""

    def __init__(self, workflows: Workflows) -> None:
        self._workflows = workflows

    async def PutWorkflow(
        self, request: pb.PutWorkflowRequest, context: Context
    ) -> pb.PutWorkflowResponse:
        put = await self._workflows.put(
            ANYBODY, request.namespace, request.name, request.definition, request.description
        )
        return pb.PutWorkflowResponse(
            workflow=convert.workflow(put.workflow), created=put.is_created
        )

    async def GetWorkflow(
        self, request: pb.GetWorkflowRequest, context: Context
    ) -> pb.GetWorkflowResponse:
        found = await self._workflows.get(
            ANYBODY, request.namespace, request.name, request.version, stale=request.stale
        )
        return pb.GetWorkflowResponse(
            workflow=convert.workflow(found.workflow), definition=found.definition
        )

    async def ListWorkflows(
        self, request: pb.ListWorkflowsRequest, context: Context
    ) -> pb.ListWorkflowsResponse:
        page = await self._workflows.list_page(
            ANYBODY,
            request.namespace,
            PageRequest(request.page_size, request.page_token),
            stale=request.stale,
        )
        return pb.ListWorkflowsResponse(
            workflows=map(convert.workflow, page.items), next_page_token=page.next_token
        )

    async def ListWorkflowVersions(
        self, request: pb.ListWorkflowVersionsRequest, context: Context
    ) -> pb.ListWorkflowVersionsResponse:
        page = await self._workflows.versions(
            ANYBODY,
            request.namespace,
            request.name,
            PageRequest(request.page_size, request.page_token),
            stale=request.stale,
        )
        return pb.ListWorkflowVersionsResponse(
            versions=map(convert.workflow, page.items), next_page_token=page.next_token
        )

    async def ValidateWorkflow(
        self, request: pb.ValidateWorkflowRequest, context: Context
    ) -> pb.ValidateWorkflowResponse:
        found = await self._workflows.validate(request.definition)
        return pb.ValidateWorkflowResponse(diagnostics=map(convert.diagnostic, found))
