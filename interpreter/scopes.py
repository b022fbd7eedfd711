"""Scopes: an execution, a branch or an iteration, whichever a state runs in; whether a scope is
open, and its variables.
"""

from collections.abc import Iterator, Mapping

from stepraft.interpreter import documents, ids
from stepraft.interpreter.documents import Json
from stepraft.interpreter.view import View


def is_open(scope: str, view: View) -> bool:
    """Whether what runs in `scope` still counts: no branch or iteration that it is or lies in has
    ended, or has a sibling that failed. That the execution runs is for the caller to see.
    """
    while not ids.is_execution_scope(scope):
        activity_id = ids.owner(scope)
        child, fan_out = view.child(scope), view.fan_out(activity_id)
        if child is None or child.is_completed or fan_out is None or fan_out.is_failing:
            return False
        scope = ids.owner(activity_id)
    return True


class ScopeVariables(Mapping[str, Json]):
    """The variables that a scope sees: its own and those of the scopes around it. Read only when
    asked for.
    """

    __slots__ = ("_merged", "_scope", "_view")

    def __init__(self, scope: str, view: View) -> None:
        self._scope = scope
        self._view = view
        self._merged: dict[str, Json] | None = None

    def _all(self) -> dict[str, Json]:
        if self._merged is None:
            self._merged = {}
            for scope in _from_outermost(self._scope):
                self._merged.update(own_variables(scope, self._view))
        return self._merged

    def __getitem__(self, name: str) -> Json:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


def _from_outermost(scope: str) -> list[str]:
    scopes = [scope]
    while not ids.is_execution_scope(scopes[-1]):
        scopes.append(ids.owner(ids.owner(scopes[-1])))
    return scopes[::-1]


def own_variables(scope: str, view: View) -> dict[str, Json]:
    """Return the variables assigned in `scope` itself."""
    text = view.variables(scope)
    if not text:
        return {}
    variables = documents.loads(text)
    assert isinstance(variables, dict), f"the variables of {scope} are no object"
    return variables
