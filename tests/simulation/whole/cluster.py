"""The nodes of one run and what can be done to them."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

from msgspec.structs import replace

from stepraft.interpreter import features
from stepraft.interpreter.limits import Limits
from stepraft.server.engine.processor import Budget
from stepraft.server.raft.contract import StartError
from stepraft.server.raft.members import Removed
from stepraft.server.raft.segment import HEAD_BYTES
from stepraft.server.raft.settings import RaftSettings
from stepraft.testing import VirtualLoop
from tests.simulation.oracle import Oracle, Violation
from tests.simulation.raft.disks import Death
from tests.simulation.raft.virtual import Clock
from tests.simulation.whole.history import History
from tests.simulation.whole.nodes import Node
from tests.simulation.whole.processes import Process, World
from tests.simulation.whole.wires import Wires

LOW_BYTES: Final = 2000
CRITICAL_BYTES: Final = 1000
ROOM_BYTES: Final = 1 << 30


class Cluster:
    """Nodes, those that are members and others, and the wires between them."""

    def __init__(
        self, loop: VirtualLoop, chance: Random, clock: Clock, *, keeps_sync: bool
    ) -> None:
        self.loop = loop
        self.chance = chance
        self.history = History(Oracle())
        self.crashes = 0
        self.nodes: dict[str, Node] = {}
        self._keeps_sync = keeps_sync
        self._times = _times(chance)
        self._limits = Limits(
            map_start_chunk=chance.randint(1, 4), reclaim_chunk=chance.randint(1, 4)
        )
        self._budget = _budget(chance)
        self.wires = Wires(
            loop,
            chance,
            delay_s=chance.choice([0.0005, 0.005, 0.03]),
            silence_s=self._times["silence_timeout_s"],
        )
        self._world = World(loop, chance, self.wires, clock, self.history)
        count = chance.choice([1, 3, 3, 3, 3, 3, 3, 5])
        founders = {f"n{number}": _address(number) for number in range(1, 1 + count)}
        for node_id in founders:
            self._make(node_id, founders)

    @property
    def running(self) -> list[Node]:
        """The nodes that have a process, in the order of their ids."""
        return [node for node in self.nodes.values() if node.process is not None]

    @property
    def startable(self) -> list[Node]:
        """The nodes that have no process and may have one."""
        return [node for node in self.nodes.values() if node.process is None and not node.is_gone]

    @property
    def voters(self) -> list[Node]:
        """Those who vote, as far as anybody has applied; at first all nodes that there are."""
        membership = self.history.membership
        return [
            self.nodes[node_id] for node_id in (membership.voters if membership else self.nodes)
        ]

    def leader(self) -> Node | None:
        """The node that serves as leader in the latest term, as far as it knows."""
        serving = [
            (node.process.raft_thread.raft.term, node.node_id)
            for node in self.nodes.values()
            if node.process is not None and node.process.partition.is_serving
        ]
        return self.nodes[max(serving)[1]] if serving else None

    def is_healed(self) -> bool:
        """Whether all members have their full part, and are as far as anybody is known to be."""
        membership = self.history.membership
        there = {node.node_id for node in self.nodes.values() if not node.is_gone}
        if membership is None or membership.learners or self.history.spoilt & there:
            return False
        applied = {
            node.process.machine.applied_index
            for node in self.voters
            if node.process is not None and node.is_admitted
        }
        return all(node.is_admitted for node in self.voters) and applied == {len(self.history.log)}

    def have_state(self) -> bool:
        """Whether all voters are up, and have a state."""
        processes = [node.process for node in self.voters]
        return all(each and not each.raft_thread.raft.lacks_state for each in processes)

    def are_up_to_date(self) -> bool:
        """Whether all voters are up, and know who the members are."""
        membership = self.history.membership
        processes = [node.process for node in self.voters]
        return all(each and each.raft_thread.raft.membership == membership for each in processes)

    def addresses(self) -> dict[str, str]:
        """Where each node listens, or will."""
        return {node.node_id: node.settings.listen for node in self.nodes.values()}

    def is_to_be_spoilt(self) -> bool:
        """Whether a machine is about to write something wrong."""
        return any(
            node.process is not None and node.process.machine.spoils_next for node in self.running
        )

    def standing(self) -> list[str]:
        """How each node is, in a line."""
        return [_standing(node, self.history) for node in self.nodes.values()]

    # What can be done to them

    def add(self) -> Node:
        """Make a node that wants to be a member."""
        number = len(self.nodes) + 1
        return self._make(f"n{number}", {**self.addresses(), f"n{number}": _address(number)})

    def _make(self, node_id: str, members: dict[str, str]) -> Node:
        settings = _settings(node_id, members, self.chance, self._times)
        self.nodes[node_id] = node = Node(
            settings, self._world, self._limits, self._budget, keeps_sync=self._keeps_sync
        )
        return node

    def start(self, node: Node) -> None:
        """Bring a node up on what its disk kept; it may die in the attempt."""
        try:
            node.process = Process(node, lambda error: self._on_end(node, error))
        except (Death, Removed) as error:
            self._after_end(node, error)
        except StartError as error:
            raise Violation(f"{node.node_id} does not start: {error}") from error
        else:
            self.wires.join(node.node_id, node.settings.listen, node.process)

    def kill(self, node: Node, *, loses_power: bool) -> None:
        """End a process; without power only what was synced stays, and more by luck."""
        self._end(node)
        self._after_crash(node, loses_power=loses_power)

    def pause(self, node: Node) -> Callable[[], None]:
        """Let a process stand still; return how it goes on."""
        process = node.process
        assert process is not None, "it runs"
        process.loop.pause()
        ways = [(node.node_id, other) for other in self.nodes if other != node.node_id]
        for way in ways:
            self.wires.stall(way)

        def resume() -> None:
            process.loop.resume()
            for way in ways:
                self.wires.release(way)

        return resume

    # Ends

    def close(self) -> None:
        """End all processes, and what they were asked."""
        for node in self.running:
            self._end(node)

    def _end(self, node: Node) -> None:
        process, node.process = node.process, None
        assert process is not None, "it runs"
        process.end()
        self.wires.leave(node.node_id)

    def _on_end(self, node: Node, error: BaseException) -> None:
        self._end(node)
        self._after_end(node, error)

    def _after_end(self, node: Node, error: BaseException) -> None:
        if isinstance(error, Removed):
            self.history.on_removed(node.node_id)
            node.is_gone = True
        else:
            self._after_crash(node, loses_power=self.chance.random() < 0.5)

    def _after_crash(self, node: Node, *, loses_power: bool) -> None:
        self.crashes += 1
        node.disk.dying_in = None
        if loses_power:
            node.disk.cut_power()
            node.store.lose_power(self.chance)


def _standing(node: Node, history: History) -> str:
    if node.process is None:
        return f"{node.node_id} is {'removed' if node.is_gone else 'down'}"
    status = node.process.raft_thread.status()
    hears = [peer.node_id for peer in status.peers if peer.is_connected]
    wrong = ", wrong" if node.node_id in history.spoilt else ""
    return (
        f"{node.node_id} {status.role} {status.condition}{wrong} in term {status.term}"
        f" log {status.first_index}-{status.last_index} committed {status.commit_index}"
        f" applied {node.process.machine.applied_index} connected {hears}"
        f" voters {list(status.membership.voters)} learners {list(status.membership.learners)}"
    )


def _times(chance: Random) -> dict[str, float]:
    """The timeouts of all nodes: the usual ones, or slow ones, which make long runs cheap."""
    factor = chance.choice([1, 2, 4])
    return {
        "election_timeout_min_s": 0.3 * factor,
        "election_timeout_max_s": 0.6 * factor,
        "heartbeat_s": 0.05 * factor,
        "quorum_timeout_s": 0.6 * factor,
        "silence_timeout_s": 1.0 * factor,
    }


def _settings(
    node_id: str, members: dict[str, str], chance: Random, times: dict[str, float]
) -> RaftSettings:
    """Small sizes, so that batches split, segments roll and the journal is cut all the time."""
    settings = RaftSettings(
        node_id=node_id,
        cluster_id="simulated",
        members=members,
        listen=members[node_id],
        folder=Path("simulated"),
        batch_bytes=chance.choice([400, 4000, 65_536]),
        segment_bytes=HEAD_BYTES + chance.choice([2000, 20_000]),
        tail_bytes=chance.choice([500, 5000]),
        keep_entries=chance.choice([0, 5, 40]),
        journal_bytes_max=chance.choice([3000, 20_000, 1 << 20]),
        snapshot_part_bytes=chance.choice([500, 3000, 100_000]),
        supported_level=features.SUPPORTED,
        low_bytes=LOW_BYTES,
        critical_bytes=CRITICAL_BYTES,
        in_flight_messages=chance.choice([2, 5, 64]),
    )
    return replace(settings, **times)


def _address(number: int) -> str:
    """Where a node listens at first."""
    return f"127.0.0.1:{7000 + number}"


def _budget(chance: Random) -> Budget:
    small = chance.random() < 0.5
    return Budget(
        group_events=chance.randint(1, 8) if small else 256,
        entry_events=chance.randint(1, 32) if small else 4096,
        entries_in_flight=chance.randint(1, 3),
    )
