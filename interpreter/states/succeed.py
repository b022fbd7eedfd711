"""The Succeed state: ends its scope with its input.

Source: https://states-language.net/spec.html#succeed-state
"""

from stepraft.interpreter import outcome
from stepraft.interpreter.decision import Decision
from stepraft.interpreter.definition import SucceedState
from stepraft.interpreter.expressions import data_flow
from stepraft.interpreter.visit import Visit


def start(state: SucceedState, visit: Visit) -> Decision:
    """Leave at once; a Succeed state has no Next, so its scope ends."""
    effective = data_flow.effective_input(state, visit.raw, visit.environment)
    output = data_flow.effective_output(state, visit.raw, effective, visit.environment)
    return outcome.leave_to(visit, output, {}, None)
