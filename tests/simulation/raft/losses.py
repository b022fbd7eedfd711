"""What goes wrong at the worst moment: a folder is lost whose promise decides, a change is lost."""

from collections.abc import Callable

from stepraft.server.raft.exposed import CANDIDATE
from stepraft.server.raft.membership import UpdateMember
from tests.simulation.raft.administrator import Administrator
from tests.simulation.raft.cluster import Cluster, address_of

_STEPS_MAX = 80


class Losses:
    """Plays such a story with a group; `use` is what its clients do meanwhile."""

    def __init__(self, cluster: Cluster, use: Callable[[], None]) -> None:
        self._cluster = cluster
        self._use = use

    def lose_a_promise(self) -> None:
        """A voter makes a new leader and loses its folder; then it has the old leader's ear, and
        the new one is cut off.
        """
        old = self._lone_leader()
        if old is None:
            return
        others = sorted(self._cluster.processes.keys() - {old})
        self._cut(old, others)
        if self._wait_for(lambda: self._leader_of(others) is not None):
            new = self._leader_of(others)
            assert new is not None
            index = self._cluster.processes[new].raft.applied_index
            self._wait_for(lambda: self._has_applied_more(new, index))
            self._swap(new, [n for n in others if n != new])
        self._cluster.stalled.clear()

    def void_a_change(self) -> None:
        """A leader that is cut off changes the members; another one leads, and knows nothing."""
        old = self._lone_leader()
        if old is None:
            return
        others = sorted(self._cluster.processes.keys() - {old})
        self._cut(old, others)
        for port in (19_998, 19_999):
            change = UpdateMember(old, address_of(old), f"127.0.0.1:{port}")
            self._cluster.request(old, change)
        if self._wait_for(lambda: self._leader_of(others) is not None):
            new = self._leader_of(others)
            assert new is not None
            index = self._cluster.processes[new].raft.applied_index
            self._wait_for(lambda: self._has_applied_more(new, index))
        self._cluster.stalled.clear()

    def trust_a_learner(self) -> None:
        """A leader is left alone with a node that has just joined, and counts for nothing."""
        old = self._lone_leader()
        if old is None:
            return
        voters = self._cluster.membership().voters
        Administrator(self._cluster).add()
        if self._wait_for(lambda: self._has_learner(old)):
            others = [n for n in voters if n != old]
            for node_id in sorted(self._cluster.processes.keys() - set(others)):
                self._cut(node_id, others)
            self._wait_for(lambda: self._leader_of(others) is not None)
            for _ in range(20):
                self._step()
        self._cluster.stalled.clear()

    def fall_silent(self) -> None:
        """A leader is heard again at the moment in which somebody stands because it was not."""
        old = self._lone_leader()
        if old is None:
            return
        others = sorted(self._cluster.processes.keys() - {old})
        self._cut(old, others)
        self._wait_for(lambda: any(self._stands(node_id) for node_id in others))
        self._cluster.stalled.clear()
        for _ in range(10):
            self._step()

    def _has_learner(self, leader: str) -> bool:
        process = self._cluster.processes.get(leader)
        if process is None or not process.raft.is_leader:
            return False
        raft = process.raft
        return any(raft._progress[n].match_index for n in raft.membership.learners)

    def _stands(self, node_id: str) -> bool:
        process = self._cluster.processes.get(node_id)
        return process is not None and process.raft.state == CANDIDATE

    def _swap(self, new: str, voters: list[str]) -> None:
        cluster = self._cluster
        victim = cluster.random.choice(voters)
        if victim not in cluster.processes:
            return
        cluster.wipe(victim, rejoin=False)
        cluster.stalled.clear()
        self._cut(new, sorted(cluster.processes.keys() - {new} | {victim}))
        cluster.start(victim)
        for _ in range(cluster.random.randint(5, _STEPS_MAX)):
            self._step()

    def _lone_leader(self) -> str | None:
        """The leader of a group in which all is well, so that one folder can be lost."""
        cluster = self._cluster
        leaders, voters = cluster.leaders(), set(cluster.membership().voters)
        is_whole = voters == cluster.processes.keys() & cluster.sound() & voters
        is_open = not cluster.stalled and not cluster.broken and not cluster.paused
        return leaders[0] if len(leaders) == 1 and is_whole and is_open else None

    def _leader_of(self, node_ids: list[str]) -> str | None:
        return next((n for n in self._cluster.leaders() if n in node_ids), None)

    def _has_applied_more(self, node_id: str, index: int) -> bool:
        process = self._cluster.processes.get(node_id)
        return process is not None and process.raft.applied_index > index

    def _cut(self, node_id: str, others: list[str]) -> None:
        for other in others:
            if other != node_id:
                self._cluster.stalled |= {(node_id, other), (other, node_id)}

    def _wait_for(self, look: Callable[[], bool]) -> bool:
        for _ in range(_STEPS_MAX):
            if look():
                return True
            self._step()
        return False

    def _step(self) -> None:
        self._use()
        self._cluster.advance()
