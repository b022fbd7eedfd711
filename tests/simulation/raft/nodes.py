"""One node of a simulated group: what survives its crashes, and one life between two of them."""

from collections.abc import Callable

from stepraft.server.raft.barriers import Barriers
from stepraft.server.raft.contract import Role
from stepraft.server.raft.corrections import CorrectedRaft
from stepraft.server.raft.journal import Journal
from stepraft.server.raft.network import Network
from stepraft.server.raft.proposals import Proposals
from stepraft.server.raft.reach import check_reach
from stepraft.server.raft.settings import RaftSettings
from stepraft.server.raft.vote import Identity
from tests.simulation.raft.disks import SimulatedDisk
from tests.simulation.raft.stores import Store


class _NoWait:
    def poll(self, timeout_s: float) -> None:
        """Time is the simulation's."""


class Process:
    """One life of a node. Errors: StartError as in production."""

    def __init__(
        self,
        settings: RaftSettings,
        disk: SimulatedDisk,
        network: Network,
        store: Store,
        on_role: Callable[[Role], None],
    ) -> None:
        self.proposals = Proposals(entries_max=50, bytes_max=1 << 20)
        self.barriers = Barriers()
        self.journal = Journal(
            disk,
            Identity(cluster_id=settings.cluster_id, node_id=settings.node_id),
            segment_bytes=settings.segment_bytes,
            tail_bytes=settings.tail_bytes,
        )
        check_reach(self.journal, store)
        self.raft = CorrectedRaft(
            settings,
            self.journal,
            network,
            _NoWait(),
            store,
            self.proposals,
            self.barriers,
            on_role,
        )
