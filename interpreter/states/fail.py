"""The Fail state: ends its scope with an error.

Source: https://states-language.net/spec.html#fail-state
"""

from stepraft.interpreter import outcome
from stepraft.interpreter.decision import Decision
from stepraft.interpreter.definition import FailState
from stepraft.interpreter.expressions import data_flow
from stepraft.interpreter.visit import Visit


def start(state: FailState, visit: Visit) -> Decision:
    """Fail at once with the state's Error and Cause, either of which may be absent."""
    error, cause = data_flow.fail_error(state, visit.raw, visit.environment)
    return outcome.fail(visit, error, cause)
