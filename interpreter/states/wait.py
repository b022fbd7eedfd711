"""The Wait state: goes on when its time has come.

Source: https://states-language.net/spec.html#wait-state
"""

from stepraft.interpreter import outcome
from stepraft.interpreter.contexts import ActivityWork, TimerContext, TimerKind, timer_id
from stepraft.interpreter.decision import Decision
from stepraft.interpreter.definition import WaitState
from stepraft.interpreter.events import TimerStarted
from stepraft.interpreter.expressions import data_flow
from stepraft.interpreter.hlc import physical_ms
from stepraft.interpreter.visit import Visit


def start(state: WaitState, visit: Visit) -> Decision:
    """Arm a timer, or leave at once when the time is not in the future."""
    entered_ms = physical_ms(visit.activity.entered_at)
    due_ms = data_flow.wait_until_ms(state, visit.raw, visit.environment, entered_ms)
    if due_ms <= visit.view.now_ms:
        return complete(state, visit)
    activity_id = visit.activity.activity_id
    timer = TimerContext(
        timer_id=timer_id(due_ms, visit.view.new_stamp()), kind=TimerKind.WAIT, target=activity_id
    )
    work = ActivityWork(timer_id=timer.timer_id)
    return Decision(events=(TimerStarted(timer=timer, work=work),))


def complete(state: WaitState, visit: Visit) -> Decision:
    """Leave: the time has come."""
    raw, environment = visit.raw, visit.environment
    effective = data_flow.effective_input(state, raw, environment)
    output = data_flow.effective_output(state, raw, effective, environment)
    assigned = data_flow.assigned_variables(state, raw, effective, environment)
    return outcome.leave(visit, output, assigned)
