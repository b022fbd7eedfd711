"""The network between the processes: connections that deliver in order, slowly, and that break.

What is in flight when a connection breaks is lost, and each end notices in its own time. Nothing is
delivered in a direction that is stalled; its receiver closes the connection after a silence, as the
real transport does, and none is made while a direction is stalled.
"""

from collections.abc import Mapping
from random import Random
from typing import Final, Protocol

from msgspec import Struct, field

from stepraft.server.raft import messages
from stepraft.server.raft.messages import Hello, Message, RaftMessage
from stepraft.testing import VirtualLoop
from tests.simulation.raft.links import Pair, connection

_NOTICE_S: Final = 0.02
_DIAL_S: Final = 0.3


class End(Protocol):
    """A process at its end of the wires."""

    @property
    def hello(self) -> Hello:
        """What it says first on a connection."""

    def on_connected(self, node_id: str, hello: Hello) -> None:
        """Messages to and from the node pass from now on; `hello` is what it said first."""

    def on_disconnected(self, node_id: str) -> None:
        """What was sent and not answered may be lost."""

    def on_message(self, node_id: str, message: Message) -> None:
        """A message of the node."""


class _Direction(Struct):
    """What goes from one node to another: `held` are messages that arrived while it was stalled."""

    number: int = 0
    arrives_at: float = 0.0
    stalls: int = 0
    held: list[bytes] = field(default_factory=list)


class Wires:
    """Connects the processes that have joined, again and again.

    `delay_s`: the mean delay of a message. `silence_s`: how long a connection may be silent.
    """

    def __init__(
        self, loop: VirtualLoop, chance: Random, *, delay_s: float, silence_s: float
    ) -> None:
        self.delay_s = delay_s
        self._silence_s = silence_s
        self._loop = loop
        self._chance = chance
        self._ends: dict[str, End] = {}
        self._addresses: dict[str, str] = {}
        self._peers: dict[str, dict[str, str]] = {}
        self._broken: dict[Pair, int] = {}
        self._numbers: dict[Pair, int] = {}
        """The number of each connection that stands; those before it are gone."""
        self._made = 0
        self._directions: dict[Pair, _Direction] = {}

    # Processes

    def join(self, node_id: str, address: str, end: End) -> None:
        """A process listens and dials."""
        self._ends[node_id] = end
        self._addresses[node_id] = address
        for other in self._ends:
            self._dial(connection(node_id, other))

    def leave(self, node_id: str) -> None:
        """A process is gone; the others notice soon."""
        del self._ends[node_id]
        for pair in [pair for pair in self._numbers if node_id in pair]:
            self._disconnect(pair)

    def set_peers(self, node_id: str, addresses: Mapping[str, str]) -> None:
        """A process wants connections to these nodes, by their addresses, and to no others."""
        before, self._peers[node_id] = self._peers.get(node_id), dict(addresses)
        if addresses == before:
            return
        for pair in [pair for pair in self._numbers if node_id in pair]:
            if not self._is_wanted(pair):
                self._disconnect(pair)
        for other in addresses:
            self._dial(connection(node_id, other))

    def send(self, sender: str, receiver: str, message: RaftMessage) -> bool:
        """Send; False when the sender knows that there is no connection."""
        direction = self._directions.get((sender, receiver))
        if direction is None or not direction.number:
            return False
        delay_s = self._chance.expovariate(1 / self.delay_s)
        direction.arrives_at = max(direction.arrives_at, self._loop.time() + delay_s)
        data = messages.encode(message)
        self._loop.call_at(
            direction.arrives_at, self._arrive, (sender, receiver), direction.number, data
        )
        return True

    # Faults

    def break_(self, pair: Pair) -> None:
        """Break a connection, and let none be made until `mend`."""
        self._broken[pair] = self._broken.get(pair, 0) + 1
        self._disconnect(pair)

    def mend(self, pair: Pair) -> None:
        """Undo one `break_`."""
        self._broken[pair] -= 1
        self._dial(pair)

    def stall(self, way: Pair) -> None:
        """Deliver nothing in one direction until `release`."""
        self._direction(way).stalls += 1
        self._loop.call_later(self._silence_s, self._give_up, way, self._numbers.get(_pair(way)))

    def release(self, way: Pair) -> None:
        """Undo one `stall`."""
        direction = self._direction(way)
        direction.stalls -= 1
        if not direction.stalls:
            held, direction.held = direction.held, []
            for data in held:
                self._deliver(way, data)
            self._dial(_pair(way))

    # Connections

    def _dial(self, pair: Pair) -> None:
        if pair[0] != pair[1]:
            self._loop.call_later(self._chance.uniform(0, _DIAL_S), self._connect, pair)

    def _connect(self, pair: Pair) -> None:
        ways = (pair, pair[::-1])
        is_possible = (
            all(node_id in self._ends for node_id in pair)
            and self._is_wanted(pair)
            and pair not in self._numbers
            and not self._broken.get(pair)
            and not any(self._direction(way).stalls for way in ways)
        )
        if is_possible:
            self._made += 1
            self._numbers[pair] = self._made
            hellos = [self._ends[node_id].hello for node_id in pair]
            for way, hello in zip(ways, reversed(hellos), strict=True):
                self._notice_soon(way, self._made, hello)

    def _disconnect(self, pair: Pair) -> None:
        if self._numbers.pop(pair, None) is None:
            return
        for way in (pair, pair[::-1]):
            self._direction(way).held.clear()
            self._notice_soon(way, 0, None)
        self._dial(pair)

    def _is_wanted(self, pair: Pair) -> bool:
        """Whether both want it, and one of them knows where the other is."""
        a, b = pair
        known = [
            self._peers[node_id].get(other) == self._addresses[other]
            for node_id, other in (pair, pair[::-1])
        ]
        return b in self._peers[a] and a in self._peers[b] and any(known)

    def _notice_soon(self, way: Pair, number: int, hello: Hello | None) -> None:
        """The first of the two nodes learns that the connection is made, or gone (0); then only
        may messages arrive there.
        """
        back = self._direction(way[::-1])
        now = self._loop.time()
        at = max(back.arrives_at, now + self._chance.uniform(0, _NOTICE_S))
        back.arrives_at = at
        self._loop.call_at(at, self._notice, way, number, hello, self._ends.get(way[0]))

    def _notice(self, way: Pair, number: int, hello: Hello | None, end: End | None) -> None:
        node_id, other = way
        direction = self._direction(way)
        was_known = bool(direction.number)
        direction.number = number
        if end is None or self._ends.get(node_id) is not end:
            return
        if was_known:
            end.on_disconnected(other)
        if hello is not None:
            end.on_connected(other, hello)

    def _give_up(self, way: Pair, number: int | None) -> None:
        """The receiver has heard nothing for too long."""
        pair = _pair(way)
        if self._direction(way).stalls and number and self._numbers.get(pair) == number:
            self._disconnect(pair)

    def _arrive(self, way: Pair, number: int, data: bytes) -> None:
        if self._numbers.get(_pair(way)) != number:
            return
        direction = self._direction(way)
        if direction.stalls:
            direction.held.append(data)
        else:
            self._deliver(way, data)

    def _deliver(self, way: Pair, data: bytes) -> None:
        sender, receiver = way
        self._ends[receiver].on_message(sender, messages.decode(data))

    def _direction(self, way: Pair) -> _Direction:
        return self._directions.setdefault(way, _Direction())


def _pair(way: Pair) -> Pair:
    return connection(*way)
