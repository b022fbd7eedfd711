"""Which processor answers which command, and which state type: the whole list, checked by the type
checker.
"""

from typing import assert_never

from stepraft.interpreter import (
    executions,
    fan_out,
    ids,
    outcome,
    reclaim,
    retry,
    scopes,
    tasks,
    workflows,
)
from stepraft.interpreter.commands import (
    ActivateTask,
    CancelExecution,
    Command,
    CompleteBranch,
    CompleteExecution,
    CompleteIteration,
    CompleteState,
    CompleteTask,
    CreateClusterSecret,
    CreateTask,
    FailTask,
    FireTimer,
    HandBackTask,
    HeartbeatTask,
    PutWorkflow,
    RaiseFeatureLevel,
    ReclaimScope,
    StartBranch,
    StartExecution,
    StartIterations,
    StartState,
)
from stepraft.interpreter.contexts import ActivityContext, TimerContext, TimerKind
from stepraft.interpreter.decision import NOTHING, Decision
from stepraft.interpreter.definition import (
    ChoiceState,
    FailState,
    MapState,
    ParallelState,
    PassState,
    State,
    SucceedState,
    TaskState,
    WaitState,
)
from stepraft.interpreter.errors import RUNTIME, LanguageError
from stepraft.interpreter.events import (
    ClusterSecretCreated,
    Event,
    FeatureLevelRaised,
    StateStarted,
    TimerFired,
)
from stepraft.interpreter.lifecycle import ExecutionStatus
from stepraft.interpreter.states import choice, fail, parallel, pass_, succeed, task, wait
from stepraft.interpreter.states import map as map_
from stepraft.interpreter.view import View
from stepraft.interpreter.visit import Visit, find


def decide(command: Command, view: View) -> Decision:
    """Return what `command` causes. Reads `view`, changes nothing.

    Errors: Rejection when it was wrong to ask; only commands from outside raise it.
    """
    match command:
        case StartState():
            return _start_state(command, view)
        case CompleteState():
            return _complete_state(command, view)
        case StartExecution():
            return executions.start(command, view)
        case CompleteExecution():
            return executions.complete(command, view)
        case ActivateTask():
            return tasks.activate(command, view)
        case CompleteTask():
            return tasks.complete(command, view)
        case FailTask():
            return tasks.fail(command, view)
        case HeartbeatTask():
            return tasks.heartbeat(command, view)
        case HandBackTask():
            return tasks.hand_back(command, view)
        case CreateTask():
            return _create_task(command, view)
        case FireTimer():
            return _fire_timer(command, view)
        case StartBranch():
            return parallel.start_branch(command, view)
        case CompleteBranch():
            return parallel.complete_branch(command, view)
        case StartIterations():
            return map_.start_iterations(command, view)
        case CompleteIteration():
            return map_.complete_iteration(command, view)
        case ReclaimScope():
            return reclaim.reclaim(command, view)
        case CancelExecution():
            return executions.cancel(command, view)
        case PutWorkflow():
            return workflows.put(command, view)
        case CreateClusterSecret():
            return _create_secret(command, view)
        case RaiseFeatureLevel():
            return _raise_level(command, view)
        case _:
            assert_never(command)


def _start_state(command: StartState, view: View) -> Decision:
    execution_id = ids.execution_of(command.scope)
    execution = view.execution(execution_id)
    if execution is None or execution.status is not ExecutionStatus.RUNNING:
        return NOTHING
    if not scopes.is_open(command.scope, view):
        return NOTHING
    length = view.last_sequence(execution_id)
    if length >= view.limits.history_events:
        return _too_long(execution_id, view)
    activity = ActivityContext(
        activity_id=ids.activity_id(command.scope, view.new_stamp()),
        state_name=command.state_name,
        input=command.input,
        entered_at=view.stamp,
        entered_sequence=length + 1,
    )
    visit = Visit(view, execution, activity, None)
    started = StateStarted(
        activity_id=activity.activity_id,
        state_name=activity.state_name,
        state_type=outcome.type_name(visit),
        input=activity.input,
        entered_at=activity.entered_at,
        entered_sequence=activity.entered_sequence,
    )
    return _begin(visit, started)


def _too_long(execution_id: str, view: View) -> Decision:
    limit = view.limits.history_events
    text = f"The execution reached the maximum number of history events ({limit})."
    return executions.fail(execution_id, RUNTIME, text, view)


def _begin(visit: Visit, first: Event) -> Decision:
    """Return `first` and what beginning the visit's state causes; an error of the language becomes
    a command here.
    """
    try:
        step = _start(visit.state, visit)
    except LanguageError as error:
        failed = (outcome.failure(visit, error),)
        step = Decision(events=outcome.noted(visit, error), commands=failed)
    return Decision(events=(first, *step.events), commands=step.commands)


def _start(state: State, visit: Visit) -> Decision:
    match state:
        case TaskState():
            return task.start(state, visit)
        case PassState():
            return pass_.start(state, visit)
        case ChoiceState():
            return choice.start(state, visit)
        case WaitState():
            return wait.start(state, visit)
        case SucceedState():
            return succeed.start(state, visit)
        case FailState():
            return fail.start(state, visit)
        case ParallelState():
            return parallel.start(state, visit)
        case MapState():
            return map_.start(state, visit)
        case _:
            assert_never(state)


def _complete_state(command: CompleteState, view: View) -> Decision:
    visit = find(command.activity_id, view)
    if visit is None:
        return NOTHING
    try:
        if command.is_failed:
            return _fail_state(visit, command)
        return _finish(visit, command)
    except LanguageError as error:
        return _fail_evaluation(visit, error)


def _finish(visit: Visit, command: CompleteState) -> Decision:
    match visit.state:
        case TaskState() as state:
            return task.complete(state, visit, command.result)
        case ParallelState() | MapState() as state:
            return fan_out.complete(state, visit, command.result)
        case WaitState() as state:
            return wait.complete(state, visit)
        case _:
            raise AssertionError(f"a {outcome.type_name(visit)} state has no result to complete it")


def _fail_evaluation(visit: Visit, error: LanguageError) -> Decision:
    """Note what went wrong in a state's own data flow, and fail the state."""
    failed = _fail_state(visit, outcome.failure(visit, error))
    return outcome.preceded(outcome.noted(visit, error), failed)


def _fail_state(visit: Visit, command: CompleteState) -> Decision:
    if isinstance(visit.state, ParallelState | MapState):
        return fan_out.failed(visit, command)
    scheduled = retry.schedule(visit, command.reason, command.also_matched_by)
    if scheduled is not None:
        return Decision(events=(scheduled,))
    return outcome.catch(visit, command.reason, command.message, command.also_matched_by)


def _create_task(command: CreateTask, view: View) -> Decision:
    visit = find(command.activity_id, view)
    if visit is None:
        return NOTHING
    if view.last_sequence(visit.execution.execution_id) >= view.limits.history_events:
        return _too_long(visit.execution.execution_id, view)
    try:
        return _start(visit.state, visit)
    except LanguageError as error:
        return _fail_evaluation(visit, error)


def _fire_timer(command: FireTimer, view: View) -> Decision:
    timer = view.timer(command.timer_id)
    if timer is None:
        return NOTHING
    effect = _effect_of(timer, view)
    fired = TimerFired(timer_id=timer.timer_id)
    return Decision(events=(fired, *effect.events), commands=effect.commands)


def _effect_of(timer: TimerContext, view: View) -> Decision:
    match timer.kind:
        case TimerKind.TASK:
            return tasks.timer_fired(timer, view)
        case TimerKind.WAIT:
            return Decision(commands=(CompleteState(activity_id=timer.target),))
        case TimerKind.RETRY:
            return Decision(commands=(CreateTask(activity_id=timer.target),))
        case TimerKind.EXECUTION:
            return executions.timed_out(timer.target, view)
        case _:
            assert_never(timer.kind)


def _create_secret(command: CreateClusterSecret, view: View) -> Decision:
    if view.secret() is not None:
        return NOTHING
    return Decision(events=(ClusterSecretCreated(secret=command.secret),))


def _raise_level(command: RaiseFeatureLevel, view: View) -> Decision:
    if command.level <= view.feature_level:
        return NOTHING
    return Decision(events=(FeatureLevelRaised(level=command.level),))
