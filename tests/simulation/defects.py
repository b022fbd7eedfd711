"""Defects on purpose: each breaks one promise of the engine, and a seed must show it."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from stepraft.interpreter import outcome, scopes, tasks
from stepraft.interpreter.contexts import TaskContext
from stepraft.interpreter.decision import Delivery, StartedExecution
from stepraft.interpreter.errors import Rejection
from stepraft.interpreter.view import View
from stepraft.server.clock import HybridClock
from stepraft.server.engine import levels
from stepraft.server.engine.partition import Partition
from stepraft.server.engine.processor import Processor
from stepraft.server.engine.timers import Timers
from stepraft.server.engine.working_state import WorkingState
from stepraft.server.raft.contract import RaftStatus
from stepraft.storage import appliers, entry, keys, queries
from stepraft.storage.appliers import fan_out
from stepraft.storage.appliers import tasks as task_appliers
from stepraft.storage.batch import Batch
from stepraft.storage.machine import Applied, Machine
from tests.simulation.cluster import simulate
from tests.simulation.oracle import Violation

Patch = pytest.MonkeyPatch


class Defect(NamedTuple):
    """What is broken, how, seeds that show it, and a part of what those runs say.

    `python tests/simulation/run.py --defects` finds other seeds, should the runs change.
    """

    name: str
    break_: Callable[[Patch], None]
    seeds: tuple[int, ...]
    seen_as: str


def keep_followed_commands(patch: Patch) -> None:
    def leave(batch: Batch, follows: int, left: tuple[entry.PendingCommand, ...]) -> None:
        for pending in left:
            batch.insert(keys.pending(pending.stamp), pending)

    patch.setattr(appliers, "follow_and_leave", leave)


def apply_entries_of_another_epoch(patch: Patch) -> None:
    def groups(self: Machine, index: int, header: entry.Header, data: bytes) -> Any:
        self._position = replace(self._position, epoch=header.epoch, number=header.number - 1)
        return checked(self, index, header, data)

    checked = Machine._groups
    patch.setattr(Machine, "_groups", groups)


def accept_stale_deliveries(patch: Patch) -> None:
    def delivered(task_id: str, delivery: int, view: View) -> TaskContext:
        return tasks._found(task_id, view)

    patch.setattr(tasks, "_delivered", delivered)


def forget_timers(patch: Patch) -> None:
    patch.setattr(queries, "timer_ids", lambda store, after, limit: [])


def forget_pending_commands(patch: Patch) -> None:
    def none(store: object) -> Iterator[entry.PendingCommand]:
        return iter(())

    patch.setattr(queries, "pending_commands", none)


def answer_before_commit(patch: Patch, kind: type[object] = StartedExecution) -> None:
    send = Processor._send

    def answer_and_send(self: Processor) -> None:
        proposed = self._building
        send(self)
        for future, reply in proposed.answers:
            if not future.done() and isinstance(reply, kind):
                assert not isinstance(reply, Rejection), "a kind of reply is looked for"
                future.set_result(reply)

    patch.setattr(Processor, "_send", answer_and_send)


def deliver_before_commit(patch: Patch) -> None:
    answer_before_commit(patch, Delivery)


def keep_the_epoch_when_a_proposal_is_lost(patch: Patch) -> None:
    patch.setattr(Partition, "_on_proposal_lost", lambda *_: None)


def take_the_entries_of_raft_for_its_own(patch: Patch) -> None:
    def is_of(applied: Applied, epoch: int) -> bool:
        return not applied.dropped and applied.epoch == epoch

    patch.setattr("stepraft.server.engine.partition._is_of", is_of)


def forget_the_clocks_of_others(patch: Patch) -> None:
    patch.setattr(HybridClock, "observe", lambda self, stamp: None)


def fire_early(patch: Patch) -> None:
    strike = Timers._strike

    def strike_early(self: Timers) -> None:
        clock = self._clock
        self._clock = _Ahead(clock)  # type: ignore[assignment]
        strike(self)
        self._clock = clock

    patch.setattr(Timers, "_strike", strike_early)


class _Ahead:
    """A clock that is ahead of another by a quarter of a second."""

    def __init__(self, clock: HybridClock) -> None:
        self._clock = clock

    def now_ms(self) -> int:
        return self._clock.now_ms() + 250


def forget_idempotency_keys(patch: Patch) -> None:
    patch.setattr(WorkingState, "execution_by_key", lambda self, tenant, namespace, key: None)


def let_ended_scopes_go_on(patch: Patch) -> None:
    patch.setattr(scopes, "is_open", lambda scope, view: True)


def leave_children_behind(patch: Patch) -> None:
    patch.setattr(fan_out, "_drop_child", lambda child_id, batch: None)


def keep_ended_tasks(patch: Patch) -> None:
    patch.setattr(task_appliers, "drop", lambda task, batch: None)


def catch_the_wrong_error(patch: Patch) -> None:
    patch.setattr(outcome, "matches", lambda errors, *_: "E1" in errors)


def write_other_rows_as_leader(patch: Patch) -> None:
    seal = WorkingState.seal

    def seal_more(self: WorkingState) -> Batch:
        self.batch.put(b"mextra", b"of the leader alone")
        return seal(self)

    patch.setattr(WorkingState, "seal", seal_more)


def raise_the_level_alone(patch: Patch) -> None:
    patch.setattr(levels, "common_level", lambda supported, status: supported)


def raise_the_level_past_those_away(patch: Patch) -> None:
    def of_connected(supported: int, status: RaftStatus) -> int:
        known = (peer.supported_level for peer in status.peers if peer.is_connected)
        return min([supported, *known])

    patch.setattr(levels, "common_level", of_connected)


def never_raise_the_level(patch: Patch) -> None:
    patch.setattr(levels.Levels, "start", lambda self: None)


DEFECTS = [
    Defect("a followed command stays pending", keep_followed_commands, (1,), "is followed twice"),
    Defect(
        "an entry of another epoch is applied", apply_entries_of_another_epoch, (44,), "Violation"
    ),
    Defect("a stale delivery counts", accept_stale_deliveries, (8,), "stale delivery counts"),
    Defect("a new leader forgets the timers", forget_timers, (2,), "stuck"),
    Defect("a new leader forgets pending commands", forget_pending_commands, (44,), "stuck"),
    Defect(
        "an answer comes before the commit", answer_before_commit, (1,), "that is not committed"
    ),
    Defect("a delivery comes before the commit", deliver_before_commit, (1,), "is handed out"),
    Defect(
        "an epoch outlives a lost proposal", keep_the_epoch_when_a_proposal_is_lost, (1,), "stuck"
    ),
    Defect(
        "Raft's own entries count as the epoch's",
        take_the_entries_of_raft_for_its_own,
        (3,),
        "pop from",
    ),
    Defect(
        "a clock ignores the old leader's", forget_the_clocks_of_others, (7,), "goes back in time"
    ),
    Defect("a timer strikes early", fire_early, (1,), "fires early"),
    Defect("a key is forgotten", forget_idempotency_keys, (1,), "a key starts two executions"),
    Defect("an ended scope goes on", let_ended_scopes_go_on, (12,), "Violation"),
    Defect("children's rows stay", leave_children_behind, (1,), "left over"),
    Defect("a task that is over can be completed", keep_ended_tasks, (1,), "is over twice"),
    Defect("Catch answers another error", catch_the_wrong_error, (12,), "ends as"),
    Defect(
        "the leader writes rows of its own", write_other_rows_as_leader, (1,), "replicas differ"
    ),
    Defect(
        "a leader asks nobody what they support",
        raise_the_level_alone,
        (2,),
        "raises the feature level",
    ),
    Defect(
        "a leader takes those away for upgraded",
        raise_the_level_past_those_away,
        (17, 51),
        "raises the feature level",
    ),
    Defect(
        "nobody raises the feature level", never_raise_the_level, (8,), "every replica supports"
    ),
]


def show(defect: Defect, seed: int, run: Callable[[int], object] = simulate) -> str:
    """Return what the run of a seed with the defect says, empty if it finds nothing wrong."""
    with pytest.MonkeyPatch.context() as patch:
        defect.break_(patch)
        try:
            run(seed)
        except Violation as violation:
            return str(violation)
    return ""
