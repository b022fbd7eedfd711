"""The settings of one member of a Raft group."""

import ipaddress
from pathlib import Path

from msgspec import Struct

MIB = 1 << 20


class RaftSettings(Struct, frozen=True, kw_only=True):
    """How one node takes part; `members` maps every node id, this one's too, to `host:port`.

    `election_timeout_min_s` should stay above ten times the slowest fsync, which holds up the tick.
    `fsync=False` loses acknowledged entries when the power fails: for measurements only.

    Errors: ValueError, which names the field and the rule.
    """

    node_id: str
    cluster_id: str
    members: dict[str, str]
    listen: str
    folder: Path

    election_timeout_min_s: float = 0.3
    election_timeout_max_s: float = 0.6
    heartbeat_s: float = 0.05
    quorum_timeout_s: float = 0.6
    """A leader that hears from no majority for this long steps down."""

    connect_timeout_s: float = 0.4
    """An attempt to connect is given up after this long: one that was begun while the network was
    cut would otherwise wait for the system's next try, a second later.
    """

    handshake_timeout_s: float = 5.0
    silence_timeout_s: float = 1.0
    """A connection that brings nothing for this long is closed."""

    fsync: bool = True
    segment_bytes: int = 32 * MIB
    tail_bytes: int = 32 * MIB
    """How much of the end of the log stays in memory; older entries are read from disk."""

    keep_entries: int = 10_000
    """How many applied entries compaction leaves in the journal."""

    journal_bytes_max: int = 512 * MIB
    """How long the log may get. Above half of it, compaction waits for no member that is away: one
    that lacks what goes gets a snapshot. The other half is kept while one is on its way.
    """

    snapshot_part_bytes: int = MIB // 4

    batch_bytes: int = MIB
    """One message carries entries up to this size, or one entry that is larger."""

    entry_bytes_max: int = 8 * MIB
    in_flight_bytes: int = 8 * MIB
    """What a leader sends to one follower ahead of its acknowledgements."""

    in_flight_messages: int = 64
    queue_entries_max: int = 20_000
    queue_bytes_max: int = 64 * MIB
    proposal_timeout_s: float = 10.0
    """A proposal or barrier without an outcome is answered (unknown, False) after this time."""

    low_bytes: int = 0
    critical_bytes: int = 0
    """A disk with less free is low, or critically so: see disk_space.py. 0: it is not looked at."""

    supported_level: int = 0
    """The highest feature level that this node's program supports, for the others to know."""

    is_encrypted: bool = False
    """Whether every connection is mutual TLS; otherwise it is plain TCP."""

    grpc_members: dict[str, str] = {}
    """Where each member serves its callers, by node id: what a new group's log begins with."""

    rejoin: bool = False
    """A fresh folder replaces one that was lost: the node asks nobody whether it may vote, and
    abstains until it is readmitted. Says nothing to a folder that is not fresh.
    """

    insecure_network: bool = False
    """Allow plain TCP on addresses other than loopback."""

    def __post_init__(self) -> None:
        for name, value in (("node_id", self.node_id), ("cluster_id", self.cluster_id)):
            if not value:
                raise ValueError(f"{name}: must not be empty")
        if self.node_id not in self.members:
            raise ValueError(f"members: must hold this node, {self.node_id!r}")
        for node_id, address in self.members.items():
            split_address(address, f"members.{node_id}")
        split_address(self.listen, "listen")
        self._check_times()
        self._check_sizes()
        self.check_peer_address("listen", self.listen)
        for node_id, address in self.members.items():
            self.check_peer_address(f"members.{node_id}", address)

    @property
    def peer_ids(self) -> tuple[str, ...]:
        """The other members, in the order of their ids."""
        return tuple(sorted(set(self.members) - {self.node_id}))

    def _check_times(self) -> None:
        if self.heartbeat_s <= 0:
            raise ValueError("heartbeat_s: must be above 0")
        if self.election_timeout_min_s <= 3 * self.heartbeat_s:
            raise ValueError("election_timeout_min_s: must be above 3 times heartbeat_s")
        if self.election_timeout_max_s <= self.election_timeout_min_s:
            raise ValueError("election_timeout_max_s: must be above election_timeout_min_s")
        if self.quorum_timeout_s <= self.heartbeat_s:
            raise ValueError("quorum_timeout_s: must be above heartbeat_s")
        if self.silence_timeout_s < self.election_timeout_max_s:
            raise ValueError("silence_timeout_s: must not be below election_timeout_max_s")
        for name in ("connect_timeout_s", "handshake_timeout_s", "proposal_timeout_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: must be above 0")

    def _check_sizes(self) -> None:
        for name in (
            "segment_bytes",
            "tail_bytes",
            "journal_bytes_max",
            "snapshot_part_bytes",
            "batch_bytes",
            "entry_bytes_max",
            "in_flight_bytes",
            "in_flight_messages",
            "queue_entries_max",
            "queue_bytes_max",
        ):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: must be above 0")
        if not 0 <= self.critical_bytes <= self.low_bytes:
            raise ValueError("critical_bytes: must be from 0 to low_bytes")
        if self.keep_entries < 0:
            raise ValueError("keep_entries: must not be negative")
        if self.entry_bytes_max > 32 * MIB:
            raise ValueError(
                "entry_bytes_max: must not be above 32 MiB, or no message could hold it"
            )
        for name in ("batch_bytes", "snapshot_part_bytes"):
            if getattr(self, name) > 32 * MIB:
                raise ValueError(f"{name}: must not be above 32 MiB, or no message could hold it")

    def check_peer_address(self, name: str, address: str) -> None:
        """Whether connections to this address are protected. Errors: ValueError, names `name`."""
        host, _ = split_address(address, name)
        if not (self.is_encrypted or self.insecure_network or _is_loopback(host)):
            raise ValueError(
                f"{name}: {address} is not a loopback address, and plain TCP protects nothing: "
                "give the files of [tls], or set insecure_network if the network is trusted"
            )


def split_address(address: str, name: str) -> tuple[str, int]:
    """Host and port of `host:port`; an IPv6 host stands in brackets.

    Errors: ValueError, which names the field `name`.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65_535:
        raise ValueError(f"{name}: {address!r} is not of the form host:port")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
