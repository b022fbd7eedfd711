"""A network in memory: ordered, slow, now and then broken; what is in flight then is lost."""

from collections import deque
from math import inf
from random import Random

from stepraft.server.raft import messages
from stepraft.server.raft.messages import Message, RaftMessage
from tests.simulation.raft.virtual import Clock

Pair = tuple[str, str]
"""Two node ids: a direction (from, to), or sorted a connection."""


def connection(a: str, b: str) -> Pair:
    """The connection that carries both directions."""
    return (a, b) if a < b else (b, a)


class Links:
    """The messages in flight between all nodes."""

    def __init__(self, random: Random, clock: Clock, node_ids: list[str]) -> None:
        self._random = random
        self._clock = clock
        self._delay_rate = random.choice([20.0, 60.0, 1000.0])
        self._queues: dict[Pair, deque[tuple[float, bytes]]] = {
            (a, b): deque() for a in node_ids for b in node_ids if a != b
        }
        self._connected: set[Pair] = set()

    def connect(self, a: str, b: str) -> None:
        self._connected.add(connection(a, b))

    def disconnect(self, a: str, b: str) -> None:
        self._connected.discard(connection(a, b))
        self._queues[a, b].clear()
        self._queues[b, a].clear()

    def is_connected(self, a: str, b: str) -> bool:
        return connection(a, b) in self._connected

    def put(self, direction: Pair, message: RaftMessage) -> bool:
        if not self.is_connected(*direction):
            return False
        arrives_at = self._clock.at + self._random.expovariate(self._delay_rate)
        self._queues[direction].append((arrives_at, messages.encode(message)))
        return True

    def arrived(self) -> list[Pair]:
        """Directions whose oldest message is there."""
        at = self._clock.at
        return [pair for pair, queue in self._queues.items() if queue and queue[0][0] <= at]

    def take(self, direction: Pair) -> Message:
        """The oldest message."""
        return messages.decode(self._queues[direction].popleft()[1])


class LinkEnd:
    """The network as one node sees it."""

    def __init__(self, links: Links, node_id: str) -> None:
        self._links = links
        self._node_id = node_id

    def send(self, node_id: str, message: RaftMessage) -> bool:
        return self._links.put((self._node_id, node_id), message)

    def tick(self, now: float) -> float:
        return inf
