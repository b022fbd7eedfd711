"""The real Raft layer in virtual time: `server.raft.consensus` without its thread and sockets."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Final

from stepraft.server.raft import messages
from stepraft.server.raft.barriers import Barriers
from stepraft.server.raft.contract import ProposalResult, RaftStatus, ReplicatedMachine, Role
from stepraft.server.raft.corrections import CorrectedRaft
from stepraft.server.raft.disk import Disk
from stepraft.server.raft.journal import Journal
from stepraft.server.raft.membership import Change, ChangeResult
from stepraft.server.raft.messages import Hello, Message, Ping, RaftMessage
from stepraft.server.raft.proposals import REFUSED, Proposals
from stepraft.server.raft.reach import check_reach
from stepraft.server.raft.requests import STOPPED, Request, Transfer
from stepraft.server.raft.settings import RaftSettings
from stepraft.server.raft.vote import Identity
from tests.simulation.raft.virtual import Clock
from tests.simulation.whole.process_loop import ProcessLoop
from tests.simulation.whole.wires import Wires

_NEVER: Final = float("inf")
_BEGINNING_S: Final = 1000.0
"""The library's clock when the loop's is at 0."""


class RaftThread:
    """A `ReplicatedLog`: ticks when something is due, a message came or somebody asks.

    `late_s`: how much later than that, at most.
    """

    def __init__(
        self,
        settings: RaftSettings,
        disk: Disk,
        machine: ReplicatedMachine,
        on_role: Callable[[Role], None],
        *,
        loop: ProcessLoop,
        wires: Wires,
        clock: Clock,
        chance: Random,
        late_s: float,
    ) -> None:
        self.late_s = late_s
        self._settings = settings
        self._disk = disk
        self._machine = machine
        self._on_role = on_role
        self._loop = loop
        self._wires = wires
        self._clock = clock
        self._chance = chance
        self._proposals = Proposals(
            entries_max=settings.queue_entries_max, bytes_max=settings.queue_bytes_max
        )
        self._barriers = Barriers()
        self._ticks_at = _NEVER

    # stepraft.server.engine.replicated_log.ReplicatedLog

    def start(self) -> None:
        """Read the journal back, and join. Errors: StartError, Death."""
        settings = self._settings
        self._look()
        self.journal = Journal(
            self._disk,
            Identity(cluster_id=settings.cluster_id, node_id=settings.node_id),
            segment_bytes=settings.segment_bytes,
            tail_bytes=settings.tail_bytes,
        )
        check_reach(self.journal, self._machine)
        self.raft = CorrectedRaft(
            settings,
            self.journal,
            self,
            self,
            self._machine,
            self._proposals,
            self._barriers,
            self._on_role,
        )
        self._tick_in(0.0)

    def stop(self) -> None:
        raise NotImplementedError("simulated processes are killed")

    def propose(self, entry: bytes, done: Callable[[ProposalResult], None]) -> None:
        assert 0 < len(entry) <= self._settings.entry_bytes_max, "the engine keeps entries small"
        if self._proposals.offer(entry, done):
            self._tick_soon()
        else:
            done(REFUSED)

    def barrier(self, done: Callable[[bool], None]) -> None:
        self._look()
        if self._barriers.ask(done, self._clock.at + self._settings.proposal_timeout_s):
            self._tick_soon()
        else:
            done(False)

    def change_membership(self, change: Change, done: Callable[[ChangeResult], None]) -> None:
        self._ask(change, done)

    def transfer_leadership(self, target: str | None, done: Callable[[ChangeResult], None]) -> None:
        self._ask(Transfer(target), done)

    def _ask(self, request: Request, done: Callable[[ChangeResult], None]) -> None:
        if self.raft.requests.ask(request, done):
            self._tick_soon()
        else:
            done(STOPPED)

    def status(self) -> RaftStatus:
        return self.raft.status

    # What comes from the wires

    @property
    def hello(self) -> Hello:
        """What this node says first on a connection."""
        return Hello(
            newest=messages.PROTOCOL_NEWEST,
            cluster_id=self._settings.cluster_id,
            node_id=self._settings.node_id,
            oldest=messages.PROTOCOL_OLDEST,
            supported_level=self._settings.supported_level,
            is_fresh=self.raft.is_fresh,
        )

    def on_connected(self, node_id: str, hello: Hello) -> None:
        self._look()
        self.raft.on_connected(node_id, hello)
        self._tick_soon()

    def on_disconnected(self, node_id: str) -> None:
        self._look()
        self.raft.on_disconnected(node_id)
        self._tick_soon()

    def on_message(self, node_id: str, message: Message) -> None:
        assert not isinstance(message, Hello | Ping), f"{message} belongs to the transport"
        self._look()
        self.raft.on_message(node_id, message)
        self._tick_soon()

    # What Raft asks of its network and of its poller

    def send(self, node_id: str, message: RaftMessage) -> bool:
        return self._wires.send(self._settings.node_id, node_id, message)

    def set_peers(self, addresses: Mapping[str, str]) -> None:
        self._wires.set_peers(self._settings.node_id, addresses)

    def tick(self, now: float) -> float:
        return _NEVER

    def poll(self, timeout_s: float) -> None:
        self._ticks_at = _NEVER
        self._tick_in(timeout_s)

    # Time

    def _look(self) -> None:
        """What the library takes for the time is that of the loop, and a little more."""
        self._clock.at = max(self._clock.at, _BEGINNING_S + self._loop.time())

    def _tick_soon(self) -> None:
        self._tick_in(0.0)

    def _tick_in(self, seconds: float) -> None:
        at = self._loop.time() + seconds + self._chance.random() * self.late_s
        if at < self._ticks_at:
            self._ticks_at = at
            self._loop.call_at(at, self._tick, at)

    def _tick(self, at: float) -> None:
        if at == self._ticks_at:
            self._look()
            self.raft.doTick()
