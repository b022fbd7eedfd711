"""The Parallel state: runs its branches side by side on copies of one input.

Source: https://states-language.net/spec.html#parallel-state
"""

from stepraft.interpreter import fan_out, ids, scopes
from stepraft.interpreter.commands import CompleteBranch, StartBranch, StartState
from stepraft.interpreter.contexts import FanOutContext, FanOutKind
from stepraft.interpreter.decision import NOTHING, Decision
from stepraft.interpreter.definition import ParallelState
from stepraft.interpreter.events import (
    BranchCompleted,
    BranchFailed,
    BranchStarted,
    ParallelStarted,
)
from stepraft.interpreter.expressions import data_flow
from stepraft.interpreter.view import View
from stepraft.interpreter.visit import Visit, find


def start(state: ParallelState, visit: Visit) -> Decision:
    """Begin all branches; also a retry begins so."""
    activity_id = visit.activity.activity_id
    text = visit.encode(data_flow.effective_input(state, visit.raw, visit.environment))
    total = len(state.branches)
    started = ParallelStarted(
        activity_id=activity_id, fan_out=FanOutContext(kind=FanOutKind.PARALLEL, total=total)
    )
    branches = tuple(
        StartBranch(activity_id=activity_id, index=index, input=text) for index in range(total)
    )
    return Decision(events=(started,), commands=branches)


def start_branch(command: StartBranch, view: View) -> Decision:
    """Enter a branch at its first state."""
    visit = find(command.activity_id, view)
    progress = view.fan_out(command.activity_id)
    if visit is None or progress is None or progress.is_failing:
        return NOTHING
    assert isinstance(visit.state, ParallelState), "a branch belongs to a Parallel state"
    branch_id = ids.branch_id(command.activity_id, command.index)
    started = BranchStarted(
        branch_id=branch_id, input=command.input, fan_out=fan_out.after_start(progress)
    )
    first = StartState(
        scope=branch_id,
        state_name=visit.state.branches[command.index].start_at,
        input=command.input,
    )
    return Decision(events=(started,), commands=(first,))


def complete_branch(command: CompleteBranch, view: View) -> Decision:
    """Note the branch's output, and end the state with the last one; or fail it with the first
    error.
    """
    activity_id = ids.owner(command.branch_id)
    visit = find(activity_id, view)
    progress = view.fan_out(activity_id)
    if visit is None or progress is None or not scopes.is_open(command.branch_id, view):
        return NOTHING
    if command.is_failed:
        failed = BranchFailed(
            branch_id=command.branch_id,
            error=command.reason,
            cause=command.message,
            fan_out=fan_out.after_failure(progress),
        )
        reclaim = fan_out.reclaim(activity_id, command.reason, command.message)
        return Decision(events=(failed,), commands=(reclaim,))
    progress = fan_out.after_success(progress)
    completed = BranchCompleted(
        branch_id=command.branch_id,
        output=command.output,
        fan_out=progress,
        had_variables=bool(view.variables(command.branch_id)),
    )
    if progress.succeeded < progress.total:
        return Decision(events=(completed,))
    joined = fan_out.joined(visit, progress, command.branch_id, command.output)
    return Decision(events=(completed,), commands=(joined,))
