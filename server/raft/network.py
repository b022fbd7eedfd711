"""What Raft asks of a network, so that a simulation can be one."""

from typing import Protocol

from stepraft.server.raft.messages import RaftMessage


class Events(Protocol):
    """Whom a network tells."""

    def on_connected(self, node_id: str) -> None:
        """Messages to and from the member pass from now on."""

    def on_disconnected(self, node_id: str) -> None:
        """What was sent and not answered may be lost."""

    def on_message(self, node_id: str, message: RaftMessage) -> None:
        """A message of a member."""


class Network(Protocol):
    """Carries messages between members: in order while a connection lasts, and without promise."""

    def send(self, node_id: str, message: RaftMessage) -> bool:
        """Send; False when there is no connection."""

    def tick(self, now: float) -> float:
        """Do what time demands (dial, time out); return when something is due next."""
