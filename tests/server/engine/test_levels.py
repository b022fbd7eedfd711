"""The leader raises the feature level when all members support more, and as far as they do."""

import pytest

from stepraft.interpreter.commands import RaiseFeatureLevel
from stepraft.interpreter.events import FeatureLevelRaised
from stepraft.server.engine.levels import Levels
from stepraft.server.raft.contract import PeerStatus, RaftStatus, RoleKind
from stepraft.storage.entry import Group, LeaderStarted, encode_groups, encode_leader_started
from stepraft.storage.machine import Machine
from stepraft.storage.memory import MemoryStore
from stepraft.testing import VirtualLoop


class Leader:
    """A leader's machine, what it knows of its peers, and what it proposes."""

    def __init__(self, supported: int, *peers: int, level: int = 1) -> None:
        self.loop = VirtualLoop()
        self.machine = Machine(MemoryStore(), supported_level=supported)
        self.machine.apply(
            1, 1, encode_leader_started(LeaderStarted(node_id="n1", term=1, nonce=b""), 1)
        )
        self.peers = list(peers)
        self.asked = 0
        self.raised: list[int] = []
        if level > 1:
            self.raise_to(level)
        self.levels = self.loop.run_until_complete(self._made())

    async def _made(self) -> Levels:
        return Levels(self.machine, self._status, self._submit)

    def raise_to(self, level: int) -> None:
        event = FeatureLevelRaised(level=level)
        group = Group(stamp=2, cause="", events=(event,), sequences=(0,))
        number = self.machine.position.number + 1
        self.machine.apply(number + 1, 1, encode_groups(1, number, 2, [group]))

    def _submit(self, command: RaiseFeatureLevel) -> None:
        self.raised.append(command.level)

    def _status(self) -> RaftStatus:
        self.asked += 1
        peers = tuple(
            PeerStatus(f"n{number}", 1, level > 0, supported_level=level)
            for number, level in enumerate(self.peers, 2)
        )
        return RaftStatus("n1", RoleKind.LEADER, 1, "n1", 1, 1, 1, 1, peers)


@pytest.mark.parametrize(
    ("leader", "raised"),
    [
        pytest.param(Leader(3), [3], id="alone"),
        pytest.param(Leader(3, 3, 3), [3], id="all support more"),
        pytest.param(Leader(3, 3, 2), [2], id="as far as the lowest goes"),
        pytest.param(Leader(2, 3, 4), [2], id="the leader is the lowest"),
        pytest.param(Leader(3, 3, 1), [], id="one supports no more"),
        pytest.param(Leader(3, 3, 0), [], id="one is not connected"),
        pytest.param(Leader(3, 3, 2, level=2), [], id="as high as the lowest already"),
    ],
)
def test_the_level_goes_as_high_as_all_members_support(leader: Leader, raised: list[int]) -> None:
    leader.levels.start()

    assert leader.raised == raised


def test_a_leader_looks_again_until_nothing_is_left_to_raise() -> None:
    leader = Leader(2, 2, 0)
    leader.levels.start()
    leader.loop.advance(10.0)
    assert leader.raised == []

    leader.peers = [2, 2]
    leader.loop.advance(1.0)
    leader.raise_to(2)
    leader.loop.advance(1.0)
    asked = leader.asked
    leader.loop.advance(10.0)

    assert (leader.raised, leader.asked) == ([2], asked)


def test_nothing_is_looked_at_where_the_cluster_has_the_level_of_the_program() -> None:
    leader = Leader(2, 2, 2, level=2)

    leader.levels.start()
    leader.loop.advance(10.0)

    assert leader.asked == 0


def test_the_end_of_the_epoch_ends_it() -> None:
    leader = Leader(2, 1)
    leader.levels.start()

    leader.levels.close()
    leader.peers = [2]
    leader.loop.advance(10.0)

    assert leader.raised == []
