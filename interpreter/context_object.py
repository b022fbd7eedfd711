"""The context object, `$$`: what a definition may read about its own run. Built only when a path
asks for it.

Source: https://states-language.net/spec.html#context-object
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepraft.interpreter import documents, ids
from stepraft.interpreter.definition import WorkFields
from stepraft.interpreter.documents import Json
from stepraft.interpreter.expressions.timestamps import from_unix_ms
from stepraft.interpreter.hlc import physical_ms

if TYPE_CHECKING:
    from stepraft.interpreter.view import View
    from stepraft.interpreter.visit import Visit


def build(visit: Visit) -> dict[str, Json]:
    """Return `{Execution, StateMachine, State}`, and inside an iteration also `Map`. `RetryCount`
    is there for states that can be retried.
    """
    execution = visit.execution
    tree: dict[str, Json] = {
        "Execution": {
            "Id": execution.execution_id,
            "Input": documents.loads(visit.view.execution_input(execution.execution_id)),
            "Name": execution.name,
            "StartTime": from_unix_ms(physical_ms(execution.started_at)),
            "RedriveCount": 0,
        },
        "StateMachine": {"Id": execution.workflow, "Name": execution.workflow},
        "State": {
            "Name": visit.activity.state_name,
            "EnteredTime": from_unix_ms(physical_ms(visit.activity.entered_at)),
            **({"RetryCount": visit.retry_count} if isinstance(visit.state, WorkFields) else {}),
        },
    }
    item = _enclosing_item(visit.scope, visit.view)
    if item is not None:
        tree["Map"] = {"Item": item}
    return tree


def map_item(index: int, value: Json) -> dict[str, Json]:
    """Return the `Map.Item` of one item."""
    return {"Index": index, "Value": value}


def _enclosing_item(scope: str, view: View) -> dict[str, Json] | None:
    while not ids.is_execution_scope(scope):
        if ids.is_iteration(scope):
            child = view.child(scope)
            assert child is not None, f"the open scope {scope} has no row"
            return map_item(ids.index_of(scope), documents.loads(child.item or child.document))
        scope = ids.owner(ids.owner(scope))
    return None
