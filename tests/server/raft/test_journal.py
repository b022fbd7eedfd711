"""The journal on a real folder: what comes back, what is cut, what is refused."""

import errno
import os
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stepraft.server.raft.contract import StartError
from stepraft.server.raft.disk import Folder
from stepraft.server.raft.journal import Entry, Journal
from stepraft.server.raft.segment import HEAD_BYTES
from stepraft.server.raft.vote import Identity
from tests.server.raft.conftest import IDENTITY, OpenJournal

ENTRIES: list[Entry] = [(1 + i // 100, b"entry %06d" % i) for i in range(1, 301)]


def all_of(journal: Journal) -> list[Entry]:
    count = journal.last_index + 1 - journal.first_index
    return journal.entries(journal.first_index, count, 1 << 30)


def fill(journal: Journal, entries: list[Entry], batch: int = 7) -> None:
    for start in range(0, len(entries), batch):
        journal.append(1 + start, entries[start : start + batch])
        journal.sync()


def test_entries_term_and_vote_come_back(open_journal: OpenJournal) -> None:
    journal = open_journal()
    fill(journal, ENTRIES)
    journal.save_vote(9, "n3")

    again = open_journal()

    assert all_of(again) == ENTRIES
    assert (again.term, again.vote, again.torn_tail) == (9, "n3", None)
    assert (again.first_index, again.last_index, again.durable_index) == (1, 300, 300)


def test_entries_that_left_memory_are_read_from_many_segments(open_journal: OpenJournal) -> None:
    journal = open_journal(segment_bytes=HEAD_BYTES + 500, tail_bytes=100)
    fill(journal, ENTRIES)

    assert all_of(journal) == ENTRIES
    assert journal.entries(100, 3, 1 << 30) == ENTRIES[99:102]
    assert journal.entries(100, 50, 20) == ENTRIES[99:101]


def test_a_record_larger_than_a_segment_is_kept(open_journal: OpenJournal) -> None:
    large = (1, bytes(100_000))
    journal = open_journal(segment_bytes=HEAD_BYTES + 500, tail_bytes=1)
    journal.append(1, [(1, b"a"), large, (1, b"b")])

    assert all_of(open_journal(segment_bytes=HEAD_BYTES + 500)) == [(1, b"a"), large, (1, b"b")]


def test_an_entry_at_a_taken_index_voids_all_behind_it(open_journal: OpenJournal) -> None:
    journal = open_journal(segment_bytes=HEAD_BYTES + 500)
    fill(journal, ENTRIES)
    journal.append(50, [(8, b"other")])

    expected = [*ENTRIES[:49], (8, b"other")]
    assert all_of(journal) == expected
    assert journal.durable_index == 49
    assert all_of(open_journal(segment_bytes=HEAD_BYTES + 500)) == expected


def test_whole_segments_are_dropped_and_the_rest_comes_back(open_journal: OpenJournal) -> None:
    journal = open_journal(segment_bytes=HEAD_BYTES + 500)
    fill(journal, ENTRIES)
    journal.drop_to(200)
    first = journal.first_index

    assert 190 < first <= 201
    assert all_of(journal) == ENTRIES[first - 1 :]
    again = open_journal(segment_bytes=HEAD_BYTES + 500)
    assert (again.first_index, all_of(again)) == (first, ENTRIES[first - 1 :])


def test_the_newest_entry_is_never_dropped(open_journal: OpenJournal) -> None:
    journal = open_journal(segment_bytes=HEAD_BYTES + 500)
    fill(journal, ENTRIES)
    journal.drop_to(1_000)

    assert journal.last_index == 300
    assert journal.last_term == ENTRIES[-1][0]


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 30), st.integers(1, 12), st.integers(0, 60)), max_size=20
    )
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_row_of_appends_and_cuts_comes_back(
    steps: list[tuple[int, int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("journal")
    expected: list[Entry] = []
    journal = _open(path)
    for term, (back, count, size) in enumerate(steps, 1):
        first = max(1, len(expected) + 1 - back)
        added = [(term, bytes([term]) * size)] * count
        journal.append(first, added)
        expected = expected[: first - 1] + added
    journal.close()

    again = _open(path)
    assert all_of(again) == expected
    again.close()


def _damaged_by(kind: str, content: bytes, random: Random) -> bytes:
    used = len(content.rstrip(b"\0"))
    damaged, at = bytearray(content), random.randrange(used)
    match kind:
        case "truncated":
            del damaged[at:]
        case "one bit flipped":
            damaged[at] ^= 1 << random.randrange(8)
        case "a page zeroed":
            page = at // 4096 * 4096
            damaged[page : page + 4096] = bytes(len(damaged[page : page + 4096]))
        case _:
            damaged[at:] = bytes(len(damaged) - at)
    return bytes(damaged)


@pytest.mark.parametrize(
    "kind", ["truncated", "one bit flipped", "a page zeroed", "end not written"]
)
def test_damage_is_refused_or_cuts_the_end_and_never_changes_an_entry(
    kind: str, open_journal: OpenJournal, tmp_path: Path
) -> None:
    fill(open_journal(), ENTRIES)
    name = "0000000001.journal"
    sound = (tmp_path / "raft" / name).read_bytes()
    random = Random(7)
    refused = 0
    for number in range(150):
        path = tmp_path / f"damaged{number}"
        path.mkdir()
        for vote in ("vote.a", "vote.b"):
            (path / vote).write_bytes((tmp_path / "raft" / vote).read_bytes())
        (path / name).write_bytes(_damaged_by(kind, sound, random))
        try:
            journal = _open(path)
        except StartError as error:
            refused += f"{name}: damaged at offset" in str(error)
            continue
        found = all_of(journal)
        journal.close()
        assert found == ENTRIES[: len(found)]
        if kind == "one bit flipped":
            assert journal.torn_tail is not None or found == ENTRIES
    if kind in ("one bit flipped", "a page zeroed"):
        assert refused > 100


def test_a_half_written_record_is_cut_and_reported(
    open_journal: OpenJournal, tmp_path: Path
) -> None:
    journal = open_journal()
    fill(journal, ENTRIES[:10])
    path = tmp_path / "raft" / "0000000001.journal"
    content = bytearray(path.read_bytes())
    end = len(content.rstrip(b"\0"))
    content[end - 5 : end] = bytes(5)
    path.write_bytes(content)

    again = open_journal()

    assert all_of(again) == ENTRIES[:9]
    assert again.torn_tail is not None
    assert again.torn_tail.name == path.name
    again.append(10, [(3, b"next")])
    assert all_of(open_journal()) == [*ENTRIES[:9], (3, b"next")]


def test_damage_in_a_closed_segment_is_refused(open_journal: OpenJournal, tmp_path: Path) -> None:
    fill(open_journal(segment_bytes=HEAD_BYTES + 500), ENTRIES)
    path = tmp_path / "raft" / "0000000002.journal"
    content = bytearray(path.read_bytes())
    content[HEAD_BYTES + 40] ^= 1
    path.write_bytes(content)

    with pytest.raises(StartError, match=rf"{path.name}: damaged at offset {HEAD_BYTES}$"):
        open_journal()


def test_a_lost_segment_is_refused(open_journal: OpenJournal, tmp_path: Path) -> None:
    fill(open_journal(segment_bytes=HEAD_BYTES + 500), ENTRIES)
    (tmp_path / "raft" / "0000000003.journal").unlink()

    with pytest.raises(StartError, match=r"0000000004\.journal: follows segment 2: one is lost"):
        open_journal()


@pytest.mark.parametrize(
    ("identity", "text"),
    [
        pytest.param(
            Identity(cluster_id="other", node_id="n1"),
            "belongs to cluster 'tests', this node to 'other'",
            id="another cluster",
        ),
        pytest.param(
            Identity(cluster_id="tests", node_id="n2"),
            "belongs to node 'n1', this is 'n2'",
            id="another node",
        ),
    ],
)
def test_a_folder_of_somebody_else_is_refused(
    identity: Identity, text: str, open_journal: OpenJournal
) -> None:
    open_journal()

    with pytest.raises(StartError, match=text):
        open_journal(identity=identity)


def test_a_vote_needs_no_new_room_on_the_disk(
    open_journal: OpenJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = open_journal()

    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Folder, "create", no_room)
    journal.save_vote(7, "n3")

    again = open_journal()
    assert (again.term, again.vote) == (7, "n3")


def test_one_damaged_copy_of_the_vote_is_covered_by_the_other(
    open_journal: OpenJournal, tmp_path: Path
) -> None:
    open_journal().save_vote(4, "n2")
    for name in ("vote.a", "vote.b"):
        path = tmp_path / "raft" / name
        sound = path.read_bytes()
        path.write_bytes(sound[:20] + b"?" + sound[21:])
        again = open_journal()
        assert (again.term, again.vote) == (4, "n2")
        path.write_bytes(sound)


@pytest.mark.parametrize("name", ["vote.a", "vote.b"])
def test_a_damaged_copy_of_the_vote_is_made_good_at_the_next_start(
    open_journal: OpenJournal, tmp_path: Path, name: str
) -> None:
    open_journal().save_vote(4, "n2")
    sound = (tmp_path / "raft" / name).read_bytes()
    (tmp_path / "raft" / name).write_bytes(b"?" + sound[1:])
    open_journal()

    assert (tmp_path / "raft" / name).read_bytes() == sound


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        pytest.param(lambda path: path.write_bytes(b"??????"), "damaged", id="damaged"),
        pytest.param(lambda path: path.unlink(), "missing", id="missing"),
    ],
)
def test_without_a_vote_to_trust_the_node_does_not_start(
    damage: object, text: str, open_journal: OpenJournal, tmp_path: Path
) -> None:
    fill(open_journal(), ENTRIES[:3])
    for name in ("vote.a", "vote.b"):
        damage(tmp_path / "raft" / name)  # type: ignore[operator]

    with pytest.raises(StartError, match=text):
        open_journal()


def test_a_folder_serves_one_process(tmp_path: Path) -> None:
    folder = Folder(tmp_path, fsync=False)
    with pytest.raises(StartError, match="another process uses this folder"):
        Folder(tmp_path, fsync=False)
    folder.close()


def test_an_error_of_the_disk_reaches_the_caller(
    open_journal: OpenJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = open_journal()
    fill(journal, ENTRIES[:3])

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("stepraft.server.raft.disk.os.pwrite", full)
    with pytest.raises(OSError, match="No space left"):
        journal.append(4, [(1, b"lost")])
    assert all_of(journal) == ENTRIES[:3]


def _open(path: Path) -> Journal:
    folder = Folder(path, fsync=False)
    try:
        return Journal(folder, IDENTITY, segment_bytes=64 << 10, tail_bytes=300)
    except BaseException:
        folder.close()
        raise
