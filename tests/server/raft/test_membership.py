"""The membership as a value, and what a change makes of it."""

import pytest

from stepraft.server.raft import changes
from stepraft.server.raft.kinds import is_known
from stepraft.server.raft.membership import (
    AddMember,
    Change,
    Member,
    Membership,
    RemoveMember,
    Standing,
    UpdateMember,
)
from stepraft.server.raft.membership_log import Landmark, MembershipLog

VOTER, LEARNER = Standing.VOTER, Standing.LEARNER


def at(number: int, standing: Standing = VOTER) -> Member:
    return Member(f"127.0.0.1:{7000 + number}", f"127.0.0.1:{8000 + number}", standing)


THREE = Membership({f"n{i}": at(i) for i in (1, 2, 3)})


def no_rule(field: str, address: str) -> None:
    """Every address is good."""


def test_only_voters_count() -> None:
    membership = THREE.with_member("n4", at(4, LEARNER)).with_member("n0", at(0, LEARNER))

    assert (membership.voters, membership.majority) == (("n1", "n2", "n3"), 2)
    assert membership.learners == ("n0", "n4")
    promoted = membership.with_voter("n0")
    assert (promoted.voters, promoted.majority) == (("n0", "n1", "n2", "n3"), 3)


def test_the_bytes_do_not_depend_on_the_order_of_changes() -> None:
    one = Membership({"n1": at(1), "n2": at(2)})
    other = Membership({"n2": at(2), "n1": at(1)})

    assert one.encode() == other.encode()
    assert Membership.decode(one.encode()) == other


@pytest.mark.parametrize(
    ("data", "known"),
    [
        pytest.param(b"\2" + THREE.encode(), True, id="a membership"),
        pytest.param(b"\2" + Membership({}).encode(), False, id="nobody votes"),
        pytest.param(b"\2membership", False, id="something else"),
        pytest.param(b"\2", False, id="nothing"),
        pytest.param(b"\0anything", True, id="a proposal"),
        pytest.param(b"\1", True, id="a no-op"),
        pytest.param(b"\1more", False, id="a no-op with more"),
        pytest.param(b"\3", False, id="another kind"),
        pytest.param(b"", False, id="empty"),
    ],
)
def test_entries_are_known_by_kind_and_form(data: bytes, known: bool) -> None:
    assert is_known(data) is known


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(
            AddMember("n4", at(4).raft, at(4).grpc),
            THREE.with_member("n4", at(4, LEARNER)),
            id="who is added learns first",
        ),
        pytest.param(AddMember("n3", at(3).raft, at(3).grpc), THREE, id="a member is added again"),
        pytest.param(
            RemoveMember("n3"), Membership({"n1": at(1), "n2": at(2)}), id="a member is removed"
        ),
        pytest.param(RemoveMember("n9"), THREE, id="a stranger is removed"),
        pytest.param(
            UpdateMember("n2", at(5).raft, at(5).grpc),
            THREE.with_member("n2", at(5)),
            id="a member moves",
        ),
        pytest.param(
            UpdateMember("n2", at(2).raft, at(6).grpc),
            THREE.with_member("n2", Member(at(2).raft, at(6).grpc, VOTER)),
            id="one port of a member moves",
        ),
    ],
)
def test_a_change_makes(change: Change, expected: Membership) -> None:
    assert changes.apply(change, THREE, no_rule) == expected


@pytest.mark.parametrize(
    ("change", "text"),
    [
        pytest.param(AddMember("", "h:1", "h:2"), "node_id: must not be empty", id="no id"),
        pytest.param(
            AddMember("n3", "h:1", "h:2"),
            "node_id: n3 is a member already, at 127.0.0.1:7003: update it instead",
            id="a member with other addresses",
        ),
        pytest.param(
            AddMember("n4", "nowhere", "h:2"),
            "raft: 'nowhere' is not of the form host:port",
            id="no address",
        ),
        pytest.param(
            AddMember("n4", "h:1", "h:70000"),
            "grpc: 'h:70000' is not of the form host:port",
            id="no port",
        ),
        pytest.param(
            AddMember("n4", at(1).raft, "h:2"),
            "raft: 127.0.0.1:7001 is an address of n1",
            id="the address of another",
        ),
        pytest.param(
            UpdateMember("n2", "h:1", at(3).grpc),
            "grpc: 127.0.0.1:8003 is an address of n3",
            id="moving to the address of another",
        ),
        pytest.param(
            UpdateMember("n9", "h:1", "h:2"), "node_id: n9 is no member", id="moving a stranger"
        ),
        pytest.param(
            AddMember("n4", "h" * 2000 + ":1", "h:2"),
            "the members with their addresses take .* bytes, the limit is 1600",
            id="too long for the head of a segment",
        ),
    ],
)
def test_a_change_is_refused(change: Change, text: str) -> None:
    with pytest.raises(changes.Refusal, match=text):
        changes.apply(change, THREE, no_rule)


def test_the_last_voter_stays() -> None:
    membership = Membership({"n1": at(1), "n2": at(2, LEARNER)})

    with pytest.raises(changes.Refusal, match="node_id: n1 is the only voter"):
        changes.apply(RemoveMember("n1"), membership, no_rule)
    assert changes.apply(RemoveMember("n2"), membership, no_rule).voters == ("n1",)


def test_an_address_that_the_network_does_not_protect_is_refused() -> None:
    def refuse(field: str, address: str) -> None:
        raise ValueError(f"{field}: {address} is open")

    with pytest.raises(changes.Refusal, match="raft: h:1 is open"):
        changes.apply(AddMember("n4", "h:1", "h:2"), THREE, refuse)


def test_a_log_remembers_the_newest_memberships_and_takes_voided_ones_back() -> None:
    log = MembershipLog()
    for index in (3, 7, 9):
        log.note(index, b"%d" % index)

    assert log.known == (Landmark(7, b"7"), Landmark(9, b"9"))
    log.void(10)
    assert log.newest == Landmark(9, b"9")
    log.void(9)
    assert log.newest == Landmark(7, b"7")
    log.void(1)
    assert log.newest is None
