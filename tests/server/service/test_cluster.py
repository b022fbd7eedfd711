"""How the cluster stands: what this node knows, what the others say, and what the leader adds."""

from collections.abc import Mapping

import pytest

from stepraft.server.raft.contract import Condition, PeerStatus, RaftStatus, RoleKind
from stepraft.server.raft.membership import Member, Membership, Standing
from stepraft.server.service.cluster import Cluster, NodeStatus
from tests.server.local_node import LocalNode, local_node

MEMBERSHIP = Membership(
    {
        "dev": Member("a:2", "a:1", Standing.VOTER),
        "n2": Member("b:2", "b:1", Standing.VOTER),
        "n3": Member("c:2", "c:1", Standing.LEARNER),
    }
)
ADDRESSES = {node_id: member.grpc for node_id, member in MEMBERSHIP.members.items()}


class Peers:
    """The other nodes, which say what the test says."""

    def __init__(self, **told: tuple[NodeStatus, ...]) -> None:
        self._told = told

    async def nodes_known_to(self, node_id: str, timeout_s: float) -> tuple[NodeStatus, ...] | None:
        return self._told.get(node_id)


def group_of(local: LocalNode, **matches: int) -> None:
    """Let the log of a node tell of the group, and of what the others have of it."""
    alone = local.log.status()
    told = RaftStatus(
        **{name: getattr(alone, name) for name in alone.__struct_fields__}
        | {
            "membership": MEMBERSHIP,
            "peers": tuple(PeerStatus(each, matches[each], True) for each in matches),
        }
    )
    local.log.status = lambda: told  # type: ignore[method-assign]


def cluster_of(local: LocalNode, peers: Peers, addresses: Mapping[str, str] = ADDRESSES) -> Cluster:
    return Cluster("c", local.node_id, addresses, [local.partition], peers)


def said(node_id: str, local: LocalNode, **fields: object) -> NodeStatus:
    """Return what a node says of itself that is as far as this one."""
    position = local.partition.machine.position
    known: dict[str, object] = {
        "role": RoleKind.FOLLOWER,
        "applied_index": position.applied_index,
        "checksum": position.checksum,
        "condition": Condition.NORMAL,
    }
    return NodeStatus(node_id, "", is_reachable=True, **(known | fields))  # type: ignore[arg-type]


async def test_another_node_is_told_what_this_one_knows_by_itself() -> None:
    async with local_node() as local:
        group_of(local, n2=7, n3=0)

        status = await cluster_of(local, Peers()).status(is_peer=True)

        own, second, third = status.nodes
        assert (own.is_reachable, own.role, own.standing) == (True, RoleKind.LEADER, Standing.VOTER)
        assert second == NodeStatus(
            "n2", "b:1", True, raft_address="b:2", standing=Standing.VOTER, match_index=7
        )
        assert third == NodeStatus(
            "n3", "c:1", True, raft_address="c:2", standing=Standing.LEARNER, match_index=0
        )


async def test_a_node_stands_as_it_says_with_what_the_leader_knows_of_it() -> None:
    async with local_node() as local:
        group_of(local, n2=7, n3=0)
        words = said("n2", local, condition=Condition.NO_ROOM, software_version="9")

        status = await cluster_of(local, Peers(n2=(words,))).status(is_peer=False)

        second, third = status.nodes[1:]
        assert (second.condition, second.software_version, second.match_index, second.agrees) == (
            Condition.NO_ROOM,
            "9",
            7,
            True,
        )
        assert (second.address, second.raft_address, second.standing) == (
            "b:1",
            "b:2",
            Standing.VOTER,
        )
        assert (third.is_reachable, third.condition, third.standing) == (
            False,
            None,
            Standing.LEARNER,
        )


async def test_a_follower_gets_the_leaders_words_about_a_silent_node() -> None:
    async with local_node() as local:
        group_of(local, n2=0, n3=0)
        await local.follow("n2")
        known = (said("n2", local), NodeStatus("n3", "c:1", False, match_index=5, snapshot_bytes=6))

        status = await cluster_of(local, Peers(n2=known)).status(is_peer=False)

        assert [(each.node_id, each.match_index, each.snapshot_bytes) for each in status.nodes] == [
            ("dev", 0, 0),
            ("n2", 0, 0),
            ("n3", 5, 6),
        ]


@pytest.mark.parametrize(
    ("fields", "agrees"),
    [
        pytest.param({}, True, id="the same"),
        pytest.param({"checksum": 1}, False, id="another"),
        pytest.param({"applied_index": 999}, None, id="of an entry that this node has not applied"),
        pytest.param({"applied_index": 0, "checksum": 0}, None, id="of nothing"),
    ],
)
async def test_checksums_are_compared_at_equal_entries(
    fields: dict[str, object], agrees: bool | None
) -> None:
    async with local_node() as local:
        group_of(local, n2=0)
        peers = Peers(n2=(said("n2", local, **fields),))

        status = await cluster_of(local, peers).status(is_peer=False)

        assert status.nodes[1].agrees is agrees


async def test_a_node_that_is_no_member_yet_tells_of_itself() -> None:
    async with local_node() as local:
        status = await cluster_of(local, Peers(), {"n2": "b:1"}).status(is_peer=True)

        assert [(each.node_id, each.is_reachable) for each in status.nodes] == [
            ("dev", True),
            ("n2", False),
        ]
