"""Groups of real nodes that change while they work: who joins, leaves, moves, loses its folder."""

import shutil

from stepraft.server.raft.contract import Condition, ProposalKind
from stepraft.server.raft.membership import ChangeKind, ChangeResult, RemoveMember, UpdateMember
from stepraft.server.raft.requests import DONE
from tests.server.raft.conftest import WAIT_S, Group


def followers(group: Group) -> list[str]:
    leader = group.leader()
    return [node_id for node_id in sorted(group.nodes) if node_id != leader]


def test_a_new_group_waits_for_all_its_members(group: Group) -> None:
    group.start("n1", "n2")
    group.until(lambda: group.nodes["n1"].status().waits_for == ("n3",) or None)
    assert group.nodes["n1"].status().condition is Condition.FORMING

    group.start("n3")

    assert group.leader() in group.members
    group.await_voters("n1", "n2", "n3")


def test_a_fourth_node_joins_catches_up_and_votes(group: Group) -> None:
    group.start()
    group.apply(b"one")

    group.reshape(group.invite("n4"))
    group.start("n4")

    group.await_voters("n1", "n2", "n3", "n4")
    group.apply(b"two")
    group.await_entries([b"one", b"two"])


def test_a_node_with_a_lower_id_joins_too(group: Group) -> None:
    group.start()
    group.reshape(group.invite("n0"))
    group.start("n0")

    group.await_voters("n0", "n1", "n2", "n3")


def test_a_node_is_replaced_by_another(group: Group) -> None:
    group.start()
    group.apply(b"one")
    group.reshape(group.invite("n4"))
    group.start("n4")
    group.await_voters("n1", "n2", "n3", "n4")
    gone = followers(group)[0]

    group.reshape(RemoveMember(gone))

    assert group.removed.get(timeout=WAIT_S) == gone
    group.stop(gone)
    group.await_voters(*sorted({"n1", "n2", "n3", "n4"} - {gone}))
    group.apply(b"two")
    group.await_entries([b"one", b"two"])
    assert group.failures.empty()


def test_the_leader_is_removed_by_its_successor(group: Group) -> None:
    group.start()
    first = group.leader()

    assert group.change(first, RemoveMember(first)).kind is ChangeKind.NOT_LEADER

    group.reshape(RemoveMember(first))
    assert group.removed.get(timeout=WAIT_S) == first
    group.stop(first)
    group.apply(b"one")


def test_a_member_is_found_where_it_moved(group: Group) -> None:
    group.start()
    mover = followers(group)[0]
    moved = group.invite(mover)
    group.stop(mover)

    group.reshape(UpdateMember(mover, moved.raft, moved.grpc))
    group.start(mover)

    group.apply(b"one")
    group.await_entries([b"one"])
    assert group.nodes[mover].status().membership.members[mover].raft == moved.raft


def test_leadership_goes_where_it_is_asked_to(group: Group) -> None:
    group.start()
    target = followers(group)[-1]

    assert group.transfer(group.leader(), target) == DONE

    assert group.leader() == target


def test_leadership_does_not_go_to_one_that_is_away(group: Group) -> None:
    group.start()
    leader, target = group.leader(), followers(group)[0]
    group.stop(target)

    result = group.transfer(leader, target)

    text = f"{target} is not connected, or in no state to lead: see its condition"
    assert result == ChangeResult(ChangeKind.REFUSED, text)
    group.apply(b"one")


def test_a_member_that_lost_its_folder_counts_again_when_it_has_everything(group: Group) -> None:
    group.start()
    group.apply(b"one")
    lost, other = followers(group)
    group.stop(lost)
    shutil.rmtree(group.settings(lost).folder)
    group.start(lost)
    group.await_voters("n1", "n2", "n3")

    group.stop(other)

    group.apply(b"two")
    group.await_entries([b"one", b"two"])
    assert group.nodes[lost].status().condition is Condition.NORMAL


def test_with_one_folder_lost_and_one_node_away_nothing_is_acknowledged(group: Group) -> None:
    group.start()
    group.apply(b"one")
    leader = group.leader()
    lost, other = followers(group)
    group.stop(lost)
    group.stop(other)
    shutil.rmtree(group.settings(lost).folder)
    group.start(lost)
    group.until(lambda: group.nodes[lost].status().condition is Condition.ABSTAINING or None)

    assert group.propose(leader, b"two").kind is not ProposalKind.APPLIED

    group.start(other)
    group.await_voters("n1", "n2", "n3")
    group.apply(b"three")
