"""The gRPC port: the services of the API, health and reflection."""

from typing import Final

import grpc
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from stepraft.server.grpc_api import credentials
from stepraft.server.grpc_api.calls import Calls
from stepraft.server.grpc_api.health import Health
from stepraft.server.grpc_api.services import SERVICES, register_all
from stepraft.server.raft.contract import StartError
from stepraft.server.service.application import Application
from stepraft.server.settings import GrpcSection
from stepraft.server.tls import Certificates

_STREAMS_MAX: Final = 10_000
"""Calls at once on one connection: another node passes all of its clients' calls on by one."""


class GrpcServer:
    """Serves one node's callers. `calls`: what every call passes through; `certificates`: None is
    no TLS.
    """

    def __init__(
        self,
        settings: GrpcSection,
        application: Application,
        calls: Calls,
        certificates: Certificates | None = None,
    ) -> None:
        self._settings = settings
        self._certificates = certificates
        self._calls = calls
        self.health = Health(application.partitions, tuple(each.name for each in SERVICES))
        self._server = grpc.aio.server(options=options(settings))
        register_all(self._server, application, calls)
        health_pb2_grpc.add_HealthServicer_to_server(self.health.servicer, self._server)
        names = (*(each.name for each in SERVICES), health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)

    def bind(self) -> int:
        """Open the port, and return its number.

        Errors: StartError when it is in use or not this machine's.
        """
        try:
            return self._add_port(self._settings.listen)
        except RuntimeError as error:
            text = f"grpc.listen: cannot listen on {self._settings.listen}: in use, or not here"
            raise StartError(text) from error

    def _add_port(self, address: str) -> int:
        if self._certificates is None:
            return self._server.add_insecure_port(address)
        are_clients_asked = self._settings.client_certificates == "required"
        shown = credentials.for_port(self._certificates, are_clients_asked=are_clients_asked)
        return self._server.add_secure_port(address, shown)

    async def start(self) -> None:
        """Take calls."""
        await self.health.update()
        await self._server.start()

    async def follow_leader(self) -> None:
        """Take note of a change of leader."""
        self._calls.review()
        await self.health.update()

    async def stop(self, grace_s: float) -> None:
        """Take no more calls, and cancel what is not answered after `grace_s`."""
        await self.health.drain()
        self._calls.drain()
        await self._server.stop(grace_s)


def options(settings: GrpcSection) -> tuple[tuple[str, int], ...]:
    """Return what the port is told, by gRPC's names."""
    return (
        ("grpc.max_receive_message_length", settings.max_message_bytes),
        ("grpc.max_send_message_length", settings.max_message_bytes),
        ("grpc.max_concurrent_streams", _STREAMS_MAX),
        # Without this a second server would share the port, and take half of the calls.
        ("grpc.so_reuseport", 0),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        # Workers wait without a call in sight, and other nodes ask often whether this one lives.
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", 1000),
        ("grpc.http2.max_pings_without_data", 0),
    )
