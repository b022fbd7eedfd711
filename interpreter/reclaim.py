"""Reclaiming: canceling what runs beneath an execution, or beneath a Parallel or Map state, before
it ends.

In chunks, each a command of its own, so that clearing a large Map away leaves others their turn.
"""

from itertools import islice

from stepraft.interpreter.commands import CompleteExecution, CompleteState, ReclaimScope
from stepraft.interpreter.decision import Decision
from stepraft.interpreter.events import StateCanceled
from stepraft.interpreter.view import View


def reclaim(command: ReclaimScope, view: View) -> Decision:
    """Cancel the next chunk of open visits; when none is left, end the owner."""
    chunk = view.limits.reclaim_chunk
    beneath = list(islice(view.activities_beneath(command.owner), chunk + 1))
    events = tuple(_canceled(activity_id, view) for activity_id in beneath[:chunk])
    follow_up = command if len(beneath) > chunk else _end_of_owner(command)
    return Decision(events=events, commands=(follow_up,))


def _canceled(activity_id: str, view: View) -> StateCanceled:
    work = view.work(activity_id)
    task_id = work.task_id if work is not None else None
    return StateCanceled(
        activity_id=activity_id,
        work=work,
        task=view.task(task_id) if task_id is not None else None,
        fan_out=view.fan_out(activity_id),
    )


def _end_of_owner(command: ReclaimScope) -> CompleteExecution | CompleteState:
    if command.status is not None:
        return CompleteExecution(
            execution_id=command.owner,
            status=command.status,
            error=command.reason,
            cause=command.message,
            is_reclaimed=True,
        )
    return CompleteState(
        activity_id=command.owner,
        is_failed=True,
        reason=command.reason,
        message=command.message,
        is_reclaimed=True,
    )
