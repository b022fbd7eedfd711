"""What goes wrong: a sample of faults for each run, each for a while."""

from collections.abc import Callable
from itertools import combinations, permutations

from tests.simulation.whole.cluster import CRITICAL_BYTES, LOW_BYTES, ROOM_BYTES, Cluster
from tests.simulation.whole.nodes import Node


class Nemesis:
    """Strikes until it is stopped; then all is as it should be, but for the clocks."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._chance = cluster.chance
        self._undo: dict[int, Callable[[], None]] = {}
        self._struck = 0
        self._lost: set[Node] = set()
        faults = [
            self._reset,
            self._stall,
            self._isolate,
            self._split,
            self._pause,
            self._kill,
            self._cut_power,
            self._die_writing,
            self._set_clock,
            self._lag,
            self._lose_folder,
            self._spoil,
            self._fill_disk,
        ]
        self._faults = self._chance.sample(faults, self._chance.randint(2, len(faults)))
        self._restlessness = self._chance.choice([0.1, 0.3, 0.8])
        self._revival = self._chance.choice([0.1, 0.5])
        likelihood = self._chance.choice([0.0, 0.0, 0.003])
        for node in cluster.nodes.values():
            node.pace.death = likelihood

    def strike(self) -> None:
        """Perhaps bring up who is down, perhaps do something bad."""
        for node in self._cluster.startable:
            if self._chance.random() < self._revival:
                self._cluster.start(node)
        if self._chance.random() < self._restlessness:
            self._chance.choice(self._faults)()

    def stop(self) -> None:
        """End all faults, and bring everybody up."""
        for number in list(self._undo):
            self._end(number)
        for node in self._cluster.nodes.values():
            node.disk.dying_in = None
            node.pace.death = node.pace.hand_over_s = 0.0
            node.pace.tick_late_s = 0.001
            if node.process is not None:
                node.process.keep_pace(node.pace)
        for node in self._cluster.startable:
            self._cluster.start(node)

    def replace_wrong(self) -> None:
        """An operator gives a new folder to a node whose state is wrong, when the group itself
        cannot tell who is: two differ, and the others have no state to compare.
        """
        for node in self._cluster.voters:
            if node.node_id in self._cluster.history.spoilt and node.process is not None:
                self._cluster.kill(node, loses_power=False)
                node.lose_folder(self._cluster.addresses(), says_so=True)
                self._cluster.history.spoilt.discard(node.node_id)
                return

    def _for_a_while(self, undo: Callable[[], None]) -> None:
        self._struck += 1
        self._undo[self._struck] = undo
        lasts_s = self._chance.choice([0.05, 0.3, 1.0, 3.0, 8.0])
        self._cluster.loop.call_later(lasts_s, self._end, self._struck)

    def _end(self, number: int) -> None:
        undo = self._undo.pop(number, None)
        if undo is not None:
            undo()

    # The network

    def _reset(self) -> None:
        pairs = list(combinations(self._cluster.nodes, 2))
        if not pairs:
            return
        pair = self._chance.choice(pairs)
        self._cluster.wires.break_(pair)
        self._for_a_while(lambda: self._cluster.wires.mend(pair))

    def _stall(self) -> None:
        ways = list(permutations(self._cluster.nodes, 2))
        if ways:
            self._stall_all([self._chance.choice(ways)])

    def _isolate(self) -> None:
        """Cut a node off, mostly the leader: in what it says, in what it hears, or both."""
        node_id = self._someone().node_id
        others = [other for other in self._cluster.nodes if other != node_id]
        said = [(node_id, other) for other in others]
        heard = [(other, node_id) for other in others]
        self._stall_all(self._chance.choice([said, heard, said + heard]))

    def _split(self) -> None:
        """Cut some connections for good measure, so that some see each other and some do not."""
        pairs = list(combinations(self._cluster.nodes, 2))
        cut = self._chance.sample(pairs, self._chance.randint(0, len(pairs)))
        self._stall_all([way for pair in cut for way in (pair, pair[::-1])])

    def _stall_all(self, ways: list[tuple[str, str]]) -> None:
        for way in ways:
            self._cluster.wires.stall(way)

        def release() -> None:
            for way in ways:
                self._cluster.wires.release(way)

        self._for_a_while(release)

    # The processes

    def _pause(self) -> None:
        node = self._someone()
        if node.process is not None and not node.process.loop.is_paused:
            self._for_a_while(self._cluster.pause(node))

    def _kill(self) -> None:
        for node in self._victims():
            self._cluster.kill(node, loses_power=False)

    def _cut_power(self) -> None:
        for node in self._victims():
            self._cluster.kill(node, loses_power=True)

    def _die_writing(self) -> None:
        """In the middle of one of the next operations of the journal's or the store's disk."""
        for node in self._victims():
            node.disk.dying_in = self._chance.randint(1, 20)

    def _set_clock(self) -> None:
        node = self._chance.choice(list(self._cluster.nodes.values()))
        node.wall_ahead_s += self._chance.choice([1, -1]) * self._chance.choice([0.1, 5, 7200])

    def _lag(self) -> None:
        """A node's threads hear of each other late."""
        node = self._chance.choice(list(self._cluster.nodes.values()))
        node.pace.hand_over_s = self._chance.choice([0.0, 0.002, 0.05, 0.5])
        node.pace.tick_late_s = self._chance.choice([0.001, 0.01, 0.1])
        if node.process is not None:
            node.process.keep_pace(node.pace)

    # The disks

    def _lose_folder(self) -> None:
        """A voter's disk is replaced by an empty one, unless another's was of late, or another
        lacks its state: what two of three have lost is lost.
        """
        self._lost = {node for node in self._lost if not node.is_admitted and not node.is_gone}
        voters = self._cluster.voters
        is_hurt = self._lost or self._cluster.history.spoilt or self._cluster.is_to_be_spoilt()
        is_whole = len(voters) >= 3 and self._cluster.have_state()
        if self._cluster.history.membership is None or is_hurt or not is_whole:
            return
        node = self._chance.choice(voters)
        if node.process is not None:
            self._cluster.kill(node, loses_power=True)
        node.lose_folder(self._cluster.addresses(), says_so=self._chance.random() < 0.5)
        self._lost.add(node)

    def _spoil(self) -> None:
        """A voter's program does something wrong, while all the others have what is right."""
        voters = self._cluster.voters
        if len(voters) < 3 or not self._cluster.is_healed() or self._cluster.is_to_be_spoilt():
            return
        process = self._chance.choice(voters).process
        assert process is not None, "all are up"
        process.machine.spoils_next = True

    def _fill_disk(self) -> None:
        node = self._chance.choice(list(self._cluster.nodes.values()))
        node.disk.room_bytes = self._chance.choice([LOW_BYTES, CRITICAL_BYTES]) // 2

        def tidy_up() -> None:
            node.disk.room_bytes = ROOM_BYTES

        self._for_a_while(tidy_up)

    def _someone(self) -> Node:
        leader = self._cluster.leader()
        if leader is not None and self._chance.random() < 0.5:
            return leader
        return self._chance.choice(list(self._cluster.nodes.values()))

    def _victims(self) -> list[Node]:
        running = self._cluster.running
        count = min(len(running), self._chance.choice([1, 1, 1, 2, len(self._cluster.nodes)]))
        return self._chance.sample(running, count)
