"""Real nodes on loopback: one that the log cannot bring up any more gets a snapshot."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import msgspec
import pytest

from stepraft.server.raft.contract import Condition, ProposalKind
from stepraft.server.raft.settings import RaftSettings
from tests.server.raft.conftest import Group

SEGMENT_BYTES = 8 << 10


class ShortLogs(Group):
    """Logs of a few segments, so that compaction waits for nobody for long."""

    def settings(self, node_id: str) -> RaftSettings:
        return msgspec.structs.replace(
            super().settings(node_id),
            fsync=False,
            segment_bytes=SEGMENT_BYTES,
            tail_bytes=1000,
            keep_entries=0,
            journal_bytes_max=16 * SEGMENT_BYTES,
            snapshot_part_bytes=4000,
        )


class Writer:
    """Proposes one entry after another until it is stopped; `entries` were applied."""

    def __init__(self, group: Group) -> None:
        self.entries: list[bytes] = []
        self._group = group
        self._is_stopped = Event()
        self._thread = Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._is_stopped.set()
        self._thread.join()

    def _run(self) -> None:
        number = 0
        while not self._is_stopped.is_set():
            number += 1
            entry = b"written beside %d" % number
            if self._group.propose(self._group.leader(), entry).kind is ProposalKind.APPLIED:
                self.entries.append(entry)


@pytest.fixture
def short_logs(tmp_path: Path) -> Iterator[ShortLogs]:
    group = ShortLogs(tmp_path, 3)
    yield group
    group.close()


def fill(group: Group, leader: str, count: int) -> list[bytes]:
    entries = [b"%06d" % i + bytes(500) for i in range(count)]
    for entry in entries:
        assert group.propose(leader, entry).kind is ProposalKind.APPLIED
    return entries


def follower_of(group: Group, leader: str) -> str:
    return next(node_id for node_id in group.members if node_id != leader)


def test_a_node_that_was_away_while_the_others_compacted_catches_up_beside_writes(
    short_logs: ShortLogs,
) -> None:
    group = short_logs
    group.start()
    leader = group.leader()
    before = fill(group, leader, 3)
    group.await_entries(before)
    away = follower_of(group, leader)
    group.stop(away)
    missed = fill(group, leader, 400)
    group.until(lambda: group.nodes[leader].status().first_index > 10 or None)
    writer = Writer(group)
    try:
        group.start(away)
        group.until(lambda: group.machines[away].installed_index or None)
        group.until(lambda: group.nodes[away].status().first_index > 10 or None)
    finally:
        writer.stop()

    group.await_entries([*before, *missed, *writer.entries])


def test_a_node_that_lost_its_folder_while_the_others_compacted_is_brought_up(
    short_logs: ShortLogs,
) -> None:
    group = short_logs
    group.start()
    leader = group.leader()
    entries = fill(group, leader, 400)
    lost = follower_of(group, leader)
    group.stop(lost)
    folder = group.settings(lost).folder
    folder.rename(folder.with_name("lost"))
    group.until(lambda: group.nodes[leader].status().first_index > 10 or None)

    group.start(lost)

    group.await_entries(entries)
    group.until(lambda: group.nodes[lost].status().condition is Condition.NORMAL or None)


@pytest.mark.parametrize("spoils_leader", [False, True], ids=["a follower", "the leader"])
def test_a_node_whose_state_differs_is_noticed_and_gets_the_right_one(
    spoils_leader: bool, short_logs: ShortLogs
) -> None:
    group = short_logs
    group.start()
    leader = group.leader()
    entries = fill(group, leader, 5)
    group.await_entries(entries)
    wrong = leader if spoils_leader else follower_of(group, leader)

    group.machines[wrong].spoil()

    group.until(lambda: group.machines[wrong].installed_index or None)
    entries.append(b"after")
    assert group.propose(group.leader(), b"after").kind is ProposalKind.APPLIED
    group.await_entries(entries)
    assert group.failures.empty()
