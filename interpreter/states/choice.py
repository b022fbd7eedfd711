"""The Choice state: goes on to where the first matching rule leads.

Source: https://states-language.net/spec.html#choice-state
"""

from stepraft.interpreter import outcome
from stepraft.interpreter.decision import Decision
from stepraft.interpreter.definition import ChoiceState
from stepraft.interpreter.errors import NO_CHOICE_MATCHED, LanguageError
from stepraft.interpreter.expressions import data_flow
from stepraft.interpreter.visit import Visit


def start(state: ChoiceState, visit: Visit) -> Decision:
    """Leave at once by the first rule that matches the input, else by Default.

    Errors: States.NoChoiceMatched when no rule matches and there is no Default.
    """
    next_state, output, assigned = data_flow.choose(state, visit.raw, visit.environment)
    if next_state is None:
        raise LanguageError(
            NO_CHOICE_MATCHED,
            "Failed to transition out of the state. The state does not point to a next state.",
        )
    return outcome.leave_to(visit, output, assigned, next_state)
