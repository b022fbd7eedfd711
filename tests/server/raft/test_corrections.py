"""Single findings: what the library does by itself, and what it does corrected."""

from collections.abc import Callable
from math import inf
from typing import Any

import pytest

from stepraft.server.raft import library
from stepraft.server.raft.contract import ProposalResult
from stepraft.server.raft.exposed import FOLLOWER
from stepraft.server.raft.library import Node, SyncObj, SyncObjConf
from stepraft.server.raft.messages import (
    Append,
    Appended,
    Mismatch,
    RaftMessage,
    RequestVote,
    StaleTerm,
    Vote,
)
from stepraft.storage.newer import NewerError
from tests.server.raft.machine import ListMachine
from tests.server.raft.single import ONE, THREE, TWO, Alone, append, log_of


@pytest.fixture
def plain() -> Callable[[dict[str, Any]], Any]:
    """The library's own node without a network, and a way to send it messages of its leader."""

    class Silent(library.LibraryTransportBase):  # type: ignore[misc]
        def send(self, node: Node, message: dict[str, Any]) -> bool:
            return True

    transport = Silent(None, None, [])
    leader = Node("n2")
    raft = SyncObj(
        Node("n1"), [leader, Node("n3")], SyncObjConf(autoTick=False), transport=transport
    )

    def hear(message: dict[str, Any]) -> Any:
        raft._SyncObj__onMessageReceived(leader, {"type": "append_entries", "term": 1} | message)
        return raft

    return hear


def test_plain_a_late_message_drops_entries_that_were_acknowledged(
    plain: Callable[..., Any],
) -> None:
    first = {"prevLogIdx": 1, "prevLogTerm": 0, "commit_index": 1, "entries": [(ONE, 2, 1)]}
    second = {"prevLogIdx": 2, "prevLogTerm": 1, "commit_index": 1, "entries": [(TWO, 3, 1)]}
    plain(first)
    plain(second)

    assert plain(first)._SyncObj__raftLog[-1] == (ONE, 2, 1)


def test_a_late_message_drops_nothing(node: Alone) -> None:
    first = append((1, ONE))
    node.hear("n2", first, append((1, TWO), previous_index=2, previous_term=1), first)

    assert log_of(node) == [ONE, TWO]
    assert node.tick() == [("n2", Appended(1, 1, 3))]


def test_plain_an_unmatched_entry_is_committed(plain: Callable[..., Any]) -> None:
    plain({"prevLogIdx": 1, "prevLogTerm": 0, "commit_index": 1, "entries": [(ONE, 2, 1)]})

    raft = plain({"term": 5, "commit_index": 90, "serialized": None})

    assert raft.raftCommitIndex == 2


def test_the_commit_index_follows_no_further_than_the_logs_match(node: Alone) -> None:
    node.hear("n2", append((1, ONE)))
    node.hear("n3", append(term=5, commit_index=90))
    node.tick()

    assert node.raft.commit_index == 1
    assert log_of(node) == [ONE]


def test_a_contradiction_voids_what_is_behind_it(node: Alone) -> None:
    node.hear("n2", append((1, ONE), (1, TWO), (1, THREE)))
    node.hear("n3", append((2, THREE), term=2, previous_index=2, previous_term=1))

    assert log_of(node) == [ONE, THREE]


def test_a_follower_says_where_the_conflicting_term_begins(node: Alone) -> None:
    node.hear("n2", append((1, ONE), (2, TWO), (2, TWO), (2, TWO), term=2))
    node.hear("n3", append(term=3, previous_index=5, previous_term=3))
    node.hear("n3", append(term=3, previous_index=50, previous_term=3))

    assert node.sent.take() == [
        ("n3", Mismatch(3, 1, rejected_index=5, hint_index=3)),
        ("n3", Mismatch(3, 1, rejected_index=50, hint_index=6)),
    ]


def test_a_follower_acknowledges_after_one_sync_for_all_that_came(
    node: Alone, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[object] = []
    sync = node.journal.sync

    def observed_sync() -> None:
        events.append("sync")
        sync()

    def observed_send(node_id: str, message: RaftMessage) -> bool:
        events.append((node_id, message))
        return True

    monkeypatch.setattr(node.journal, "sync", observed_sync)
    monkeypatch.setattr(node.sent, "send", observed_send)
    node.hear("n2", append((1, ONE)), append((1, TWO), previous_index=2, previous_term=1))
    assert events == []

    node.tick()

    assert events == ["sync", ("n2", Appended(1, 1, 3))]


def test_nothing_is_owed_to_the_leader_of_an_older_term(node: Alone) -> None:
    node.hear("n2", append((1, ONE)))
    node.hear("n3", RequestVote(2, 9, 9, is_called=True))

    assert node.tick() == [("n3", Vote(2))]


@pytest.mark.parametrize("data", [b"\2membership", b"\3version", b"\1no-op with more", b""])
def test_entries_of_another_kind_are_not_taken(data: bytes, node: Alone) -> None:
    node.hear("n2", append((1, data)))

    assert log_of(node) == []
    assert node.raft.leader_id is None


def test_a_leader_whose_entries_are_not_known_is_named_once_a_term(
    node: Alone, caplog: pytest.LogCaptureFixture
) -> None:
    for term in (1, 1, 2, 2):
        node.hear("n2", append((term, b"\3newer"), term=term))

    text = (
        "node n2, the leader, sends entries of a kind that this program does not know, and is not "
        "followed: use the version of the program that it runs"
    )
    logged = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert logged == [text, text]


def test_a_log_with_entries_that_are_not_known_is_not_applied(node: Alone) -> None:
    """A newer program took them: this one was put in its place."""
    node.journal.append(2, [(1, b"\3newer")])
    node.journal.sync()
    node.hear("n2", append(previous_index=2, previous_term=1, commit_index=2))

    with pytest.raises(NewerError, match=r"^entry 2 of the log is of kind 03, which this program"):
        node.tick()

    assert node.machine.log == [b""]


def test_a_leader_of_an_older_term_is_told(node: Alone) -> None:
    node.hear("n2", append(term=5))
    node.hear("n3", append(term=4))

    assert node.sent.take() == [("n3", StaleTerm(5))]


def test_a_stale_acknowledgement_moves_nothing(node: Alone) -> None:
    node.lead()
    node.hear("n2", Appended(0, 1, 2))
    node.tick()
    assert node.raft.commit_index == 1

    node.hear("n2", Appended(1, 1, 2))
    node.tick()

    assert node.raft.commit_index == 2


def test_entries_of_earlier_terms_are_committed_by_one_of_this_term_only(node: Alone) -> None:
    node.hear("n2", append((1, ONE), (1, TWO)))
    node.lead()
    node.hear("n2", Appended(2, 1, 3))
    node.tick()
    assert node.raft.commit_index == 1

    node.hear("n2", Appended(2, 1, 4))
    node.tick()

    assert node.raft.commit_index == 4
    assert node.machine.log == [b"", b"one", b"two", b""]


def test_a_leader_without_a_majority_steps_down_and_answers_all(node: Alone) -> None:
    node.lead()
    results: list[ProposalResult] = []
    barriers: list[bool] = []
    node.proposals.offer(b"entry", results.append)
    node.barriers.ask(barriers.append, inf)
    node.tick(0.3)
    assert (results, barriers) == ([], [])

    node.tick(0.4)

    assert node.raft.state == FOLLOWER
    assert [(result.kind.value, result.index) for result in results] == [("unknown", 3)]
    assert barriers == [False]


def test_a_barrier_needs_answers_that_were_sent_after_it(node: Alone) -> None:
    node.lead()
    node.hear("n2", Appended(1, 1, 2))
    node.tick()
    confirmed: list[bool] = []
    node.barriers.ask(confirmed.append, inf)
    rounds = {message.round for _, message in node.tick() if isinstance(message, Append)}
    node.hear("n2", Appended(1, 1, 2))
    node.tick()
    assert (rounds, confirmed) == ({2}, [])

    node.hear("n3", Appended(1, 2, 1))
    node.tick()

    assert confirmed == [True]


def test_all_that_waits_goes_out_in_one_message_for_each_follower(node: Alone) -> None:
    node.lead()
    for node_id in ("n2", "n3"):
        node.hear(node_id, Appended(1, 1, 2))
    node.tick()
    for entry in (b"one", b"two", b"three"):
        node.proposals.offer(entry, lambda _: None)

    appends = [(to, m) for to, m in node.tick() if isinstance(m, Append) and m.entries]

    expected = append(
        (1, ONE),
        (1, TWO),
        (1, THREE),
        previous_index=2,
        previous_term=1,
        commit_index=2,
        floor_index=2,
    )
    assert appends == [("n2", expected), ("n3", expected)]


def test_followers_learn_of_a_commit_at_once_and_need_not_answer(node: Alone) -> None:
    node.lead()
    node.hear("n2", Appended(1, 1, 2))

    news = [m for to, m in node.tick() if to == "n2" and isinstance(m, Append)]

    assert news == [append(previous_index=2, previous_term=1, commit_index=2, round=0)]


def test_the_machine_gets_every_index_once_and_an_error_leaves_the_tick(node: Alone) -> None:
    node.hear("n2", append((1, ONE), (1, TWO), commit_index=3))

    def apply(index: int, term: int, entry: bytes) -> None:
        if entry == b"two":
            raise RuntimeError("poison")
        ListMachine.apply(node.machine, index, term, entry)

    node.machine.apply = apply  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="poison"):
        node.tick()

    assert node.machine.log == [b"", b"one"]


@pytest.mark.parametrize(
    ("version", "source", "text"),
    [
        pytest.param(
            "0.3.18", b"", "pysyncobj 0.3.18 is installed, this server needs 0.3.17", id="version"
        ),
        pytest.param("0.3.17", b"changed", "has SHA-256", id="source"),
    ],
)
def test_another_library_is_refused(version: str, source: bytes, text: str) -> None:
    with pytest.raises(ImportError, match=text):
        library.check(version, source)
