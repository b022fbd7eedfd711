"""Defects on purpose, in every layer: each takes one remedy out, and a seed must show it."""

from collections.abc import Callable

from stepraft.server.raft.formation import Formation
from stepraft.server.raft.snapshots_sending import SnapshotSending
from stepraft.storage import keys, restart
from stepraft.storage import machine as storage_machine
from stepraft.storage.kv import KeyValueStore
from stepraft.storage.rows import Position
from tests.simulation import defects as engine
from tests.simulation.defects import Defect, Patch
from tests.simulation.raft.defects import REMEDIES


def without(name: str) -> Callable[[Patch], None]:
    """Take out the remedy of Raft that has this name in `tests.simulation.raft.defects`."""
    found = next(remedy for remedy in REMEDIES if remedy.name == name)

    def take_out(patch: Patch) -> None:
        patch.setattr(found.target, found.attribute, found.replacement)

    return take_out


# Storage


def trust_what_was_written_last(patch: Patch) -> None:
    patch.setattr(restart, "restart_position", restart.written_position)


def say_durable_without_a_sync(patch: Patch) -> None:
    def only_say_so(store: KeyValueStore, position: Position) -> None:
        last = keys.trail(position.applied_index)
        trail = restart._trail_behind(restart._read(store, keys.SYNCED), store)
        gone = [(key, None) for key in trail if key <= last]
        store.write([(keys.SYNCED, restart._encode(position)), *gone])

    patch.setattr(restart, "make_durable", only_say_so)


def take_a_batch_for_another_entry(patch: Patch) -> None:
    """What a leader prepared is taken for whatever comes next, whoever decided it."""

    def first(self: storage_machine.Machine, header: object, entry: bytes) -> object:
        if self._prepared:
            return self._prepared.pop(next(iter(self._prepared)))
        return batch_of(self, header, entry)  # type: ignore[arg-type]

    batch_of = storage_machine.Machine._batch_of
    patch.setattr(storage_machine.Machine, "_batch_of", first)


# Raft


def vote_after_a_loss(patch: Patch) -> None:
    patch.setattr(Formation, "may_vote", property(lambda self: True))
    patch.setattr(Formation, "abstaining", property(lambda self: 0))


def send_no_snapshots(patch: Patch) -> None:
    patch.setattr(SnapshotSending, "tick", lambda *_: None)


DEFECTS = [
    Defect(
        "an answer comes before the commit", engine.answer_before_commit, (1, 2), "not committed"
    ),
    Defect("a new leader forgets the timers", engine.forget_timers, (1,), "stuck"),
    Defect("a clock ignores the old leader's", engine.forget_the_clocks_of_others, (3,), "back in"),
    Defect("a stale delivery counts", engine.accept_stale_deliveries, (8,), "stale delivery"),
    Defect("the newest write is trusted", trust_what_was_written_last, (8,), ""),
    Defect("a sync of the store waits for nothing", say_durable_without_a_sync, (23,), ""),
    Defect("nobody gets a snapshot", send_no_snapshots, (1,), "not healed"),
    Defect("a lost folder votes", vote_after_a_loss, (3,), "lead in term"),
    Defect(
        "a follower acknowledges before its disk",
        without("a follower acknowledges before its disk"),
        (1,),
        "",
    ),
    Defect(
        "a leader counts itself before its disk",
        without("a leader counts itself before its disk"),
        (6, 7),
        "",
    ),
    Defect(
        "compaction runs ahead of the store's disk",
        without("compaction runs ahead of the store's disk"),
        (3,),
        "",
    ),
    Defect(
        "a batch is taken for another entry",
        take_a_batch_for_another_entry,
        (13,),
        "replicas differ",
    ),
]
