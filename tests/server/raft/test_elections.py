"""Findings of elections: what the library does by itself, and what it does corrected."""

import pytest

from stepraft.server.raft import library
from stepraft.server.raft.exposed import CANDIDATE, FOLLOWER, LEADER
from stepraft.server.raft.library import Node, SyncObj, SyncObjConf
from stepraft.server.raft.messages import (
    Appended,
    PreVote,
    PreVoteAnswer,
    RaftMessage,
    RequestVote,
    StaleTerm,
    TimeoutNow,
    Vote,
)
from tests.server.raft.single import GENESIS, ONE, Alone, append


def test_plain_one_voter_counts_as_often_as_it_answers() -> None:
    five = [Node(f"n{i}") for i in range(2, 6)]
    transport = library.LibraryTransportBase(None, None, [])
    transport.send = lambda *_: True
    raft = SyncObj(Node("n1"), five, SyncObjConf(autoTick=False), transport=transport)
    raft._SyncObj__raftState = CANDIDATE
    raft._SyncObj__votesCount = 1
    for _ in range(2):
        raft._SyncObj__onMessageReceived(five[0], {"type": "response_vote", "term": 0})

    assert raft._isLeader()


def test_one_voter_counts_once(node: Alone) -> None:
    node.tick(1.0)
    node.hear("n2", PreVoteAnswer(0, 0, True))
    node.tick()
    node.hear("n2", Vote(0))
    assert node.raft.state == CANDIDATE

    node.hear("n2", Vote(1), Vote(1))

    assert node.raft._SyncObj__votesCount == 2
    assert node.raft.state == LEADER


def test_nobody_stands_without_a_majority_that_would_vote_for_it(node: Alone) -> None:
    sent = node.tick(1.0)

    assert sent == [("n2", PreVote(0, 1, 0)), ("n3", PreVote(0, 1, 0))]
    node.hear("n2", PreVoteAnswer(0, 0, False))
    assert node.tick() == []
    assert (node.raft.state, node.raft.term, node.journal.term) == (FOLLOWER, 0, 0)


@pytest.mark.parametrize(
    ("question", "waited_s", "is_granted"),
    [
        pytest.param(PreVote(1, 2, 1), 1.0, True, id="as far as we are"),
        pytest.param(PreVote(1, 1, 0), 1.0, False, id="behind"),
        pytest.param(PreVote(0, 9, 9), 1.0, False, id="of an older term"),
        pytest.param(PreVote(1, 2, 1), 0.1, False, id="while we hear the leader"),
    ],
)
def test_a_pre_vote_is_granted_to(
    question: PreVote, waited_s: float, is_granted: bool, node: Alone
) -> None:
    node.hear("n2", append((1, ONE)))
    node.clock[0] += waited_s
    node.hear("n3", question)

    answers = [message for _, message in node.sent.take() if isinstance(message, PreVoteAnswer)]
    members = GENESIS.members if waited_s < 0.3 else {}
    assert answers == [PreVoteAnswer(question.term, 1, is_granted, members)]


def test_the_vote_is_on_disk_before_it_is_cast(
    node: Alone, monkeypatch: pytest.MonkeyPatch
) -> None:
    votes: list[tuple[int, str | None]] = []

    def observed_send(node_id: str, message: RaftMessage) -> bool:
        votes.append((node.journal.term, node.journal.vote))
        return True

    monkeypatch.setattr(node.sent, "send", observed_send)
    node.hear("n3", RequestVote(4, 1, 0))
    node.hear("n2", RequestVote(4, 9, 3))

    assert votes == [(4, "n3")]


def test_a_retiring_leader_asks_the_follower_that_has_everything(node: Alone) -> None:
    node.lead()
    node.hear("n3", Appended(1, 1, 2))
    node.tick()
    node.raft.retire()

    assert ("n3", TimeoutNow(1)) in node.tick()


def test_who_is_asked_by_its_leader_stands_at_once(node: Alone) -> None:
    node.hear("n2", append())
    node.tick()
    node.hear("n3", TimeoutNow(1))
    node.hear("n2", TimeoutNow(1), append())

    acknowledged, *requests = node.tick()

    checksum = node.machine.checksum
    assert acknowledged == ("n2", Appended(1, 1, 1, applied_index=1, checksum=checksum))
    assert sorted(requests) == [
        (node_id, RequestVote(2, 1, 0, is_called=True)) for node_id in ("n2", "n3")
    ]


@pytest.mark.parametrize(
    ("request_", "asker", "waited_s", "votes"),
    [
        pytest.param(RequestVote(2, 9, 1), "n3", 0.1, False, id="who comes between"),
        pytest.param(RequestVote(2, 9, 1), "n3", 0.4, True, id="who stands when it falls silent"),
        pytest.param(
            RequestVote(2, 9, 1, is_called=True), "n3", 0.1, True, id="whom the leader called"
        ),
        pytest.param(RequestVote(2, 9, 1), "n2", 0.1, True, id="the leader itself"),
    ],
)
def test_a_follower_that_hears_its_leader_votes_for(
    request_: RequestVote, asker: str, waited_s: float, votes: bool, node: Alone
) -> None:
    node.hear("n2", append((1, ONE)))
    node.clock[0] += waited_s
    node.hear(asker, request_)

    assert node.sent.take() == ([(asker, Vote(2))] if votes else [])
    assert node.raft.term == (2 if votes else 1), "a refusal changes nothing"


def test_a_leader_is_not_deposed_by_a_candidate_that_it_did_not_call(node: Alone) -> None:
    node.lead()
    node.hear("n3", RequestVote(2, 9, 9))
    assert (node.raft.state, node.raft.term) == (LEADER, 1)

    node.hear("n3", RequestVote(2, 9, 9, is_called=True))

    assert (node.raft.state, node.raft.term) == (FOLLOWER, 2)


def test_a_leader_whose_term_is_overtaken_asks_around_at_once(node: Alone) -> None:
    node.lead()
    node.hear("n3", StaleTerm(2))

    sent = node.tick()

    assert [(to, m) for to, m in sent if isinstance(m, PreVote)] == [
        ("n2", PreVote(2, 2, 1)),
        ("n3", PreVote(2, 2, 1)),
    ]


def test_followers_let_their_own_leader_stand_again(node: Alone) -> None:
    node.hear("n2", append((1, ONE)))
    node.hear("n2", PreVote(2, 2, 1))

    assert node.sent.take() == [("n2", PreVoteAnswer(2, 1, True))]


def test_a_candidate_waits_for_votes_that_are_written_as_slowly_as_its_own(
    node: Alone, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_vote = node.journal.save_vote

    def slow_save_vote(term: int, vote: str | None) -> None:
        node.clock[0] += 0.5
        save_vote(term, vote)

    monkeypatch.setattr(node.journal, "save_vote", slow_save_vote)
    node.tick(1.0)
    node.hear("n2", PreVoteAnswer(0, 0, True))
    node.tick()

    node.tick(1.25)
    node.hear("n2", Vote(1))

    assert node.raft.state == LEADER
