"""Known errors to put back in, one at a time: the simulation must notice each of them."""

from struct import Struct as Layout
from typing import Any, Final

import pytest
from msgspec import Struct

from stepraft.server.raft import following, matching, records
from stepraft.server.raft.barriers import Barriers
from stepraft.server.raft.corrections import CorrectedRaft
from stepraft.server.raft.following import Following
from stepraft.server.raft.journal import Journal
from stepraft.server.raft.leading import Leading
from stepraft.server.raft.messages import Append, Appended
from stepraft.server.raft.vote import Ballot, BallotFile
from tests.simulation.raft.disks import SimulatedFile


class Defect(Struct, frozen=True):
    """Replaces `target.attribute`; `seeds` notice it."""

    name: str
    target: Any
    attribute: str
    replacement: Any
    seeds: tuple[int, ...]


def _do_nothing(*_: object) -> None:
    """What a remedy is without its effect."""


def _vote_in_memory(file: BallotFile, term: int, vote: str | None) -> None:
    if file.ballot.number == 0:
        _CAST(file, term, vote)
        return
    number = file.ballot.number + 1
    file.ballot = Ballot(identity=file.ballot.identity, number=number, term=term, vote=vote)


_CAST: Final = BallotFile.cast


def _void_what_matches(journal: Journal, commit_index: int, message: Append) -> Any:
    previous = message.previous_index
    taken = _TAKE(journal, commit_index, message)
    if isinstance(taken, matching.Matched) and journal.first_index <= previous < journal.last_index:
        journal._void(max(previous + 1 + len(message.entries), journal.first_index + 1))
    return taken


_TAKE: Final = matching.take


def _commit_without_match(raft: Following, node_id: str, message: Append) -> None:
    _TAKE_METHOD(raft, node_id, message)
    raft.commit_index = max(raft.commit_index, min(message.commit_index, raft._journal.last_index))


_TAKE_METHOD: Final = Following._take


def _acknowledge_unsynced(raft: Following) -> None:
    owed, raft._owed = raft._owed, None
    if owed is not None and owed.term == raft.term:
        answer = Appended(owed.term, owed.round, owed.match_index)
        raft._network.send(owed.leader_id, answer)


def _lead_unsynced(raft: CorrectedRaft, timeout_s: float = 0.0) -> None:
    journal = raft._journal
    if raft.is_leader:
        journal.__dict__["sync"] = lambda: setattr(journal, "durable_index", journal.last_index)
    try:
        _ON_TICK(raft, timeout_s)
    finally:
        journal.__dict__.pop("sync", None)


_ON_TICK: Final = CorrectedRaft._onTick


def _decode_unchecked(buffer: bytes, offset: int, seed: int) -> records.Record | None:
    magic, length, durable, index, term = _UNCHECKED.unpack_from(
        buffer[offset : offset + records.HEADER_BYTES].ljust(records.HEADER_BYTES, b"\0")
    )
    end = offset + records.HEADER_BYTES + length
    if magic != records._MAGIC or end > len(buffer):
        return None
    data = buffer[offset + records.HEADER_BYTES : end]
    return records.Record(offset, end, durable, index, term, data)


_UNCHECKED: Final = Layout("<4s4xIIQQ")


def _any_record_behind(buffer: bytes, bad_offset: int, seed: int) -> bool:
    return buffer.find(records._MAGIC, bad_offset + 1) >= 0


def _confirm_at_once(barriers: Barriers, _: int, applied_index: int, now: float) -> None:
    _SETTLE(barriers, 1 << 62, applied_index, now)


_SETTLE: Final = Barriers.settle


def _compact_what_is_applied(raft: CorrectedRaft) -> None:
    raft._journal.drop_to(raft.applied_index - 1)


def _compact_unsynced_store(raft: CorrectedRaft) -> None:
    raft._journal.drop_to(min(raft._floor_index, raft.applied_index) - 1)


def _set_state_silently(raft: Leading, state: int) -> None:
    super(Leading, raft)._SyncObj__setState(state)


def _load_without_sync(journal: Journal, names: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SimulatedFile, "sync", _do_nothing)
        _LOAD(journal, names)


_LOAD: Final = Journal._load


def _keep_torn_bytes(file: SimulatedFile, offset: int, size: int) -> None:
    """The end of the log is where it is; nobody looks behind it."""


REMEDIES: Final = (
    Defect("the vote is kept in memory", BallotFile, "cast", _vote_in_memory, (7, 12)),
    Defect("a follower voids entries that match", following, "take", _void_what_matches, (0, 4, 5)),
    Defect(
        "a follower commits what it did not match",
        Following,
        "_take",
        _commit_without_match,
        (0, 18),
    ),
    Defect(
        "a follower acknowledges before its disk", Following, "_pay", _acknowledge_unsynced, (4, 5)
    ),
    Defect(
        "a leader counts itself before its disk", CorrectedRaft, "_onTick", _lead_unsynced, (2, 4)
    ),
    Defect("a barrier asks nobody", Barriers, "settle", _confirm_at_once, (25, 74)),
    Defect(
        "compaction forgets members that lag",
        CorrectedRaft,
        "_SyncObj__tryLogCompaction",
        _compact_what_is_applied,
        (2, 3),
    ),
    Defect(
        "compaction runs ahead of the store's disk",
        CorrectedRaft,
        "_SyncObj__tryLogCompaction",
        _compact_unsynced_store,
        (2, 4),
    ),
    Defect(
        "a deposed leader forgets who waits",
        Leading,
        "_SyncObj__setState",
        _set_state_silently,
        (1, 5),
    ),
    Defect("a start trusts what was never synced", Journal, "_load", _load_without_sync, (22, 35)),
    Defect("records are not checked", records, "decode", _decode_unchecked, (4, 6)),
    Defect(
        "a write cut short counts as damage", records, "_was_durable", _any_record_behind, (18, 21)
    ),
    Defect("a torn tail is left behind the log", SimulatedFile, "cut", _keep_torn_bytes, (18, 28)),
)
