"""Those who change a group while it works: add, remove, move, hand over, and lose a folder."""

from random import Random

from stepraft.server.raft.membership import AddMember, RemoveMember, UpdateMember
from stepraft.server.raft.requests import Transfer
from tests.simulation.raft.cluster import ALL_IDS, Cluster, address_of

_VOTERS_MIN = 3


class Administrator:
    """Asks whoever seems to lead; what comes of it is the history's to judge."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._random: Random = cluster.random

    def add(self) -> None:
        """Let a node join that nobody knows, with an empty folder."""
        leader = self._leader()
        known = {n for p in self._cluster.processes.values() for n in p.raft.membership.members}
        strangers = [n for n in ALL_IDS if n not in known | set(self._cluster.membership().members)]
        if leader is None or not strangers:
            return
        node_id = self._random.choice(strangers)
        if node_id in self._cluster.processes:
            self._cluster.crash(node_id, loses_power=False)
        members = sorted({node_id, *self._cluster.processes[leader].raft.membership.members})
        self._cluster.prepare(node_id, members, rejoin=self._random.random() < 0.3)
        self._cluster.request(leader, AddMember(node_id, address_of(node_id), self._grpc()))

    def remove(self) -> None:
        """Let a member leave, as long as enough others vote."""
        leader = self._leader()
        if leader is None:
            return
        membership = self._cluster.processes[leader].raft.membership
        candidates = list(membership.members)
        if len(membership.voters) <= _VOTERS_MIN:
            candidates = list(membership.learners)
        if candidates:
            self._cluster.request(leader, RemoveMember(self._random.choice(candidates)))

    def update(self) -> None:
        """Tell the group that a member serves its callers elsewhere."""
        leader = self._leader()
        if leader is not None:
            node_id = self._random.choice(ALL_IDS)
            self._cluster.request(leader, UpdateMember(node_id, address_of(node_id), self._grpc()))

    def transfer(self) -> None:
        """Let somebody else lead."""
        leader = self._leader()
        if leader is not None:
            target = self._random.choice([None, *ALL_IDS])
            self._cluster.request(leader, Transfer(target))

    def wipe(self) -> None:
        """Lose the folder of a node, if a majority of those who vote keeps its own."""
        memberships = [p.raft.membership for p in self._cluster.processes.values()]
        memberships.append(self._cluster.membership())
        node_id = self._random.choice(ALL_IDS)
        for membership in memberships:
            kept = self._cluster.sound() & set(membership.voters) - {node_id}
            if len(kept) < membership.majority:
                return
        if node_id in self._cluster.membership().members:
            self._cluster.wipe(node_id, rejoin=self._random.random() < 0.3)

    def _leader(self) -> str | None:
        leaders = self._cluster.leaders()
        return self._random.choice(leaders) if leaders else None

    def _grpc(self) -> str:
        return f"127.0.0.1:{self._random.randint(20_000, 60_000)}"
