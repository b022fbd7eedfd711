"""A network in memory: ordered, slow, now and then broken; what is in flight then is lost."""

from collections import deque
from collections.abc import Mapping, Sequence
from math import inf
from random import Random

from stepraft.server.raft import messages
from stepraft.server.raft.messages import Hello, Message, RaftMessage
from tests.simulation.raft.virtual import Clock

Pair = tuple[str, str]
"""Two node ids: a direction (from, to), or sorted a connection."""


def connection(a: str, b: str) -> Pair:
    """The connection that carries both directions."""
    return (a, b) if a < b else (b, a)


class Links:
    """The messages in flight between all nodes.

    A connection begins with a hello from each end; an end may send once it has the other's.
    """

    def __init__(self, random: Random, clock: Clock, node_ids: Sequence[str]) -> None:
        self._random = random
        self._clock = clock
        self._delay_rate = random.choice([20.0, 60.0, 1000.0])
        self._queues: dict[Pair, deque[tuple[float, bytes]]] = {
            (a, b): deque() for a in node_ids for b in node_ids if a != b
        }
        self._connected: set[Pair] = set()
        self._established: set[Pair] = set()

    def connect(self, hellos: dict[Pair, Hello]) -> None:
        """Connect two nodes: `hellos` has what each says first, by direction."""
        for direction, hello in hellos.items():
            self._connected.add(connection(*direction))
            self._put(direction, hello)

    def disconnect(self, a: str, b: str) -> list[Pair]:
        """What is in flight is lost; the ends (node, other) that had heard a hello."""
        self._connected.discard(connection(a, b))
        ends = [end for end in ((a, b), (b, a)) if end in self._established]
        for end in ((a, b), (b, a)):
            self._queues[end].clear()
            self._established.discard(end)
        return ends

    def is_connected(self, a: str, b: str) -> bool:
        return connection(a, b) in self._connected

    def establish(self, end: Pair) -> None:
        """The hello has reached the end (node, other)."""
        self._established.add(end)

    def send(self, direction: Pair, message: RaftMessage) -> bool:
        if direction not in self._established:
            return False
        self._put(direction, message)
        return True

    def arrived(self) -> list[Pair]:
        """Directions whose oldest message is there."""
        at = self._clock.at
        return [pair for pair, queue in self._queues.items() if queue and queue[0][0] <= at]

    def take(self, direction: Pair) -> Message:
        """The oldest message."""
        return messages.decode(self._queues[direction].popleft()[1])

    def _put(self, direction: Pair, message: Message) -> None:
        arrives_at = self._clock.at + self._random.expovariate(self._delay_rate)
        self._queues[direction].append((arrives_at, messages.encode(message)))


class LinkEnd:
    """The network as one node sees it in one life; `peers` are whom it wants to be connected to."""

    def __init__(self, links: Links, node_id: str) -> None:
        self._links = links
        self._node_id = node_id
        self.peers: frozenset[str] = frozenset()

    def set_peers(self, addresses: Mapping[str, str]) -> None:
        self.peers = frozenset(addresses)

    def send(self, node_id: str, message: RaftMessage) -> bool:
        return node_id in self.peers and self._links.send((self._node_id, node_id), message)

    def tick(self, now: float) -> float:
        return inf
