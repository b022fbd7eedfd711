"""Who may vote: new groups form when all are heard, and a lost folder counts for nothing."""

import pytest

from stepraft.server.raft.contract import Condition
from stepraft.server.raft.exposed import FOLLOWER
from stepraft.server.raft.journal import Journal
from stepraft.server.raft.library import syncobj
from stepraft.server.raft.messages import (
    Appended,
    Mismatch,
    PreVote,
    PreVoteAnswer,
    RaftMessage,
    Readmitted,
    RequestVote,
    TimeoutNow,
    Vote,
)
from stepraft.server.raft.vote import Admission
from tests.server.raft.conftest import OpenJournal
from tests.server.raft.single import ONE, Alone, append


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    clock = [1000.0]
    monkeypatch.setattr(syncobj, "monotonicTime", lambda: clock[0])
    return clock


@pytest.fixture
def fresh(open_journal: OpenJournal, clock: list[float]) -> Alone:
    """n1 with an empty folder, in a group of three that it has not heard yet."""
    return Alone(open_journal(), clock, knows_members=False, hears=())


def stands_and_votes(node: Alone) -> tuple[bool, bool, bool]:
    """Whether it asks for votes, would vote, and votes."""
    asks = any(isinstance(m, PreVote) for _, m in node.tick(2.0))
    node.hear("n2", PreVote(5, 9, 5), RequestVote(6, 9, 5))
    sent: list[RaftMessage] = [message for _, message in node.sent.take()]
    would = any(isinstance(m, PreVoteAnswer) and m.is_granted for m in sent)
    return asks, would, any(isinstance(m, Vote) for m in sent)


@pytest.mark.parametrize(
    ("hellos", "condition", "takes_part"),
    [
        pytest.param([], Condition.FORMING, False, id="nobody was heard"),
        pytest.param([("n2", True)], Condition.FORMING, False, id="one is missing"),
        pytest.param(
            [("n2", True), ("n2", True)], Condition.FORMING, False, id="one was heard twice"
        ),
        pytest.param([("n2", True), ("n3", True)], Condition.NORMAL, True, id="all are as fresh"),
        pytest.param([("n3", False)], Condition.ABSTAINING, False, id="one is not fresh"),
        pytest.param(
            [("n2", False), ("n2", True), ("n3", True)],
            Condition.ABSTAINING,
            False,
            id="one was not fresh",
        ),
        pytest.param(
            [("n2", True), ("n3", True), ("n2", False)],
            Condition.NORMAL,
            True,
            id="one is not fresh any more",
        ),
    ],
)
def test_a_node_with_an_empty_folder(
    hellos: list[tuple[str, bool]], condition: Condition, takes_part: bool, fresh: Alone
) -> None:
    for node_id, is_fresh in hellos:
        fresh.connect(node_id, is_fresh=is_fresh)

    assert fresh.raft.condition() is condition
    # One that abstains asks, too: for the members, not for votes.
    asks = takes_part or condition is Condition.ABSTAINING
    assert stands_and_votes(fresh) == (asks, takes_part, takes_part)


def test_who_is_waited_for_is_in_the_status(fresh: Alone) -> None:
    fresh.connect("n3")
    fresh.tick()

    assert fresh.raft.status.waits_for == ("n2",)


def test_a_group_of_one_forms_at_once(open_journal: OpenJournal, clock: list[float]) -> None:
    node = Alone(open_journal(), clock, knows_members=False, hears=(), members=("n1",))

    assert node.raft.condition() is Condition.NORMAL


def test_what_was_formed_needs_nobody_after_a_restart(
    open_journal: OpenJournal, clock: list[float]
) -> None:
    Alone(open_journal(), clock)

    node = Alone(open_journal(), clock, hears=())

    assert node.raft.condition() is Condition.NORMAL
    assert node.raft.is_fresh, "for the others: nothing has been promised yet"


def test_a_folder_is_fresh_until_it_votes_or_takes_an_entry(node: Alone) -> None:
    assert node.raft.is_fresh
    node.hear("n3", RequestVote(1, 1, 0))

    assert not node.raft.is_fresh


def test_a_leader_that_a_forming_node_hears_makes_it_abstain(fresh: Alone) -> None:
    fresh.connect("n2")
    fresh.hear("n2", append((1, ONE)))

    sent = fresh.tick()

    life = fresh.raft._formation.life
    (answer,) = [message for _, message in sent if isinstance(message, Appended)]
    assert (answer.match_index, answer.abstaining) == (2, life)
    assert fresh.raft.condition() is Condition.ABSTAINING


def abstaining(journal: Journal, clock: list[float]) -> Alone:
    """n1 without its folder, which follows n2 in term 1 and has its entry."""
    node = Alone(journal, clock, knows_members=False, hears=())
    node.connect("n2", is_fresh=False)
    node.hear("n2", append((1, ONE)))
    node.tick()
    return node


def test_to_abstain_outlives_a_restart_and_a_life_has_its_own_number(
    open_journal: OpenJournal, clock: list[float]
) -> None:
    first = abstaining(open_journal(), clock)
    second = Alone(open_journal(), clock, hears=())

    assert second.raft.condition() is Condition.ABSTAINING
    assert first.raft._formation.life != second.raft._formation.life != 0


def test_who_abstains_says_so_in_every_answer(
    open_journal: OpenJournal, clock: list[float]
) -> None:
    node = abstaining(open_journal(), clock)
    node.hear("n2", append(previous_index=9, previous_term=1))

    (answer,) = [message for _, message in node.sent.take() if isinstance(message, Mismatch)]
    assert answer.abstaining == node.raft._formation.life


@pytest.mark.parametrize(
    ("sender", "term", "is_this_life", "is_readmitted"),
    [
        pytest.param("n2", 1, True, True, id="by its leader"),
        pytest.param("n3", 1, True, False, id="by another"),
        pytest.param("n2", 0, True, False, id="in another term"),
        pytest.param("n2", 1, False, False, id="in an earlier life"),
    ],
)
def test_a_node_is_readmitted(
    sender: str,
    term: int,
    is_this_life: bool,
    is_readmitted: bool,
    open_journal: OpenJournal,
    clock: list[float],
) -> None:
    node = abstaining(open_journal(), clock)
    life = node.raft._formation.life - (not is_this_life)
    node.hear(sender, Readmitted(term, life))

    assert (node.raft.condition() is Condition.NORMAL) is is_readmitted
    assert (node.journal.admission is Admission.ADMITTED) is is_readmitted


def test_who_is_readmitted_has_given_the_vote_of_this_term_away(
    open_journal: OpenJournal, clock: list[float]
) -> None:
    """It may have given it to this leader in an earlier life: a second one would make a second
    leader.
    """
    node = abstaining(open_journal(), clock)
    node.hear("n2", Readmitted(1, node.raft._formation.life))

    assert (node.journal.term, node.journal.vote) == (1, "n2")
    node.clock[0] += 2.0
    node.hear("n3", RequestVote(1, 9, 1))
    assert node.sent.take() == []


def test_who_abstains_does_not_stand_when_it_is_asked(
    open_journal: OpenJournal, clock: list[float]
) -> None:
    node = abstaining(open_journal(), clock)
    node.hear("n2", TimeoutNow(1))
    node.tick()

    assert (node.raft.state, node.raft.term) == (FOLLOWER, 1)


def test_a_node_that_is_to_rejoin_abstains_whatever_the_others_say(
    open_journal: OpenJournal, clock: list[float]
) -> None:
    node = Alone(open_journal(), clock, knows_members=False, rejoin=True)

    assert node.raft.condition() is Condition.ABSTAINING
    assert not node.raft.is_fresh


def test_to_rejoin_says_nothing_to_a_folder_that_was_admitted(
    open_journal: OpenJournal, clock: list[float]
) -> None:
    Alone(open_journal(), clock).hear("n2", append((1, ONE)))

    assert Alone(open_journal(), clock, rejoin=True).raft.condition() is Condition.NORMAL
