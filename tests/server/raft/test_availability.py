"""What a leader and its followers do when disks fill up or slow down."""

import pytest

from stepraft.server.raft.availability import AGAIN_AFTER_S, SLOW_FOR_S
from stepraft.server.raft.contract import ProposalKind, ProposalResult, Room, Shortage
from stepraft.server.raft.messages import Append, Appended, RaftMessage, TimeoutNow
from tests.server.raft.disks import CRITICAL_BYTES, LOW_BYTES, MeasuredDisk, space_on
from tests.server.raft.single import ONE, TWO, Alone, append, log_of

LOW, CRITICAL = Room.LOW, Room.CRITICAL


@pytest.fixture
def disk(node: Alone) -> MeasuredDisk:
    """The disk of the node, n1, as far as its room goes."""
    disk = MeasuredDisk()
    node.raft._space = space_on(disk)
    return disk


def transfers(sent: list[tuple[str, RaftMessage]]) -> list[str]:
    """Who is asked to stand, each once: it is repeated until somebody has taken over."""
    asked = [node_id for node_id, message in sent if isinstance(message, TimeoutNow)]
    return list(dict.fromkeys(asked))


def entries_to(node_id: str, sent: list[tuple[str, RaftMessage]]) -> list[bytes]:
    return [
        data
        for to, message in sent
        if to == node_id and isinstance(message, Append)
        for _, data in message.entries
    ]


def lead(node: Alone, *, rooms: tuple[Room, Room] = (Room.ENOUGH, Room.ENOUGH)) -> None:
    """Win, and hear from n2 and n3 that they have all, and how their disks stand."""
    node.lead()
    answer(node, rooms=rooms)
    node.tick()


def answer(
    node: Alone,
    *,
    rooms: tuple[Room, Room] = (Room.ENOUGH, Room.ENOUGH),
    syncs_us: tuple[int, int] = (0, 0),
) -> None:
    last, number = node.journal.last_index, node.raft._round
    for node_id, room, sync_us in zip(("n2", "n3"), rooms, syncs_us, strict=True):
        free_bytes = 0 if room is Room.ENOUGH else 9
        told = Appended(node.raft.term, number, last, room, free_bytes, sync_us)
        node.hear(node_id, told)


def answer_of(node: Alone, number: int, room: Room = Room.ENOUGH, free_bytes: int = 0) -> Appended:
    """What a follower in term 1 says that has two entries and has applied the first."""
    assert node.machine.applied_index == 1
    checksum = node.machine.checksum
    return Appended(1, number, 2, room, free_bytes, applied_index=1, checksum=checksum)


# A follower


def test_a_follower_without_room_takes_no_entries_and_says_so(
    node: Alone, disk: MeasuredDisk
) -> None:
    node.hear("n2", append((1, ONE)))
    node.tick()
    disk.fill(leaving=CRITICAL_BYTES - 1)
    node.tick(0.1)
    node.hear("n2", append((1, TWO), previous_index=2, previous_term=1, round=2))

    sent = node.tick(0.01)

    assert sent == [("n2", answer_of(node, 2, CRITICAL, CRITICAL_BYTES - 1))]
    assert log_of(node) == [ONE]


def test_a_follower_takes_entries_again_when_there_is_room(node: Alone, disk: MeasuredDisk) -> None:
    disk.fill(leaving=0)
    node.hear("n2", append((1, ONE)))
    node.tick()
    disk.fill(leaving=LOW_BYTES * 2)
    node.tick(0.2)
    node.hear("n2", append((1, ONE)))

    assert node.tick() == [("n2", answer_of(node, 1))]


def test_nothing_is_applied_on_a_disk_without_a_byte(node: Alone, disk: MeasuredDisk) -> None:
    node.hear("n2", append((1, ONE)))
    node.tick()
    disk.fill(leaving=0)
    node.tick(0.2)
    disk.fill(leaving=0)
    node.tick(0.2)
    node.hear("n2", append(previous_index=2, previous_term=1, commit_index=2, round=2))
    node.tick(0.01)
    assert node.machine.log == [b""]

    disk.fill(leaving=LOW_BYTES * 2)
    node.tick(0.2)

    assert node.machine.log == [b"", ONE[1:]]


# A leader


def test_a_follower_without_room_is_sent_heartbeats_alone(node: Alone) -> None:
    lead(node, rooms=(Room.ENOUGH, CRITICAL))
    node.proposals.offer(b"one", lambda _: None)

    sent = node.tick()

    assert entries_to("n2", sent) == [ONE]
    assert entries_to("n3", sent) == []


def test_a_follower_is_sent_what_it_lacks_when_it_has_room_again(node: Alone) -> None:
    lead(node, rooms=(Room.ENOUGH, CRITICAL))
    node.proposals.offer(b"one", lambda _: None)
    node.tick()
    node.hear("n3", Appended(node.raft.term, node.raft._round, node.journal.last_index - 1))

    assert entries_to("n3", node.tick()) == [ONE]


@pytest.mark.parametrize(
    ("free_bytes", "rooms", "shortage"),
    [
        pytest.param(10_000, (CRITICAL, Room.ENOUGH), None, id="one follower is full"),
        pytest.param(
            10_000,
            (LOW, CRITICAL),
            Shortage(LOW, "n2", 9, LOW_BYTES),
            id="a majority is low",
        ),
        pytest.param(
            10_000,
            (CRITICAL, CRITICAL),
            Shortage(CRITICAL, "n2", 9, CRITICAL_BYTES),
            id="a majority is full",
        ),
        pytest.param(
            700, (Room.ENOUGH, LOW), Shortage(LOW, "n1", 700, LOW_BYTES), id="the leader is low"
        ),
        pytest.param(
            300,
            (LOW, CRITICAL),
            Shortage(CRITICAL, "n1", 300, CRITICAL_BYTES),
            id="the leader is full",
        ),
    ],
)
def test_a_leader_says_why_writes_are_refused(
    free_bytes: int,
    rooms: tuple[Room, Room],
    shortage: Shortage | None,
    node: Alone,
    disk: MeasuredDisk,
) -> None:
    lead(node, rooms=rooms)
    disk.fill(leaving=free_bytes)
    node.tick(0.2)

    assert node.raft.status.shortage == shortage


def test_proposals_wait_while_a_majority_has_no_room(node: Alone) -> None:
    results: list[ProposalResult] = []
    lead(node, rooms=(CRITICAL, CRITICAL))
    node.proposals.offer(b"one", results.append)
    node.tick(0.1)
    assert (log_of(node)[1:], results) == ([], [])

    answer(node)
    node.tick()
    answer(node)
    node.tick()

    assert results == [ProposalResult(ProposalKind.APPLIED, node.journal.last_index)]


def test_reads_go_on_while_a_majority_has_no_room(node: Alone) -> None:
    read: list[bool] = []
    lead(node, rooms=(CRITICAL, CRITICAL))
    node.barriers.ask(read.append, node.clock[0] + 1.0)
    node.tick()
    answer(node, rooms=(CRITICAL, CRITICAL))
    node.tick()

    assert read == [True]


@pytest.mark.parametrize(
    ("free_bytes", "rooms", "successors"),
    [
        pytest.param(700, (LOW, Room.ENOUGH), ["n3"], id="low, to the one with room"),
        pytest.param(300, (LOW, LOW), ["n2"], id="full, to one that is low"),
        pytest.param(700, (LOW, CRITICAL), [], id="nobody has more"),
        pytest.param(300, (CRITICAL, Room.ENOUGH), [], id="no majority could take entries"),
    ],
)
def test_a_leader_without_room_hands_over(
    free_bytes: int,
    rooms: tuple[Room, Room],
    successors: list[str],
    node: Alone,
    disk: MeasuredDisk,
) -> None:
    lead(node, rooms=rooms)
    disk.fill(leaving=free_bytes)

    assert transfers(node.tick(0.2) + node.tick(0.06)) == successors


def test_a_leader_whose_disk_stalls_hands_over_once_in_a_minute(
    node: Alone, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead(node)
    sync = node.journal.sync

    def slow_sync() -> bool:
        if has_waited := sync():
            node.clock[0] += 0.2
        return has_waited

    monkeypatch.setattr(node.journal, "sync", slow_sync)

    def work(seconds: float) -> list[str]:
        sent: list[tuple[str, RaftMessage]] = []
        until = node.clock[0] + seconds
        while node.clock[0] < until:
            node.proposals.offer(b"one", lambda _: None)
            sent += node.tick(0.05)
            answer(node, syncs_us=(150_000, 2_000))
        return transfers(sent)

    assert work(SLOW_FOR_S) == []
    assert work(2 * SLOW_FOR_S) == ["n3"]
    assert work(AGAIN_AFTER_S - 5 * SLOW_FOR_S) == []
    assert work(5 * SLOW_FOR_S) == ["n3"]
