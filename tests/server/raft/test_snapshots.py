"""Snapshots between one node and the peers that the test plays."""

from typing import Final

import msgspec
import pytest

from stepraft.server.raft.exposed import FOLLOWER, LEADER
from stepraft.server.raft.messages import (
    Append,
    Appended,
    Diverged,
    Mismatch,
    PreVoteAnswer,
    RaftMessage,
    RequestVote,
    SnapshotOffer,
    SnapshotPiece,
    SnapshotTaken,
    TimeoutNow,
    Vote,
)
from stepraft.server.raft.vote import Admission
from stepraft.storage.snapshot import SnapshotHead, SnapshotPart
from tests.server.raft.conftest import OpenJournal
from tests.server.raft.lists import ListSource, Row, checksum_of
from tests.server.raft.machine import ListMachine
from tests.server.raft.single import GENESIS, ONE, TWO, Alone, append

ROWS: Final[list[Row]] = [(1, b"%03d" % i) for i in range(1, 41)]
HEARTBEAT_S: Final = 0.06


def head_of(rows: list[Row]) -> SnapshotHead:
    return SnapshotHead(
        index=len(rows),
        term=rows[-1][0],
        checksum=checksum_of(rows),
        cluster_id="tests",
        format_version=1,
        feature_level=1,
        membership=GENESIS.encode(),
    )


def parts_of(rows: list[Row], size: int = 50) -> list[SnapshotPart]:
    source = ListSource(head_of(rows), rows)
    parts = [source.read(b"", size)]
    while not parts[-1].is_last:
        parts.append(source.read(parts[-1].next_cursor, size))
    return parts


def of_kind(kind: type, sent: list[tuple[str, RaftMessage]]) -> list[tuple[str, RaftMessage]]:
    return [(to, message) for to, message in sent if isinstance(message, kind)]


def machine_with(rows: list[Row]) -> ListMachine:
    machine = ListMachine()
    for index, (term, entry) in enumerate(rows, 1):
        machine.apply(index, term, entry)
    machine.membership = GENESIS.encode()
    return machine


# The follower


def follow(node: Alone) -> None:
    """n2 leads in term 1, and has compacted what this node lacks."""
    node.hear("n2", append(previous_index=90, previous_term=1, commit_index=90))
    node.sent.take()


def offer(node: Alone, rows: list[Row], number: int = 1) -> list[tuple[str, RaftMessage]]:
    node.hear("n2", SnapshotOffer(1, number, head_of(rows)))
    return node.sent.take()


def test_a_snapshot_is_taken_part_by_part_and_becomes_the_state(node: Alone) -> None:
    follow(node)
    parts = parts_of(ROWS)
    assert offer(node, ROWS) == [("n2", SnapshotTaken(1, 1, b""))]

    for part in parts:
        node.hear("n2", SnapshotPiece(1, 1, part))

    assert node.sent.take() == [
        ("n2", SnapshotTaken(1, 1, part.next_cursor, part is parts[-1])) for part in parts
    ]
    assert len(parts) > 3
    assert node.machine.rows == ROWS
    assert (node.raft.applied_index, node.raft.commit_index) == (40, 40)
    assert (node.journal.first_index, node.journal.last_index) == (40, 40)
    node.hear("n2", append((1, ONE), previous_index=40, previous_term=1, commit_index=41))
    node.tick()
    assert node.machine.rows == [*ROWS, (1, ONE[1:])]


def test_a_log_that_extends_the_snapshot_is_kept(node: Alone) -> None:
    entries = [(1, b"\0" + entry) for _, entry in ROWS[1:]]
    node.hear("n2", append(*entries, (1, ONE), (1, TWO), commit_index=2))
    offer(node, ROWS)

    node.hear("n2", *(SnapshotPiece(1, 1, part) for part in parts_of(ROWS)))

    assert (node.raft.applied_index, node.journal.first_index, node.journal.last_index) == (
        40,
        1,
        42,
    )


def test_a_log_that_contradicts_the_snapshot_goes(node: Alone) -> None:
    node.hear("n3", append(*[(2, ONE)] * 50, term=2))
    node.hear("n2", append(term=3, previous_index=90, previous_term=3))
    rows = [*ROWS[:39], (3, b"other")]
    node.hear("n2", SnapshotOffer(3, 1, head_of(rows)))

    node.hear("n2", *(SnapshotPiece(3, 1, part) for part in parts_of(rows)))

    assert (node.journal.first_index, node.journal.last_index, node.journal.last_term) == (
        40,
        40,
        3,
    )


def test_a_new_offer_goes_on_behind_what_came(node: Alone) -> None:
    follow(node)
    offer(node, ROWS)
    parts = parts_of(ROWS)
    node.hear("n2", SnapshotPiece(1, 1, parts[0]), SnapshotPiece(1, 1, parts[1]))
    node.sent.take()

    assert offer(node, ROWS, number=2) == [("n2", SnapshotTaken(1, 2, parts[1].next_cursor))]


@pytest.mark.parametrize(
    "piece",
    [
        pytest.param(SnapshotPiece(1, 2, parts_of(ROWS)[0]), id="of another offer"),
        pytest.param(SnapshotPiece(1, 1, parts_of(ROWS)[1]), id="behind a gap"),
        pytest.param(SnapshotPiece(0, 1, parts_of(ROWS)[0]), id="of an earlier term"),
    ],
)
def test_a_part_that_does_not_fit_changes_nothing(node: Alone, piece: SnapshotPiece) -> None:
    follow(node)
    offer(node, ROWS)

    node.hear("n2", piece)

    assert node.sent.take() == []
    assert offer(node, ROWS, number=5) == [("n2", SnapshotTaken(1, 5, b""))]


def test_a_damaged_part_begins_the_snapshot_again(node: Alone) -> None:
    follow(node)
    offer(node, ROWS)
    first, second, *_ = parts_of(ROWS)
    damaged = msgspec.structs.replace(second, digest=second.digest ^ 1)
    node.hear("n2", SnapshotPiece(1, 1, first), SnapshotPiece(1, 1, damaged))
    node.sent.take()

    assert offer(node, ROWS, number=2) == [("n2", SnapshotTaken(1, 2, b""))]
    assert node.machine.rows == []


def test_a_snapshot_that_is_not_ahead_is_not_taken(node: Alone) -> None:
    node.hear("n2", append((1, ONE), (1, TWO), commit_index=3))
    node.tick()

    assert offer(node, node.machine.rows) == []
    assert offer(node, node.machine.rows[:2]) == []


def test_a_snapshot_that_the_log_overtakes_is_dropped(node: Alone) -> None:
    node.hear("n2", append((1, ONE), (1, TWO), commit_index=1))
    rows: list[Row] = [(0, b""), (1, ONE[1:]), (1, TWO[1:])]
    offer(node, rows)
    node.hear("n2", append(previous_index=3, previous_term=1, commit_index=3))
    node.tick()
    node.tick()

    node.hear("n2", *(SnapshotPiece(1, 1, part) for part in parts_of(rows)))

    assert node.sent.take() == []


@pytest.fixture
def stateless(open_journal: OpenJournal, node: Alone) -> Alone:
    """A node with the entries 50 to 52 in a log that begins there, and no state."""
    journal = open_journal()
    journal.save_admission(Admission.ADMITTED)
    journal.reset(50, 1, GENESIS.encode())
    journal.append(51, [(1, ONE), (1, TWO)])
    journal.save_vote(1, None)
    return Alone(journal, node.clock)


def test_without_a_state_a_node_takes_entries_and_says_what_it_needs(stateless: Alone) -> None:
    stateless.hear("n2", append(previous_index=52, previous_term=1, commit_index=52))

    assert stateless.tick() == [("n2", Appended(1, 1, 52, snapshot_from=50))]
    assert (stateless.machine.rows, stateless.raft.commit_index) == ([], 52)


def test_without_a_state_a_node_votes(stateless: Alone) -> None:
    stateless.hear("n2", RequestVote(2, 52, 1))

    assert stateless.sent.take() == [("n2", Vote(2))]


def test_without_a_state_a_node_never_stands(stateless: Alone) -> None:
    stateless.hear("n2", append(previous_index=52, previous_term=1))
    stateless.tick()
    stateless.hear("n2", TimeoutNow(1))
    sent = [*stateless.tick(), *stateless.tick(5.0)]
    stateless.hear("n2", PreVoteAnswer(1, 1, True))
    stateless.hear("n3", PreVoteAnswer(1, 1, True))
    sent += [*stateless.tick(), *stateless.tick(5.0)]

    assert of_kind(RequestVote, sent) == []
    assert stateless.raft.state == FOLLOWER


def test_a_snapshot_below_the_log_is_not_taken(stateless: Alone) -> None:
    stateless.hear("n2", append(previous_index=52, previous_term=1))

    assert offer(stateless, ROWS) == []
    rows = [*ROWS, *[(1, b"")] * 10]
    assert offer(stateless, rows) == [("n2", SnapshotTaken(1, 1, b""))]
    stateless.hear("n2", *(SnapshotPiece(1, 1, part) for part in parts_of(rows)))
    assert (stateless.journal.first_index, stateless.journal.last_index) == (50, 52)


def test_a_state_that_a_majority_contradicts_is_forgotten(node: Alone) -> None:
    node.hear("n2", append((1, ONE), (1, TWO), commit_index=3))
    node.tick()
    verdict = Diverged(1, 3, node.machine.checksum)

    node.hear("n3", verdict)
    node.hear(
        "n2", Diverged(1, 3, node.machine.checksum ^ 1), Diverged(0, 3, node.machine.checksum)
    )
    assert (node.raft.applied_index, node.raft.lacks_state) == (3, False)

    node.hear("n2", verdict)
    assert (node.raft.applied_index, node.raft.lacks_state, node.machine.rows) == (0, True, [])
    node.hear("n2", append(previous_index=3, previous_term=1, commit_index=3))
    node.tick()
    # Replaying the log could lead to the same state again.
    assert node.machine.rows == []


# The leader


@pytest.fixture
def leader(open_journal: OpenJournal, node: Alone) -> Alone:
    """Leads in term 2, with a state of 40 entries and a log that begins at the last of them."""
    journal = open_journal()
    journal.save_admission(Admission.ADMITTED)
    journal.reset(40, 1, GENESIS.encode())
    journal.save_vote(1, None)
    leader = Alone(journal, node.clock, machine=machine_with(ROWS))
    leader.lead()
    leader.hear("n2", Appended(leader.raft.term, 1, 41))
    leader.tick()
    return leader


def lag(leader: Alone) -> list[tuple[str, RaftMessage]]:
    """n3 has nothing of the log that is kept."""
    leader.hear("n3", Mismatch(leader.raft.term, 1, 40, 10))
    return leader.tick()


def taken(leader: Alone, number: int, cursor: bytes, *, is_installed: bool = False) -> None:
    leader.hear("n3", SnapshotTaken(leader.raft.term, number, cursor, is_installed))


def pieces(leader: Alone, ticks: int = 10) -> list[SnapshotPart]:
    """What goes out in some ticks, each far enough from the last one."""
    sent = [each for _ in range(ticks) for each in leader.tick(0.001)]
    return [message.part for _, message in sent if isinstance(message, SnapshotPiece)]


def test_a_follower_below_the_log_is_offered_a_snapshot_and_hears_heartbeats(leader: Alone) -> None:
    term = leader.raft.term
    sent = lag(leader)

    machine = leader.machine
    head = msgspec.structs.replace(head_of(machine.rows), checksum=machine.checksum)
    assert of_kind(SnapshotOffer, sent) == [("n3", SnapshotOffer(term, 1, head))]
    heartbeats = [m for to, m in leader.tick(HEARTBEAT_S) if to == "n3" and isinstance(m, Append)]
    assert [(m.previous_index, m.previous_term, m.entries) for m in heartbeats] == [(40, 1, [])]
    assert heartbeats[0].round > 0


def test_parts_go_out_a_few_ahead_of_the_answers(leader: Alone) -> None:
    leader.raft._sending._part_bytes = 20
    lag(leader)
    assert pieces(leader) == []

    taken(leader, 1, b"")
    first = pieces(leader)
    taken(leader, 1, first[0].next_cursor)
    second = pieces(leader)

    assert (len(first), len(second), first[0].cursor) == (4, 1, b"")
    assert second[0].cursor == first[-1].next_cursor


def test_what_was_sent_into_a_broken_connection_is_sent_again(leader: Alone) -> None:
    leader.raft._sending._part_bytes = 20
    lag(leader)
    taken(leader, 1, b"")
    first = pieces(leader)
    leader.raft.on_disconnected("n3")
    assert pieces(leader) == []
    leader.connect("n3")

    offers = of_kind(SnapshotOffer, leader.tick())
    assert [message.number for _, message in offers if isinstance(message, SnapshotOffer)] == [2]
    taken(leader, 1, first[2].next_cursor)
    taken(leader, 2, first[0].next_cursor)

    assert [part.cursor for part in pieces(leader)][:1] == [first[1].cursor]


def wait(leader: Alone, seconds: float) -> list[tuple[str, RaftMessage]]:
    """What is sent while n2 answers and n3 does not."""
    sent: list[tuple[str, RaftMessage]] = []
    for _ in range(round(seconds / 0.25)):
        leader.hear("n2", Appended(leader.raft.term, 1, 41))
        sent += leader.tick(0.25)
    return sent


def test_an_offer_is_repeated_when_nothing_is_heard(leader: Alone) -> None:
    lag(leader)

    assert of_kind(SnapshotOffer, wait(leader, 0.75)) == []
    again = of_kind(SnapshotOffer, wait(leader, 0.5))
    assert [message.number for _, message in again if isinstance(message, SnapshotOffer)] == [2]


def test_who_has_installed_is_sent_what_follows(leader: Alone) -> None:
    lag(leader)
    taken(leader, 1, b"")
    last = pieces(leader)[-1]
    assert last.is_last
    index = leader.machine.applied_index
    leader.proposals.offer(b"next", lambda _: None)
    leader.tick()

    taken(leader, 1, last.next_cursor, is_installed=True)
    appends = [m for to, m in leader.tick(HEARTBEAT_S) if to == "n3" and isinstance(m, Append)]

    assert [(m.previous_index, len(m.entries)) for m in appends] == [(index, 1)]
    assert not leader.raft._sending.is_busy


def test_a_follower_that_says_so_is_offered_one_although_its_log_is_whole(leader: Alone) -> None:
    term = leader.raft.term
    leader.hear("n3", Appended(term, 1, 41, snapshot_from=60))
    assert of_kind(SnapshotOffer, leader.tick()) == []

    leader.hear("n3", Appended(term, 1, 41, snapshot_from=41))
    assert len(of_kind(SnapshotOffer, leader.tick())) == 1
    leader.hear("n3", Appended(term, 1, 41))
    leader.tick()
    assert not leader.raft._sending.is_busy


def test_who_asks_for_no_place_in_the_snapshot_is_offered_it_again(leader: Alone) -> None:
    lag(leader)
    taken(leader, 1, b"\xc1")

    assert pieces(leader) == []
    again = of_kind(SnapshotOffer, wait(leader, 1.25))
    assert [message.number for _, message in again if isinstance(message, SnapshotOffer)] == [2]


def test_who_stays_away_too_long_finds_a_new_snapshot(leader: Alone) -> None:
    lag(leader)
    leader.raft.on_disconnected("n3")
    wait(leader, 29.0)
    assert leader.raft._sending.is_busy
    wait(leader, 2.0)

    assert not leader.raft._sending.is_busy


def test_the_end_of_a_reign_closes_what_was_open(leader: Alone) -> None:
    lag(leader)
    leader.hear("n2", append(term=9, previous_index=41, previous_term=leader.raft.term))

    assert (leader.raft.state, leader.raft._sending.is_busy) == (FOLLOWER, False)


def test_a_follower_that_differs_from_a_majority_is_told(leader: Alone) -> None:
    term, index = leader.raft.term, leader.machine.applied_index
    report = Appended(term, 1, 41, applied_index=index, checksum=leader.machine.checksum)
    wrong = msgspec.structs.replace(report, checksum=77)
    leader.hear("n3", wrong)
    assert of_kind(Diverged, leader.tick()) == []

    leader.hear("n2", report)
    leader.hear("n3", wrong)

    assert of_kind(Diverged, leader.tick()) == [("n3", Diverged(term, index, 77))]


def test_a_leader_that_differs_from_a_majority_hands_over_and_forgets(leader: Alone) -> None:
    term, index = leader.raft.term, leader.machine.applied_index
    wrong = Appended(term, 1, 41, applied_index=index, checksum=77)
    leader.hear("n3", wrong)
    assert leader.raft.state == LEADER

    leader.hear("n2", wrong)

    sent = of_kind(TimeoutNow, leader.sent.take())
    assert sent == [("n2", TimeoutNow(term))]
    assert (leader.raft.state, leader.raft.lacks_state) == (FOLLOWER, True)
    assert leader.machine.rows == []


def test_who_has_forgotten_its_state_is_in_doubt_no_more(leader: Alone) -> None:
    term, index = leader.raft.term, leader.machine.applied_index
    leader.hear("n3", Appended(term, 1, 41, applied_index=index, checksum=77))
    leader.hear("n3", Appended(term, 1, 41, snapshot_from=1))

    assert len(of_kind(SnapshotOffer, leader.tick())) == 1


def test_while_nobody_knows_who_is_wrong_no_state_is_passed_on(leader: Alone) -> None:
    term, index = leader.raft.term, leader.machine.applied_index
    leader.hear("n2", Appended(term, 1, 41, applied_index=index, checksum=77))

    assert of_kind(SnapshotOffer, lag(leader)) == []
    leader.hear("n2", Appended(term, 1, 41, applied_index=index, checksum=leader.machine.checksum))
    assert len(of_kind(SnapshotOffer, leader.tick())) == 1
