"""Appliers of the events in the life of a workflow."""

from stepraft.interpreter.events import WorkflowPut
from stepraft.storage import keys
from stepraft.storage.batch import Batch


def workflow_put(event: WorkflowPut, batch: Batch) -> None:
    """Write the new version, and the head that names it."""
    head = event.workflow
    batch.put(keys.workflow(head.tenant, head.namespace, head.name), head)
    version = keys.version(head.tenant, head.namespace, head.name, event.version.version)
    batch.insert(version, event.version)
