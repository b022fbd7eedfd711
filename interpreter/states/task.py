"""The Task state: offers work to workers and goes on with what they answer.

Source: https://states-language.net/spec.html#task-state
"""

from stepraft.interpreter import documents, ids, outcome
from stepraft.interpreter.contexts import (
    ActivityWork,
    TaskContext,
    TimerContext,
    TimerKind,
    timer_id,
)
from stepraft.interpreter.decision import Decision
from stepraft.interpreter.definition import TaskState
from stepraft.interpreter.events import TaskCreated
from stepraft.interpreter.expressions import data_flow
from stepraft.interpreter.records import JsonText
from stepraft.interpreter.visit import NO_WORK, Visit


def start(state: TaskState, visit: Visit) -> Decision:
    """Create a task for the state's resource; TimeoutSeconds counts from here, worker or not."""
    view, raw, environment = visit.view, visit.raw, visit.environment
    text = visit.encode(data_flow.effective_input(state, raw, environment))
    timeout_s = data_flow.timeout_seconds(state, raw, environment)
    stamp = view.new_stamp()
    tenant, namespace = ids.tenant_and_namespace(visit.activity.activity_id)
    task_id = ids.task_id(tenant, namespace, state.resource, stamp)
    deadline_ms = view.now_ms + timeout_s * 1000 if timeout_s is not None else 0
    timer = (
        TimerContext(timer_id=timer_id(deadline_ms, stamp), kind=TimerKind.TASK, target=task_id)
        if deadline_ms
        else None
    )
    task = TaskContext(
        task_id=task_id,
        activity_id=visit.activity.activity_id,
        resource=state.resource,
        state_name=visit.activity.state_name,
        created_at=stamp,
        retry_count=visit.retry_count,
        heartbeat_s=data_flow.heartbeat_seconds(state, raw, environment) or 0,
        timeout_deadline_ms=deadline_ms,
        timer_id=timer.timer_id if timer is not None else None,
        credentials=_credentials(state, visit),
    )
    work = ActivityWork(retries=(visit.work or NO_WORK).retries, task_id=task_id)
    return Decision(events=(TaskCreated(task=task, input=text, work=work, timer=timer),))


def _credentials(state: TaskState, visit: Visit) -> JsonText:
    """Return the state's Credentials as text, empty if it has none."""
    if state.credentials is None and state.credentials_query is None:
        return b""
    return visit.encode(data_flow.credentials(state, visit.raw, visit.environment))


def complete(state: TaskState, visit: Visit, result: JsonText) -> Decision:
    """Leave with the worker's result."""
    value = documents.loads(result)
    output = data_flow.effective_output(state, visit.raw, value, visit.environment)
    assigned = data_flow.assigned_variables(state, visit.raw, value, visit.environment)
    return outcome.leave(visit, output, assigned)
