"""The application service as one value: what every face is given."""

from collections.abc import Mapping, Sequence

from stepraft.server.engine.partition import Partition
from stepraft.server.service.administration import Administration
from stepraft.server.service.cluster import Cluster, Peers
from stepraft.server.service.executions import Executions
from stepraft.server.service.partitions import Partitions
from stepraft.server.service.signing import ClusterSecret
from stepraft.server.service.tasks import Tasks
from stepraft.server.service.workflows import Workflows
from stepraft.server.settings import Config


class Application:
    """What this node does for its callers. `addresses`: where each member serves them."""

    def __init__(
        self,
        config: Config,
        shards: Sequence[Partition],
        addresses: Mapping[str, str],
        peers: Peers,
    ) -> None:
        homes = Partitions(shards)
        secret = ClusterSecret(homes.all[0])
        # Half of the longest message: what does not count as a document has room in the other.
        answer_bytes = config.grpc.max_message_bytes // 2
        self.workflows = Workflows(homes, secret, config.limits, answer_bytes)
        self.executions = Executions(homes, secret, config.limits, config.tasks, answer_bytes)
        self.tasks = Tasks(homes, secret, config.limits, config.tasks, answer_bytes)
        self.cluster = Cluster(config.cluster.id, config.node.id, addresses, homes.all, peers)
        self.administration = Administration(homes.all[0], answer_bytes)
        self.partitions = homes

    def end_epoch(self) -> None:
        """A reign of this node is over: break off what waited in it. Watchers are woken by their
        partition.
        """
        self.tasks.end_epoch()

    def drain(self) -> None:
        """The node is about to stop: let nobody wait any more."""
        self.tasks.drain()
        self.executions.drain()
