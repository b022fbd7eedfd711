"""A visit of a state: what every state processor needs to know, read once."""

from typing import Final

from stepraft.interpreter import context_object, documents, ids, scopes
from stepraft.interpreter.contexts import ActivityContext, ActivityWork, ExecutionContext
from stepraft.interpreter.definition import Definition, State
from stepraft.interpreter.documents import Json
from stepraft.interpreter.errors import LanguageError, data_limit_exceeded
from stepraft.interpreter.expressions.environment import Environment
from stepraft.interpreter.lifecycle import ExecutionStatus
from stepraft.interpreter.records import JsonText
from stepraft.interpreter.view import View

NO_WORK: Final = ActivityWork()


class Visit:
    """One visit of one state, with the execution and definition around it.

    `work`: what the visit waits for, None if it never waited.
    """

    __slots__ = ("activity", "definition", "environment", "execution", "scope", "view", "work")

    def __init__(
        self,
        view: View,
        execution: ExecutionContext,
        activity: ActivityContext,
        work: ActivityWork | None,
    ) -> None:
        self.view = view
        self.execution = execution
        self.definition: Definition = view.definition(execution)
        self.activity = activity
        self.work = work
        self.scope = ids.owner(activity.activity_id)
        self.environment = Environment(
            lambda: context_object.build(self),
            scopes.ScopeVariables(self.scope, view),
            view.entropy(),
            view.now_ms,
        )

    def item_environment(self, index: int, value: Json) -> Environment:
        """Return the surroundings in which the input of iteration `index` of this Map state is
        made.
        """
        item: Json = context_object.map_item(index, value)
        return Environment(
            lambda: {**context_object.build(self), "Map": {"Item": item}},
            self.environment.variables,
            self.view.entropy(),
            self.view.now_ms,
        )

    @property
    def state(self) -> State:
        """The state as defined. Names are unique over all levels of a definition."""
        return self.definition.all_states[self.activity.state_name]

    @property
    def raw(self) -> Json:
        """The state's raw input. Shared: never changed in place."""
        return documents.loads(self.activity.input)

    @property
    def retry_count(self) -> int:
        """How often this visit was tried again."""
        return sum(self.work.retries) if self.work is not None else 0

    def encode(self, value: Json) -> JsonText:
        """Return a document that this state takes in or puts out as text.

        Errors: States.DataLimitExceeded when it is longer than the payload limit.
        """
        text = self.activity.input if value is self.raw else documents.dumps(value)
        return self.check_size(text)

    def check_size(self, text: JsonText) -> JsonText:
        """Return `text`, or raise States.DataLimitExceeded when it is longer than the payload
        limit.
        """
        if len(text) > self.view.limits.payload_bytes:
            raise self.too_large()
        return text

    def too_large(self) -> LanguageError:
        """Return the error of a document that is longer than the payload limit."""
        return data_limit_exceeded(self.activity.state_name)


def find(activity_id: str, view: View) -> Visit | None:
    """Return the open visit of that id, or None when it is gone or nothing that it still does
    counts: its execution is ending, or a Parallel or Map state around it is failing.
    """
    activity = view.activity(activity_id)
    if activity is None:
        return None
    execution = view.execution(ids.execution_of(activity_id))
    if execution is None or execution.status is not ExecutionStatus.RUNNING:
        return None
    if not scopes.is_open(ids.owner(activity_id), view):
        return None
    return Visit(view, execution, activity, view.work(activity_id))
