"""What a leader does about the members, and what the others make of it."""

from math import inf

import pytest

from stepraft.server.raft.kinds import MEMBERSHIP, NO_OP
from stepraft.server.raft.members import Removed
from stepraft.server.raft.membership import (
    AddMember,
    Change,
    ChangeKind,
    ChangeResult,
    Member,
    Membership,
    RemoveMember,
    Standing,
    UpdateMember,
)
from stepraft.server.raft.messages import (
    Append,
    Appended,
    Mismatch,
    PreVote,
    PreVoteAnswer,
    RaftMessage,
    Readmitted,
    TimeoutNow,
    Vote,
)
from stepraft.server.raft.requests import DONE, NOT_LEADER, Transfer
from stepraft.server.raft.shapes import LibraryNode
from tests.server.raft.conftest import OpenJournal
from tests.server.raft.single import GENESIS, MEMBERS, ONE, Alone, append

FOUR = Member("127.0.0.1:7004", "127.0.0.1:8004", Standing.LEARNER)
ADD_FOUR = AddMember("n4", FOUR.raft, FOUR.grpc)


def ask(node: Alone, request: Change | Transfer) -> list[ChangeResult]:
    """The answers, as they come."""
    results: list[ChangeResult] = []
    node.raft.requests.ask(request, results.append)
    return results


def answer(node: Alone, *node_ids: str, match_index: int | None = None, life: int = 0) -> None:
    """These followers hold the log, and say so."""
    index = node.journal.last_index if match_index is None else match_index
    for node_id in node_ids:
        number = node.raft._round
        node.hear(node_id, Appended(node.raft.term, number, index, abstaining=life))


def leading(node: Alone) -> Alone:
    """The node leads, and the first entry of its term is committed and applied."""
    node.lead()
    answer(node, "n2", "n3")
    node.tick()
    node.sent.take()
    return node


def with_learner(node: Alone) -> Alone:
    """n1 leads n2, n3 and the learner n4, which has nothing yet."""
    leading(node)
    ask(node, ADD_FOUR)
    node.tick()
    answer(node, "n2", "n3")
    node.tick()
    node.connect("n4", is_fresh=False)
    return node


def of_kind(kind: type, sent: list[tuple[str, RaftMessage]]) -> list[tuple[str, RaftMessage]]:
    return [(node_id, message) for node_id, message in sent if isinstance(message, kind)]


# Changes


def test_the_first_leader_of_a_group_writes_down_who_belongs_to_it(
    open_journal: OpenJournal, node: Alone
) -> None:
    node = Alone(open_journal(), node.clock, knows_members=False)
    node.lead()

    assert node.journal.entries(2, 9, 1 << 20) == [
        (1, NO_OP),
        (1, MEMBERSHIP + GENESIS.encode()),
    ]
    answer(node, "n2")
    node.tick()
    assert node.machine.membership == GENESIS.encode()


def test_a_change_is_done_when_it_is_applied(node: Alone) -> None:
    leading(node)
    results = ask(node, ADD_FOUR)
    node.tick()
    changed = GENESIS.with_member("n4", FOUR)
    assert (results, node.raft.membership) == ([], changed)

    answer(node, "n3")
    node.tick()
    node.tick()

    assert (results, node.machine.membership) == ([DONE], changed.encode())


def test_a_change_counts_as_soon_as_it_is_in_the_log(node: Alone) -> None:
    leading(node)
    ask(node, RemoveMember("n3"))
    node.tick()
    answer(node, "n3")
    node.tick()
    assert node.raft.commit_index == 2, "who leaves counts no more"

    answer(node, "n2")
    node.tick()

    assert node.raft.commit_index == 3
    assert node.raft._SyncObj__otherNodes == {LibraryNode("n2")}


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(RemoveMember("n3"), id="another change"),
        pytest.param(ADD_FOUR, id="the same change"),
    ],
)
def test_a_second_change_is_refused_until_the_first_is_answered(
    second: Change, node: Alone
) -> None:
    leading(node)
    first = ask(node, ADD_FOUR)
    node.tick()
    refused = ask(node, second)
    node.tick()

    text = "another change is on its way: ask again when it is done"
    assert (first, refused) == ([], [ChangeResult(ChangeKind.REFUSED, text)])


def test_changes_wait_for_the_first_entry_of_the_reign(node: Alone) -> None:
    node.lead()
    results = ask(node, ADD_FOUR)
    node.tick()
    assert (results, node.raft.membership) == ([], GENESIS)

    answer(node, "n2")
    node.tick()

    assert node.raft.membership == GENESIS.with_member("n4", FOUR)


def test_what_is_so_already_is_done_once_it_is_applied(node: Alone) -> None:
    added = MEMBERSHIP + GENESIS.with_member("n4", FOUR).encode()
    node.hear("n2", append((1, added)))
    node.lead()
    results = ask(node, ADD_FOUR)
    node.tick()
    assert results == []

    answer(node, "n2", "n3")
    node.tick()
    node.tick()
    node.tick()

    assert results == [DONE]
    assert node.journal.last_index == 3, "nothing was written for it"


def test_only_a_leader_changes_members(node: Alone) -> None:
    results = ask(node, ADD_FOUR)
    node.tick()

    assert results == [NOT_LEADER]


def test_a_leader_does_not_remove_itself_but_hands_over(node: Alone) -> None:
    leading(node)
    results = ask(node, RemoveMember("n1"))
    sent = node.tick() + node.tick()

    text = "this node leads, and hands over: ask the next leader to remove it"
    assert results == [ChangeResult(ChangeKind.NOT_LEADER, text)]
    assert of_kind(TimeoutNow, sent) == [("n2", TimeoutNow(1))]
    assert node.raft.membership == GENESIS


def test_nobody_is_removed_when_too_few_of_the_others_are_there(node: Alone) -> None:
    leading(node)
    node.raft.on_disconnected("n3")
    results = ask(node, RemoveMember("n2"))
    node.tick()

    text = "of the voters that would remain, n1, n3, fewer than 2 are connected and count"
    assert results == [ChangeResult(ChangeKind.REFUSED, text)]


def test_a_refusal_names_the_rule(node: Alone) -> None:
    leading(node)
    results = ask(node, UpdateMember("n9", "127.0.0.1:1", "127.0.0.1:2"))
    open_results = ask(node, UpdateMember("n2", "10.0.0.1:1", "127.0.0.1:2"))
    node.tick()

    assert results == [ChangeResult(ChangeKind.REFUSED, "node_id: n9 is no member")]
    assert open_results[0].text.startswith("raft: 10.0.0.1:1 is not a loopback address")


def test_who_waits_for_a_change_is_answered_when_the_reign_ends(node: Alone) -> None:
    leading(node)
    results = ask(node, ADD_FOUR)
    node.tick()
    node.tick(1.0)

    assert results == [ChangeResult(ChangeKind.UNKNOWN, "this node leads no more")]


def test_a_change_that_is_voided_is_taken_back(node: Alone) -> None:
    changed = GENESIS.without("n3").with_member("n4", FOUR)
    node.hear("n2", append((1, MEMBERSHIP + changed.encode())))
    assert (node.raft.membership, set(node.sent.peers)) == (changed, {"n2", "n4"})

    node.hear("n3", append((2, ONE), term=2))

    assert (node.raft.membership, set(node.sent.peers)) == (GENESIS, {"n2", "n3"})


def test_the_log_says_who_belongs_to_the_group_after_a_restart_too(
    open_journal: OpenJournal, node: Alone
) -> None:
    changed = GENESIS.with_member("n4", FOUR)
    node.hear("n2", append((1, MEMBERSHIP + changed.encode())))
    node.tick()

    assert Alone(open_journal(), node.clock).raft.membership == changed


def test_members_are_known_when_the_entry_is_compacted_away(open_journal: OpenJournal) -> None:
    journal = open_journal(segment_bytes=5000)
    journal.append(1, [(1, MEMBERSHIP + GENESIS.encode())])
    for index in range(2, 200):
        journal.append(index, [(1, b"\0some entry")])
    journal.sync()
    journal.drop_to(150)
    assert journal.first_index > 1

    newest = open_journal(segment_bytes=5000).memberships.newest

    assert newest is not None
    assert (newest.index, newest.data) == (1, GENESIS.encode())


# Learners


def test_a_learner_counts_for_nothing(node: Alone) -> None:
    with_learner(node)
    before = node.raft.commit_index
    node.proposals.offer(b"entry", lambda _: None)
    node.tick()
    node.hear("n4", Appended(1, node.raft._round, node.journal.last_index))
    node.tick()

    assert node.raft.commit_index == before


def test_a_learner_that_keeps_up_becomes_a_voter(node: Alone) -> None:
    with_learner(node)
    node.tick()
    answer(node, "n4", "n2", "n3")
    node.tick()

    assert node.raft.membership.voters == ("n1", "n2", "n3", "n4")
    assert node.raft._majority == 3


@pytest.mark.parametrize(
    ("life", "took_s"),
    [
        pytest.param(7, 0.0, id="it abstains"),
        pytest.param(0, 0.4, id="it took too long to catch up"),
    ],
)
def test_a_learner_stays_one_while(life: int, took_s: float, node: Alone) -> None:
    with_learner(node)
    node.tick()
    node.clock[0] += took_s
    answer(node, "n4", life=life)
    answer(node, "n2", "n3")
    node.tick()

    assert node.raft.membership.learners == ("n4",)


def test_a_learner_does_not_stand(node: Alone) -> None:
    learner = GENESIS.with_member("n1", Member(MEMBERS["n1"], "", Standing.LEARNER))
    node.hear("n2", append((1, MEMBERSHIP + learner.encode())))
    node.tick(2.0)
    node.hear("n2", PreVoteAnswer(1, 1, True))
    node.hear("n3", PreVoteAnswer(1, 1, True))
    node.tick()

    assert node.raft.term == 1


def test_a_change_waits_until_a_promotion_is_committed(node: Alone) -> None:
    with_learner(node)
    node.tick()
    answer(node, "n4", "n2", "n3")
    node.tick()
    promotion = node.journal.last_index
    results = ask(node, RemoveMember("n3"))
    node.tick()
    assert (results, node.journal.last_index) == ([], promotion)

    answer(node, "n4", "n2")
    node.tick()
    node.tick()

    assert node.raft.membership.voters == ("n1", "n2", "n4")


# Leaving


def test_who_leaves_learns_of_it_once_it_is_committed(node: Alone) -> None:
    leading(node)
    ask(node, RemoveMember("n3"))
    sent = node.tick(0.1)
    removal = node.journal.last_index
    assert ("n2", removal) in entries_to(sent)
    assert ("n3", removal) not in entries_to(sent)

    answer(node, "n2")
    sent = node.tick() + node.tick(0.1)

    assert ("n3", removal) in entries_to(sent)
    answer(node, "n3")
    node.tick()
    node.tick()
    assert set(node.sent.peers) == {"n2"}


def entries_to(sent: list[tuple[str, RaftMessage]]) -> list[tuple[str, int]]:
    """Who got which entries."""
    return [
        (node_id, message.previous_index + 1 + place)
        for node_id, message in sent
        if isinstance(message, Append)
        for place in range(len(message.entries))
    ]


def test_who_leaves_and_does_not_answer_is_forgotten_after_a_while(node: Alone) -> None:
    leading(node)
    ask(node, RemoveMember("n3"))
    node.tick()
    answer(node, "n2")
    node.tick()
    assert set(node.sent.peers) == {"n2", "n3"}

    for _ in range(15):
        answer(node, "n2")
        node.tick(0.4)

    assert set(node.sent.peers) == {"n2"}


def test_a_node_that_applies_its_removal_stops(node: Alone) -> None:
    removal = MEMBERSHIP + GENESIS.without("n1").encode()
    node.hear("n2", append((1, removal), commit_index=2))

    with pytest.raises(Removed, match="node n1 was removed from cluster tests"):
        node.tick()


def test_a_node_that_was_removed_does_not_start_again(
    open_journal: OpenJournal, node: Alone
) -> None:
    removal = MEMBERSHIP + GENESIS.without("n1").encode()
    node.hear("n2", append((1, removal), commit_index=2))
    with pytest.raises(Removed):
        node.tick()

    with pytest.raises(Removed, match="its data folder is of no more use"):
        Alone(open_journal(), node.clock, machine=node.machine, knows_members=False)


def test_a_removal_that_is_not_committed_stops_nobody(node: Alone) -> None:
    removal = MEMBERSHIP + GENESIS.without("n1").encode()
    node.hear("n2", append((1, removal)))
    node.tick()

    assert node.raft.membership == GENESIS.without("n1")


def test_an_earlier_membership_with_this_node_in_it_stops_nobody(node: Alone) -> None:
    removal = MEMBERSHIP + GENESIS.without("n1").encode()
    node.hear("n2", append((1, MEMBERSHIP + GENESIS.encode()), (1, removal), commit_index=2))
    node.tick()

    assert node.machine.membership == GENESIS.encode()


def test_one_that_abstains_keeps_in_touch_with_all_that_it_was_told_of(
    open_journal: OpenJournal, node: Alone
) -> None:
    """The log that it reads may be of a time when its leader was no member."""
    node = Alone(open_journal(), node.clock, knows_members=False, hears=(), rejoin=True)
    old = Membership({"n3": GENESIS.members["n3"], "n4": FOUR})
    node.hear("n2", append((1, MEMBERSHIP + old.encode())))

    assert set(node.sent.peers) == {"n2", "n3", "n4"}
    node.hear("n2", Readmitted(1, node.raft._formation.life))
    assert set(node.sent.peers) == {"n2", "n3", "n4"}, "n2 leads, whatever the log says"


def test_a_node_that_comes_back_reads_of_its_earlier_removal(
    open_journal: OpenJournal, node: Alone
) -> None:
    node = Alone(open_journal(), node.clock, knows_members=False, hears=(), rejoin=True)
    removal = MEMBERSHIP + GENESIS.without("n1").encode()
    again = MEMBERSHIP + GENESIS.encode()
    node.hear("n2", append((1, removal), commit_index=2))
    node.tick()

    node.hear("n2", append((1, again), previous_index=2, previous_term=1, commit_index=3))
    node.tick()

    assert node.machine.membership == GENESIS.encode()


# Who was away


def test_who_asks_while_there_is_a_leader_learns_the_members(node: Alone) -> None:
    members = GENESIS.without("n3").with_member("n4", FOUR).members
    node.tick(2.0)
    node.hear("n2", PreVoteAnswer(0, 0, False, members))

    assert node.sent.peers == {
        "n2": MEMBERS["n2"],
        "n3": MEMBERS["n3"],
        "n4": FOUR.raft,
    }
    assert node.raft.membership == GENESIS, "only a log says who belongs to the group"


def test_a_leader_that_was_only_heard_of_is_followed(node: Alone) -> None:
    members = GENESIS.with_member("n4", FOUR).members
    node.hear("n2", PreVoteAnswer(0, 0, False, members))
    node.connect("n4", is_fresh=False)
    node.hear("n4", append((1, ONE)))

    (reply,) = of_kind(Appended, node.tick())
    assert reply[0] == "n4"


# Who abstains


def test_the_answers_of_one_that_abstains_commit_nothing(node: Alone) -> None:
    leading(node)
    node.proposals.offer(b"entry", lambda _: None)
    node.tick()
    answer(node, "n3", life=7)
    node.tick()

    assert node.raft.commit_index == 2


def test_the_answers_of_one_that_abstains_keep_no_leader_and_confirm_no_read(node: Alone) -> None:
    leading(node)
    confirmed: list[bool] = []
    node.barriers.ask(confirmed.append, inf)
    for _ in range(3):
        answer(node, "n3", life=7)
        node.tick(0.3)

    assert (node.raft.is_leader, confirmed) == (False, [False])


def test_one_that_abstains_is_readmitted_when_it_holds_what_was_decided_without_it(
    node: Alone,
) -> None:
    leading(node)
    answer(node, "n3", match_index=1, life=7)
    node.tick()
    index = node.journal.last_index
    assert node.journal.entries(index, 1, 1) == [(1, NO_OP)]

    answer(node, "n3", match_index=index, life=7)
    assert of_kind(Readmitted, node.tick()) == [], "the others have not decided it"
    answer(node, "n2", match_index=index)
    node.tick()
    answer(node, "n3", match_index=index - 1, life=7)
    assert of_kind(Readmitted, node.tick()) == [], "it does not hold it"
    answer(node, "n3", match_index=index, life=7)

    assert of_kind(Readmitted, node.tick()) == [("n3", Readmitted(1, 7))]
    assert node.journal.last_index == index, "one entry for each life"


def test_another_life_of_one_that_abstains_begins_anew(node: Alone) -> None:
    leading(node)
    answer(node, "n3", match_index=1, life=7)
    node.tick()
    answer(node, "n2")
    node.tick()
    node.hear("n3", Mismatch(1, 1, 2, 1, abstaining=8))
    node.tick()
    answer(node, "n3", match_index=node.journal.last_index - 1, life=8)

    assert of_kind(Readmitted, node.tick()) == []


# Handing over


def test_a_transfer_goes_to_the_target_once_it_has_the_whole_log(node: Alone) -> None:
    leading(node)
    node.proposals.offer(b"one", lambda _: None)
    node.tick()
    results = ask(node, Transfer("n3"))
    answer(node, "n2")
    assert of_kind(TimeoutNow, node.tick() + node.tick()) == []

    answer(node, "n3")
    assert of_kind(TimeoutNow, node.tick()) == [("n3", TimeoutNow(1))]
    node.hear("n3", append(term=2, previous_index=3, previous_term=1))
    node.tick()

    assert results == [DONE]


def test_proposals_wait_while_leadership_is_handed_over(node: Alone) -> None:
    leading(node)
    results: list[object] = []
    ask(node, Transfer("n3"))
    node.tick()
    node.proposals.offer(b"one", results.append)
    node.tick()
    assert (results, node.journal.last_index) == ([], 2)

    answer(node, "n2", "n3")
    node.tick(0.5)
    answer(node, "n2", "n3")
    node.tick(0.55)
    node.tick()

    assert node.journal.last_index == 3, "the transfer was given up"


@pytest.mark.parametrize(
    ("target", "text"),
    [
        pytest.param("n9", "n9 is none of the voters", id="a stranger"),
        pytest.param(
            "n3",
            "n3 is not connected, or in no state to lead: see its condition",
            id="one that is away",
        ),
        pytest.param("n2", "n2 did not take over within a second", id="one that does not stand"),
    ],
)
def test_a_transfer_is_refused(target: str, text: str, node: Alone) -> None:
    leading(node)
    node.raft.on_disconnected("n3")
    results = ask(node, Transfer(target))
    for _ in range(5):
        answer(node, "n2")
        node.tick(0.3)

    assert (results, node.raft.is_leader) == ([ChangeResult(ChangeKind.REFUSED, text)], True)


def test_leadership_can_be_given_to_whoever_has_the_log(node: Alone) -> None:
    leading(node)
    results = ask(node, Transfer(None))
    node.tick()
    assert of_kind(TimeoutNow, node.tick(0.06)) == [("n2", TimeoutNow(1))]

    node.hear("n2", append(term=2, previous_index=2, previous_term=1))
    node.tick()

    assert results == [DONE]


def test_all_requests_are_answered_when_the_node_stops(node: Alone) -> None:
    leading(node)
    first = ask(node, ADD_FOUR)
    node.tick()
    second = ask(node, ADD_FOUR)
    node.raft.abandon_requests()

    assert [result.kind for result in first + second] == [
        ChangeKind.UNKNOWN,
        ChangeKind.NOT_LEADER,
    ]


def test_votes_of_learners_and_strangers_do_not_count(node: Alone) -> None:
    learner = GENESIS.with_member("n3", Member(MEMBERS["n3"], "", Standing.LEARNER))
    membership = Membership(learner.members).with_member("n4", FOUR)
    node.hear("n2", append((1, MEMBERSHIP + membership.encode())))
    node.tick(2.0)
    for node_id in ("n3", "n4"):
        node.hear(node_id, PreVoteAnswer(1, 1, True))
    node.tick()
    assert node.raft.term == 1

    node.hear("n2", PreVoteAnswer(1, 1, True))
    node.tick()
    for node_id in ("n3", "n4"):
        node.hear(node_id, Vote(2))

    assert (node.raft.term, node.raft.is_leader) == (2, False)
    node.hear("n2", Vote(2))
    assert node.raft.is_leader


def test_a_question_is_for_every_member_that_may_know_the_leader(node: Alone) -> None:
    node.hear("n2", append((1, MEMBERSHIP + GENESIS.with_member("n4", FOUR).encode())))

    sent = node.tick(2.0)

    assert [node_id for node_id, _ in of_kind(PreVote, sent)] == ["n2", "n3", "n4"]
