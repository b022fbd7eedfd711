"""Where the nodes serve their callers: as the log says, for members come, go and move."""

from collections.abc import Iterator, Mapping

from stepraft.server.engine.partition import Partition


class Addresses(Mapping[str, str]):
    """The gRPC address of each member by node id, as the newest membership has it that this node's
    log holds; before this node has joined, as its configuration has it.
    """

    def __init__(self, node_id: str, configured: Mapping[str, str]) -> None:
        self._node_id = node_id
        self._configured = dict(configured)
        self._partition: Partition | None = None
        self._port = ""

    def follow(self, partition: Partition) -> None:
        """Go by the log from now on: the partition has joined its group."""
        self._partition = partition

    def note_port(self, port: int) -> None:
        """Note which port this node got; port 0 in its own address stands for it."""
        self._port = str(port)

    def __getitem__(self, node_id: str) -> str:
        return self._with_port(node_id, self._told()[node_id])

    def __iter__(self) -> Iterator[str]:
        return iter(self._told())

    def __len__(self) -> int:
        return len(self._told())

    def _told(self) -> Mapping[str, str]:
        if self._partition is None:
            return self._configured
        members = self._partition.raft_status().membership.members
        return {node_id: member.grpc for node_id, member in members.items()}

    def _with_port(self, node_id: str, address: str) -> str:
        host, _, port = address.rpartition(":")
        is_own = node_id == self._node_id and port == "0"
        return f"{host}:{self._port}" if is_own and self._port else address
