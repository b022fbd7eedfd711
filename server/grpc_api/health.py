"""What probes are told: whether this node can serve calls, and whether it lives."""

from typing import Final

from grpc_health.v1 import health_pb2
from grpc_health.v1.health import aio

from stepraft.server.engine.partition import Partition
from stepraft.server.service.partitions import Partitions

LIVENESS: Final = "liveness"
"""The service that is healthy as long as the process answers, leader or not."""

_SERVING: Final = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING: Final = health_pb2.HealthCheckResponse.NOT_SERVING


class Health:
    """Health of the node ("") and of each service: whether every partition has a leader, and this
    node the state.
    """

    def __init__(self, shards: Partitions, services: tuple[str, ...]) -> None:
        self.servicer = aio.HealthServicer()
        self._partitions = shards
        self._services = ("", *services)

    async def update(self) -> None:
        """Tell how things are now."""
        is_ready = all(map(_is_ready, self._partitions.all))
        for service in self._services:
            await self.servicer.set(service, _SERVING if is_ready else _NOT_SERVING)
        await self.servicer.set(LIVENESS, _SERVING)

    async def drain(self) -> None:
        """Tell everyone that this node is about to stop."""
        await self.servicer.enter_graceful_shutdown()


def _is_ready(partition: Partition) -> bool:
    """Whether calls can be answered: here, or by the leader that they are passed on to. A node that
    has no state could pass them on as well, but nobody should count on it.
    """
    if partition.why_no_state is not None:
        return False
    if partition.leader_id == partition.node_id:
        return partition.is_serving
    return partition.leader_id is not None
