"""What Raft asks of a network, so that a simulation can be one."""

from collections.abc import Mapping
from typing import Protocol

from stepraft.server.raft.messages import Hello, RaftMessage


class Events(Protocol):
    """Whom a network tells."""

    @property
    def is_fresh(self) -> bool:
        """What a hello says of this node's folder."""

    def on_connected(self, node_id: str, hello: Hello) -> None:
        """Messages to and from the member pass from now on; `hello` is what it said first."""

    def on_disconnected(self, node_id: str) -> None:
        """What was sent and not answered may be lost."""

    def on_message(self, node_id: str, message: RaftMessage) -> None:
        """A message of a member."""


class Network(Protocol):
    """Carries messages between members: in order while a connection lasts, and without promise."""

    def send(self, node_id: str, message: RaftMessage) -> bool:
        """Send; False when there is no connection."""

    def set_peers(self, addresses: Mapping[str, str]) -> None:
        """Connect to these nodes (`host:port` of each) and to no others from now on."""

    def tick(self, now: float) -> float:
        """Do what time demands (dial, time out); return when something is due next."""
