"""The settings of a node, section by section: what `deploy/stepraft.toml` explains, as values.

Each section is one record; a field's annotation is its rule, and its default is what holds where
nobody says otherwise.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from stepraft.interpreter.documents import INPUT_DEPTH_MAX
from stepraft.interpreter.language.parse import DEFINITION_SIZE_MAX

KIB = 1 << 10
MIB = 1 << 20

Positive = Annotated[int, Meta(ge=1)]
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$"
Name = Annotated[str, Meta(pattern=NAME_PATTERN)]
"""What may name a node or a cluster: 1 to 80 characters, the first a letter or digit."""


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the configuration; a key that it does not have is an error."""


class NodeSection(Section, frozen=True, kw_only=True):
    """Which node this is, and where it keeps what it knows."""

    id: Name
    data_dir: Annotated[str, Meta(min_length=1)] = "/var/lib/stepraft"


class Member(Section, frozen=True, kw_only=True):
    """Where one node can be reached: `raft` by the other nodes, `grpc` by them and by clients."""

    raft: str
    grpc: str


class ClusterSection(Section, frozen=True, kw_only=True):
    """The cluster's name and its nodes, this one among them."""

    members: Annotated[dict[Name, Member], Meta(min_length=1)]
    id: Name = "stepraft"


class GrpcSection(Section, frozen=True, kw_only=True):
    """Where the gRPC interface listens, the longest message that it takes or sends, and who may
    connect.
    """

    listen: str = "127.0.0.1:7400"
    max_message_bytes: Annotated[int, Meta(ge=64 * KIB, le=64 * MIB)] = 4 * MIB
    client_certificates: Literal["none", "required"] = "none"


class RaftSection(Section, frozen=True, kw_only=True):
    """Where the other nodes connect, and how soon they stand for election."""

    listen: str = "127.0.0.1:7401"
    insecure_network: bool = False
    election_timeout_min_ms: Positive = 300
    election_timeout_max_ms: Positive = 600
    heartbeat_ms: Positive = 50
    journal_bytes_max: Positive = 512 * MIB
    fsync: bool = True


class DiskSection(Section, frozen=True, kw_only=True):
    """How much of the disk stays free, in bytes: below `low_bytes` new work is refused, below
    `critical_bytes` all writes. Both 0: the disk is not watched.
    """

    low_bytes: Annotated[int, Meta(ge=0)] = 512 * MIB
    critical_bytes: Annotated[int, Meta(ge=0)] = 128 * MIB


class TlsSection(Section, frozen=True, kw_only=True):
    """The files of the node's certificate, in PEM: all of them, or none for no TLS."""

    ca: str = ""
    cert: str = ""
    key: str = ""

    @property
    def is_given(self) -> bool:
        """Whether connections are encrypted."""
        return bool(self.ca or self.cert or self.key)


class LimitsSection(Section, frozen=True, kw_only=True):
    """What clients and workflows may use.

    The upper bounds keep the events of one command within one entry of the log, and documents
    within the depth that states can wrap.
    """

    payload_bytes: Annotated[int, Meta(ge=1, le=MIB)] = 256 * KIB
    definition_bytes: Annotated[int, Meta(ge=1, le=DEFINITION_SIZE_MAX)] = MIB
    history_events: Annotated[int, Meta(ge=1)] = 250_000
    document_depth: Annotated[int, Meta(ge=1, le=INPUT_DEPTH_MAX)] = INPUT_DEPTH_MAX
    group_events: Annotated[int, Meta(ge=1, le=4096)] = 1000
    group_bytes: Annotated[int, Meta(ge=1, le=MIB)] = MIB
    map_start_chunk: Annotated[int, Meta(ge=1, le=4096)] = 64


class TasksSection(Section, frozen=True, kw_only=True):
    """How long workers may keep tasks, and how long calls wait. In milliseconds."""

    lease_default_ms: Annotated[int, Meta(ge=100)] = 30_000
    lease_max_ms: Annotated[int, Meta(ge=100, le=30 * 86_400_000)] = 3_600_000
    poll_wait_max_ms: Positive = 60_000
    leader_wait_ms: Positive = 5_000


class LogSection(Section, frozen=True, kw_only=True):
    """What the node says about itself, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


class FaultsSection(Section, frozen=True, kw_only=True):
    """Where this node kills itself, for the tests of this program."""

    points: tuple[str, ...] = ()


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that a node is told."""

    node: NodeSection
    cluster: ClusterSection
    grpc: GrpcSection = field(default_factory=GrpcSection)
    raft: RaftSection = field(default_factory=RaftSection)
    tls: TlsSection = field(default_factory=TlsSection)
    disk: DiskSection = field(default_factory=DiskSection)
    limits: LimitsSection = field(default_factory=LimitsSection)
    tasks: TasksSection = field(default_factory=TasksSection)
    log: LogSection = field(default_factory=LogSection)
    faults: FaultsSection = field(default_factory=FaultsSection)
