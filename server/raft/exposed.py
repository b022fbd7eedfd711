"""The private state of pysyncobj's node by plain, typed names.

pysyncobj's methods call each other by mangled names, so a subclass can replace any of them:
`_SyncObj__x` here is its `__x`. Which ones, and why, is in the files that derive from this one.
"""

from typing import Final

from stepraft.server.raft.contract import ReplicatedMachine
from stepraft.server.raft.journal import Journal
from stepraft.server.raft.kinds import NO_OP
from stepraft.server.raft.library import SyncObj, SyncObjConf, chance, now
from stepraft.server.raft.network import Network
from stepraft.server.raft.settings import RaftSettings
from stepraft.server.raft.shapes import LibraryJournal, LibraryNode, LibraryTransport

FOLLOWER: Final = 0
CANDIDATE: Final = 1
LEADER: Final = 2


class Exposed(SyncObj):  # type: ignore[misc]
    """One node of the group on our journal and network, with the library's rules."""

    def __init__(
        self,
        settings: RaftSettings,
        journal: Journal,
        network: Network,
        machine: ReplicatedMachine,
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._network = network
        self._machine = machine
        self._is_state_wrong = False
        self._library_transport = LibraryTransport(network)
        super().__init__(
            LibraryNode(settings.node_id),
            [],
            _configuration(settings),
            transport=self._library_transport,
        )
        if journal.last_index == 0:
            # The library's logs begin with this entry on every node.
            journal.append(1, [(0, NO_OP)])
            journal.sync()
        self._SyncObj__raftLog = LibraryJournal(journal)
        self._SyncObj__raftCurrentTerm = journal.term
        self._SyncObj__votedForNodeId = journal.vote
        # What compaction or a snapshot put behind the log was committed.
        self._SyncObj__raftCommitIndex = max(journal.first_index, machine.applied_index)
        self._SyncObj__raftLastApplied = machine.applied_index
        self._SyncObj__needLoadDumpFile = False

    @property
    def term(self) -> int:
        """The current term."""
        return int(self._SyncObj__raftCurrentTerm)

    @property
    def state(self) -> int:
        """FOLLOWER, CANDIDATE or LEADER."""
        return int(self._SyncObj__raftState)

    @property
    def is_leader(self) -> bool:
        """Whether this node believes that it leads."""
        return bool(self._SyncObj__raftState == LEADER)

    @property
    def leader_id(self) -> str | None:
        """The leader of the current term, as far as known."""
        leader = self._SyncObj__raftLeader
        return None if leader is None else str(leader.id)

    @property
    def commit_index(self) -> int:
        """The last entry known to be committed."""
        return int(self._SyncObj__raftCommitIndex)

    @commit_index.setter
    def commit_index(self, index: int) -> None:
        self._SyncObj__raftCommitIndex = index

    @property
    def applied_index(self) -> int:
        """The last entry that the machine has applied."""
        return int(self._SyncObj__raftLastApplied)

    @property
    def lacks_state(self) -> bool:
        """Whether the machine's state is wrong, or too old for the log: it needs a snapshot."""
        is_too_old = self.applied_index + 1 < self._journal.first_replayable_index
        return is_too_old or self._is_state_wrong

    @property
    def election_deadline(self) -> float:
        """When a follower loses patience, on the library's clock."""
        return float(self._SyncObj__raftElectionDeadline)

    @election_deadline.setter
    def election_deadline(self, at: float) -> None:
        self._SyncObj__raftElectionDeadline = at

    def is_connected(self, node_id: str) -> bool:
        """Whether messages reach a node."""
        return LibraryNode(node_id) in self._SyncObj__connectedNodes

    def random_timeout_s(self) -> float:
        """An election timeout between the two bounds."""
        low, high = self._settings.election_timeout_min_s, self._settings.election_timeout_max_s
        return low + (high - low) * chance()

    def _follow(self, leader_id: str | None) -> None:
        """Be a follower, of `leader_id` if known."""
        self._SyncObj__setState(FOLLOWER)
        self._SyncObj__raftLeader = None if leader_id is None else LibraryNode(leader_id)

    def _adopt_term(self, term: int) -> None:
        """Somebody is in a later term: follow, with a vote to give."""
        self._SyncObj__setCurrentTerm(term, None)
        self._follow(None)

    def _postpone_election(self) -> None:
        """The leader lives, or a candidate deserves its chance."""
        self.election_deadline = now() + self.random_timeout_s()

    # The library's own ways to the log, which copy its end

    def _SyncObj__getCurrentLogIndex(self) -> int:  # noqa: N802
        return self._journal.last_index

    def _SyncObj__getCurrentLogTerm(self) -> int:  # noqa: N802
        return self._journal.last_term

    def _SyncObj__getEntries(  # noqa: N802
        self, first: int, count: int | None = None, size: int | None = None
    ) -> list[tuple[bytes, int, int]]:
        found = self._journal.entries(first, count or 1, size or 1 << 62)
        return [(data, first + i, term) for i, (term, data) in enumerate(found)]


def _configuration(settings: RaftSettings) -> SyncObjConf:
    return SyncObjConf(
        autoTick=False,
        appendEntriesUseBatch=True,
        raftMinTimeout=settings.election_timeout_min_s,
        raftMaxTimeout=settings.election_timeout_max_s,
        appendEntriesPeriod=settings.heartbeat_s,
        leaderFallbackTimeout=settings.quorum_timeout_s,
        connectionTimeout=settings.silence_timeout_s,
        commandsWaitLeader=False,
        useFork=False,
        dynamicMembershipChange=False,
    )
