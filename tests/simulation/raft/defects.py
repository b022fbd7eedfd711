"""Known errors to put back in, one at a time: the simulation must notice each of them."""

from struct import Struct as Layout
from typing import Any, Final

import pytest
from msgspec import Struct

from stepraft.server.raft import following, matching, records
from stepraft.server.raft.barriers import Barriers
from stepraft.server.raft.corrections import CorrectedRaft
from stepraft.server.raft.elections import Elections
from stepraft.server.raft.following import Following
from stepraft.server.raft.formation import Formation
from stepraft.server.raft.journal import Journal
from stepraft.server.raft.leading import Leading
from stepraft.server.raft.membership_log import Landmark, MembershipLog
from stepraft.server.raft.messages import (
    Append,
    Appended,
    Readmitted,
    RequestVote,
    SnapshotOffer,
    SnapshotPiece,
    SnapshotTaken,
)
from stepraft.server.raft.progress import Progress
from stepraft.server.raft.reshaping import Reshaping
from stepraft.server.raft.segment import Base
from stepraft.server.raft.snapshots_receiving import SnapshotReceiving
from stepraft.server.raft.snapshots_sending import SnapshotSending
from stepraft.server.raft.vote import Ballot, BallotFile
from tests.simulation.raft.disks import SimulatedFile
from tests.simulation.raft.stores import Store


class Defect(Struct, frozen=True):
    """Replaces `target.attribute`; `seeds` notice it, `changing_seeds` in groups that change."""

    name: str
    target: Any
    attribute: str
    replacement: Any
    seeds: tuple[int, ...] = ()
    changing_seeds: tuple[int, ...] = ()


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


def _compact_unsynced_store(raft: CorrectedRaft) -> None:
    raft._journal.drop_to(min(raft._floor_index, raft.applied_index) - 1)


def _take_any_snapshot(
    receiving: SnapshotReceiving, offer: SnapshotOffer, lowest_index: int
) -> SnapshotTaken:
    receiving._target = receiving._machine.begin_install(offer.head)
    receiving._number = offer.number
    return SnapshotTaken(offer.term, offer.number, receiving._target.cursor)


def _wipe_the_log(raft: CorrectedRaft) -> None:
    raft._journal.reset(
        raft._machine.applied_index, raft._machine.applied_term, raft._machine.membership
    )
    _GO_ON(raft)
    raft.commit_index = raft.applied_index


_GO_ON: Final = CorrectedRaft._go_on_from_snapshot


def _reset_without_a_mark(journal: Journal, index: int, term: int, membership: bytes) -> None:
    """In memory all is well; the files are those of a log with a gap."""
    base = Base(index=index, term=term)
    journal.memberships = MembershipLog([Landmark(index, membership)] if membership else [])
    journal._add_segment(journal._segments[-1].number + 1, None)
    journal._begin_anew(base)
    journal.durable_index = index


def _install_at_once(receiving: SnapshotReceiving, piece: SnapshotPiece) -> SnapshotTaken | None:
    answer = _ON_PIECE(receiving, piece)
    if answer is None or receiving._target is None:
        return answer
    receiving._install(receiving._target)
    return SnapshotTaken(piece.term, piece.number, piece.part.next_cursor, True)


_ON_PIECE: Final = SnapshotReceiving.on_piece


def _commit_behind_the_base(raft: Following, node_id: str, message: Append) -> None:
    _TAKE_METHOD(raft, node_id, message)
    journal = raft._journal
    if journal.first_replayable_index > journal.first_index:
        raft.commit_index = max(raft.commit_index, message.commit_index)


def _stand_in_any_state(raft: CorrectedRaft) -> bool:
    return raft._is_voter() and raft._formation.may_vote


def _readmit_at_once(raft: Reshaping, node_id: str, answer: Appended) -> None:
    super(Reshaping, raft)._on_appended(node_id, answer)
    if raft.is_leader and answer.abstaining:
        raft._network.send(node_id, Readmitted(raft.term, answer.abstaining))


def _count_who_abstains(raft: Leading) -> list[Progress]:
    return [raft._progress[node_id] for node_id in raft._peer_voters()]


def _count_learners(raft: Leading) -> list[Progress]:
    learners = [raft._progress[node_id] for node_id in raft.membership.learners]
    return [*_COUNTED(raft), *learners]


_COUNTED: Final = Leading._counted


def _change_at_any_time(raft: Reshaping) -> bool:
    return True


def _vote_for_whoever_asks(raft: Elections, node_id: str, request: RequestVote) -> None:
    called = RequestVote(request.term, request.last_index, request.last_term, is_called=True)
    _ON_REQUEST_VOTE(raft, node_id, called)


_ON_REQUEST_VOTE: Final = Elections._on_request_vote


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
    Defect("the vote is kept in memory", BallotFile, "cast", _vote_in_memory, (2, 4)),
    Defect("a follower voids entries that match", following, "take", _void_what_matches, (0, 4)),
    Defect(
        "a follower commits what it did not match",
        Following,
        "_take",
        _commit_without_match,
        (0, 6),
    ),
    Defect(
        "a follower acknowledges before its disk", Following, "_pay", _acknowledge_unsynced, (4, 5)
    ),
    Defect(
        "a leader counts itself before its disk", CorrectedRaft, "_onTick", _lead_unsynced, (5, 6)
    ),
    Defect("a barrier asks nobody", Barriers, "settle", _confirm_at_once, (68,)),
    Defect("a follower below the log gets nothing", SnapshotSending, "tick", _do_nothing, (0, 1)),
    Defect(
        "an installed snapshot moves the state back",
        SnapshotReceiving,
        "on_offer",
        _take_any_snapshot,
        (0, 15),
    ),
    Defect(
        "the log is wiped although it extends the snapshot",
        CorrectedRaft,
        "_go_on_from_snapshot",
        _wipe_the_log,
        (2, 12),
    ),
    Defect("reset leaves the old segments", Journal, "reset", _reset_without_a_mark, (6, 12)),
    Defect("a cut snapshot is installed", SnapshotReceiving, "on_piece", _install_at_once, (0, 1)),
    Defect(
        "commit beyond what a reset log holds", Following, "_take", _commit_behind_the_base, (0, 1)
    ),
    Defect(
        "a node without a state leads", CorrectedRaft, "_may_stand", _stand_in_any_state, (12, 22)
    ),
    Defect(
        "the store is switched before it is durable",
        Store,
        "_make_incoming_durable",
        _do_nothing,
        (2, 9),
    ),
    Defect("checksums are not compared", CorrectedRaft, "_compare", _do_nothing, (2, 6)),
    Defect(
        "compaction runs ahead of the store's disk",
        CorrectedRaft,
        "_SyncObj__tryLogCompaction",
        _compact_unsynced_store,
        (7,),
    ),
    Defect(
        "a deposed leader forgets who waits",
        Leading,
        "_SyncObj__setState",
        _set_state_silently,
        (0,),
    ),
    Defect("a start trusts what was never synced", Journal, "_load", _load_without_sync, (5,)),
    Defect("records are not checked", records, "decode", _decode_unchecked, (3, 4)),
    Defect(
        "a write cut short counts as damage", records, "_was_durable", _any_record_behind, (28,)
    ),
    Defect("a torn tail is left behind the log", SimulatedFile, "cut", _keep_torn_bytes, (31,)),
    Defect(
        "a lost folder votes",
        Formation,
        "may_vote",
        property(lambda _: True),
        changing_seeds=(3, 5),
    ),
    Defect("who abstains counts", Leading, "_counted", _count_who_abstains, changing_seeds=(58,)),
    Defect(
        "who abstains is readmitted at once",
        Reshaping,
        "_on_appended",
        _readmit_at_once,
        changing_seeds=(16, 17),
    ),
    Defect("a voided membership stays", MembershipLog, "void", _do_nothing, changing_seeds=(0, 5)),
    Defect(
        "two changes at once", Reshaping, "_may_change", _change_at_any_time, changing_seeds=(0, 3)
    ),
    Defect("a learner counts", Leading, "_counted", _count_learners, changing_seeds=(6, 22)),
    Defect(
        "a leader is deposed by whoever stands",
        Elections,
        "_on_request_vote",
        _vote_for_whoever_asks,
        changing_seeds=(3, 4),
    ),
)
