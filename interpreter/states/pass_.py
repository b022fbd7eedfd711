"""The Pass state: hands its input, or its fixed Result, on.

Source: https://states-language.net/spec.html#pass-state
"""

from stepraft.interpreter import outcome
from stepraft.interpreter.decision import Decision
from stepraft.interpreter.definition import PassState
from stepraft.interpreter.expressions import data_flow
from stepraft.interpreter.visit import Visit


def start(state: PassState, visit: Visit) -> Decision:
    """Leave at once."""
    raw, environment = visit.raw, visit.environment
    effective = data_flow.effective_input(state, raw, environment)
    result = state.result if state.has_result else effective
    output = data_flow.effective_output(state, raw, result, environment)
    assigned = data_flow.assigned_variables(state, raw, result, environment)
    return outcome.leave(visit, output, assigned)
