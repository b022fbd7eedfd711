"""Appliers of the events in the life of an execution."""

from stepraft.interpreter.contexts import ExecutionContext
from stepraft.interpreter.events import ExecutionCanceling, ExecutionCompleted, ExecutionStarted
from stepraft.interpreter.ids import tenant_and_namespace
from stepraft.interpreter.lifecycle import ExecutionStatus
from stepraft.storage import keys
from stepraft.storage.batch import Batch
from stepraft.storage.keys import Part
from stepraft.storage.rows import PRESENT


def execution_started(event: ExecutionStarted, batch: Batch) -> None:
    """Write the execution and its input, and let it be found: by workflow, and by its key and name
    if it has them.
    """
    execution = event.execution
    execution_id = execution.execution_id
    batch.insert(keys.context(execution_id, Part.EXECUTION), execution)
    batch.insert(keys.context(execution_id, Part.INPUT), event.input)
    batch.insert(_index(execution, execution.status), PRESENT)
    tenant, namespace = tenant_and_namespace(execution_id)
    if event.by_key is not None:
        batch.put(keys.by_key(tenant, namespace, event.idempotency_key), event.by_key)
    if event.by_name is not None:
        name = keys.by_name(tenant, namespace, execution.workflow, execution.name)
        batch.put(name, event.by_name)


def execution_canceling(event: ExecutionCanceling, batch: Batch) -> None:
    """Write the execution, and move it to its new status in the index."""
    _move(event.execution, event.old_status, batch)


def execution_completed(event: ExecutionCompleted, batch: Batch) -> None:
    """Write the execution and its output if it has one, move it to its end in the index, and drop
    its variables.
    """
    _move(event.execution, event.old_status, batch)
    if event.had_variables:
        batch.delete(keys.context(event.execution.execution_id, Part.VARIABLES))
    if event.output:
        batch.put(keys.context(event.execution.execution_id, Part.OUTPUT), event.output)


def _move(execution: ExecutionContext, old_status: ExecutionStatus, batch: Batch) -> None:
    batch.put(keys.context(execution.execution_id, Part.EXECUTION), execution)
    batch.delete(_index(execution, old_status))
    batch.insert(_index(execution, execution.status), PRESENT)


def _index(execution: ExecutionContext, status: ExecutionStatus) -> bytes:
    return keys.by_workflow(
        execution.execution_id, execution.workflow, status, execution.started_at
    )
