"""What a client asks about workflows."""

from collections.abc import AsyncGenerator

from stepraft.client import messages
from stepraft.client.calls import Effect
from stepraft.client.documents import Json, dumps
from stepraft.client.methods import PAGE_SIZE, Methods, all_items
from stepraft.client.types import Diagnostic, Page, PutWorkflowResult, Workflow
from stepraft.v1 import workflows_pb2


class WorkflowMethods(Methods):
    """Puts definitions, checks them, and reads versions."""

    async def put_workflow(
        self, name: str, definition: str | dict[str, Json], *, description: str = ""
    ) -> PutWorkflowResult:
        """Make `definition` (ASL as text or as a dict) the newest version of a workflow.

        Errors: InvalidRequestError with one violation for each problem of the definition.
        """
        response = await self._calls.unary(
            lambda node: node.workflows.PutWorkflow,
            workflows_pb2.PutWorkflowRequest(
                namespace=self._namespace,
                name=name,
                definition=_text(definition),
                description=description,
            ),
            Effect.NEW_WRITE,
        )
        return PutWorkflowResult(messages.workflow(response.workflow), response.created)

    async def get_workflow(
        self, name: str, *, version: int | None = None, stale: bool = False
    ) -> Workflow:
        """Return one version with its definition; None means the newest.

        Errors: NotFoundError.
        """
        response = await self._calls.unary(
            lambda node: node.workflows.GetWorkflow,
            workflows_pb2.GetWorkflowRequest(
                namespace=self._namespace, name=name, version=version or 0, stale=stale
            ),
            Effect.READ,
        )
        return messages.workflow(response.workflow, response.definition)

    def list_workflows(self, *, stale: bool = False) -> AsyncGenerator[Workflow, None]:
        """Yield the newest version of each workflow, by name."""

        async def page(token: str) -> Page[Workflow]:
            response = await self._calls.unary(
                lambda node: node.workflows.ListWorkflows,
                workflows_pb2.ListWorkflowsRequest(
                    namespace=self._namespace,
                    page_size=PAGE_SIZE,
                    page_token=token,
                    stale=stale,
                ),
                Effect.READ,
            )
            workflows = tuple(map(messages.workflow, response.workflows))
            return Page(workflows, response.next_page_token)

        return all_items(page)

    def list_workflow_versions(
        self, name: str, *, stale: bool = False
    ) -> AsyncGenerator[Workflow, None]:
        """Yield the versions of one workflow, newest first.

        Errors: NotFoundError.
        """

        async def page(token: str) -> Page[Workflow]:
            response = await self._calls.unary(
                lambda node: node.workflows.ListWorkflowVersions,
                workflows_pb2.ListWorkflowVersionsRequest(
                    namespace=self._namespace,
                    name=name,
                    page_size=PAGE_SIZE,
                    page_token=token,
                    stale=stale,
                ),
                Effect.READ,
            )
            versions = tuple(map(messages.workflow, response.versions))
            return Page(versions, response.next_page_token)

        return all_items(page)

    async def validate_workflow(self, definition: str | dict[str, Json]) -> tuple[Diagnostic, ...]:
        """Return all problems of a definition; it can be put if none of them is an ERROR."""
        response = await self._calls.unary(
            lambda node: node.workflows.ValidateWorkflow,
            workflows_pb2.ValidateWorkflowRequest(definition=_text(definition)),
            Effect.READ,
        )
        return tuple(map(messages.diagnostic, response.diagnostics))


def _text(definition: str | dict[str, Json]) -> str:
    return definition if isinstance(definition, str) else dumps(definition, "definition")
