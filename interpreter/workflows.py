"""Workflows: named definitions, in versions that never change."""

from stepraft.interpreter.commands import PutWorkflow
from stepraft.interpreter.contexts import WorkflowContext, WorkflowVersion
from stepraft.interpreter.decision import Decision, PutVersion
from stepraft.interpreter.events import WorkflowPut
from stepraft.interpreter.view import View


def put(command: PutWorkflow, view: View) -> Decision:
    """Add a version, unless definition and description are those of the newest version."""
    tenant, namespace, name = command.tenant, command.namespace, command.name
    head = view.workflow(tenant, namespace, name)
    number = head.version if head is not None else 0
    newest = view.workflow_version(tenant, namespace, name, number) if number else None
    if newest is not None and _is_same(newest, command):
        return Decision(reply=_reply(newest, existing=True))
    version = WorkflowVersion(
        version=number + 1,
        definition=command.definition,
        description=command.description,
        created_at=view.stamp,
    )
    workflow = WorkflowContext(
        tenant=tenant,
        namespace=namespace,
        name=name,
        version=version.version,
        updated_at=view.stamp,
    )
    return Decision(
        events=(WorkflowPut(workflow=workflow, version=version),),
        reply=_reply(version, existing=False),
    )


def _is_same(version: WorkflowVersion, command: PutWorkflow) -> bool:
    return version.definition == command.definition and version.description == command.description


def _reply(version: WorkflowVersion, *, existing: bool) -> PutVersion:
    return PutVersion(version.version, version.created_at, version.description, existing)
