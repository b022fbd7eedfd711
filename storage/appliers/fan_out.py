"""Appliers of the events of Parallel and Map states: progress, branches and iterations."""

from collections.abc import Callable

from stepraft.interpreter.contexts import ChildContext, FanOutContext, FanOutKind
from stepraft.interpreter.events import (
    BranchCompleted,
    BranchFailed,
    BranchStarted,
    FanOutDropped,
    FanOutFailed,
    FanOutSucceeded,
    IterationCompleted,
    IterationFailed,
    IterationStarted,
    MapStarted,
    ParallelStarted,
)
from stepraft.interpreter.ids import branch_id, iteration_id, owner
from stepraft.storage import keys
from stepraft.storage.batch import Batch
from stepraft.storage.keys import Part

_CHILD_ID: dict[FanOutKind, Callable[[str, int], str]] = {
    FanOutKind.PARALLEL: branch_id,
    FanOutKind.MAP: iteration_id,
}


def parallel_started(event: ParallelStarted, batch: Batch) -> None:
    """Write the progress of a Parallel state."""
    batch.insert(keys.context(event.activity_id, Part.FAN_OUT), event.fan_out)


def map_started(event: MapStarted, batch: Batch) -> None:
    """Write the progress and the items of a Map state."""
    batch.insert(keys.context(event.activity_id, Part.FAN_OUT), event.fan_out)
    batch.insert(keys.context(event.activity_id, Part.ITEMS), event.items)


def branch_started(event: BranchStarted, batch: Batch) -> None:
    """Write the branch, and the progress of its state."""
    child = ChildContext(is_completed=False, document=event.input)
    _start(event.branch_id, event.fan_out, child, batch)


def iteration_started(event: IterationStarted, batch: Batch) -> None:
    """Write the iteration, and the progress of its state."""
    child = ChildContext(is_completed=False, document=event.input, item=event.item)
    _start(event.iteration_id, event.fan_out, child, batch)


def branch_completed(event: BranchCompleted, batch: Batch) -> None:
    """Write the branch's output, and the progress of its state."""
    _complete(event.branch_id, event, batch)


def iteration_completed(event: IterationCompleted, batch: Batch) -> None:
    """Write the iteration's output, and the progress of its state."""
    _complete(event.iteration_id, event, batch)


def branch_failed(event: BranchFailed, batch: Batch) -> None:
    """Drop the branch, and write the progress of its state."""
    _fail(event.branch_id, event.fan_out, batch)


def iteration_failed(event: IterationFailed, batch: Batch) -> None:
    """Drop the iteration, and write the progress of its state."""
    _fail(event.iteration_id, event.fan_out, batch)


def fan_out_succeeded(event: FanOutSucceeded, batch: Batch) -> None:
    """Drop the children, the progress and the items; the children's variables went as each of them
    ended.
    """
    child_id = _CHILD_ID[event.fan_out.kind]
    for index in range(event.fan_out.started):
        batch.delete(keys.context(child_id(event.activity_id, index), Part.CHILD))
    _drop_progress(event.activity_id, event.fan_out, batch)


def fan_out_failed(event: FanOutFailed, batch: Batch) -> None:
    """Drop the children, the progress and the items, if the state had come so far."""
    if event.fan_out is not None:
        drop(event.activity_id, event.fan_out, batch)


def fan_out_dropped(event: FanOutDropped, batch: Batch) -> None:
    """Drop the children, the progress and the items."""
    drop(event.activity_id, event.fan_out, batch)


def drop(activity_id: str, fan_out: FanOutContext, batch: Batch) -> None:
    """Delete the rows of a Parallel or Map state's children, open or not, and those of its progress
    and items.
    """
    child_id = _CHILD_ID[fan_out.kind]
    for index in range(fan_out.started):
        _drop_child(child_id(activity_id, index), batch)
    _drop_progress(activity_id, fan_out, batch)


def _start(child_id: str, fan_out: FanOutContext, child: ChildContext, batch: Batch) -> None:
    batch.insert(keys.context(child_id, Part.CHILD), child)
    batch.put(keys.context(owner(child_id), Part.FAN_OUT), fan_out)


def _complete(child_id: str, event: BranchCompleted | IterationCompleted, batch: Batch) -> None:
    child = ChildContext(is_completed=True, document=event.output)
    batch.put(keys.context(child_id, Part.CHILD), child)
    batch.put(keys.context(owner(child_id), Part.FAN_OUT), event.fan_out)
    if event.had_variables:
        batch.delete(keys.context(child_id, Part.VARIABLES))


def _fail(child_id: str, fan_out: FanOutContext, batch: Batch) -> None:
    _drop_child(child_id, batch)
    batch.put(keys.context(owner(child_id), Part.FAN_OUT), fan_out)


def _drop_child(child_id: str, batch: Batch) -> None:
    batch.delete(keys.context(child_id, Part.CHILD))
    batch.delete(keys.context(child_id, Part.VARIABLES))


def _drop_progress(activity_id: str, fan_out: FanOutContext, batch: Batch) -> None:
    batch.delete(keys.context(activity_id, Part.FAN_OUT))
    if fan_out.kind is FanOutKind.MAP:
        batch.delete(keys.context(activity_id, Part.ITEMS))
