"""A node: the composition root, which builds, starts and stops every part in order.

    store, machine -> partition -> service -> gRPC port -> Raft -> calls

A node stops in the other order: calls end first, then leadership is handed over, then the store is
closed. One member alone is the same code with nobody to wait for.
"""

import asyncio
import logging
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import uvloop

from stepraft.interpreter.limits import Limits
from stepraft.server import config as configuration
from stepraft.server import fail_stop
from stepraft.server.clock import SystemClock
from stepraft.server.engine.faulty_machine import FaultyMachine
from stepraft.server.engine.partition import Partition
from stepraft.server.engine.processor import Budget
from stepraft.server.faults import Faults
from stepraft.server.forward import Forwarder
from stepraft.server.grpc_api.calls import Calls
from stepraft.server.grpc_api.cluster import GrpcPeers
from stepraft.server.grpc_api.server import GrpcServer
from stepraft.server.log import configure as configure_log
from stepraft.server.raft.consensus import Consensus
from stepraft.server.raft.contract import ReplicatedMachine, Role, StartError
from stepraft.server.service.application import Application
from stepraft.server.settings import Config, LogSection
from stepraft.storage import format as store_format
from stepraft.storage.kv import KeyValueStore, StoreError
from stepraft.storage.leveldb import LevelDbStore
from stepraft.storage.machine import Machine

_log = logging.getLogger(__name__)

PARTITIONS: Final = 1
"""How many partitions a cluster has; all of a cluster's nodes agree on it."""

_GRACE_S: Final = 2.0
"""How long calls may take to end by themselves when the node stops."""

_NEWS_S: Final = 3600.0


class Node:
    """One node, made of a configuration. Start it in an event loop, and stop it there."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.grpc_address = ""
        self.partitions: list[Partition] = []
        self._stack = AsyncExitStack()
        self._application: Application | None = None

    async def start(self) -> None:
        """Open the data folder, join the cluster, and take calls.

        Errors: StartError: the folder is in use, damaged, or another node's, or a port cannot be
        had. Nothing is left open then.
        """
        async with AsyncExitStack() as stack:
            faults = Faults(self.config.faults.points)
            addresses = self._addresses()
            forwarder = self._forwarder(addresses, stack)
            machines = [self._open(number, faults, stack) for number in range(PARTITIONS)]
            application = Application(self.config, self.partitions, addresses, GrpcPeers(forwarder))
            leader_wait_s = self.config.tasks.leader_wait_ms / 1000
            calls = Calls(self.config.node.id, forwarder, leader_wait_s)
            server = GrpcServer(self.config.grpc, application, calls)
            self._note_address(server.bind(), addresses)
            self._application = application
            for partition, machine in zip(self.partitions, machines, strict=True):
                await self._join(partition, machine, stack)
            await self._serve(server, application, stack)
            self._stack = stack.pop_all()
        _log.info(
            "node %s of cluster %s serves on %s",
            self.config.node.id,
            self.config.cluster.id,
            self.grpc_address,
        )

    async def stop(self) -> None:
        """Take no more calls, let those that run end, hand leadership over, and close the store."""
        _log.info("node %s stops", self.config.node.id)
        await self._stack.aclose()

    # The parts, in order

    def _addresses(self) -> dict[str, str]:
        return {node_id: member.grpc for node_id, member in self.config.cluster.members.items()}

    def _forwarder(self, addresses: dict[str, str], stack: AsyncExitStack) -> Forwarder:
        forwarder = Forwarder(self.config.node.id, addresses, self.config.grpc.max_message_bytes)
        stack.push_async_callback(forwarder.close)
        return forwarder

    def _open(self, number: int, faults: Faults, stack: AsyncExitStack) -> ReplicatedMachine:
        store = self._open_store(number, stack)
        machine = Machine(store)
        partition = Partition(
            number,
            self.config.node.id,
            store,
            machine,
            SystemClock(),
            _limits(self.config),
            _budget(self.config),
            faults,
            on_epoch_end=self._end_epoch,
        )
        self.partitions.append(partition)
        return FaultyMachine(machine, faults) if self.config.faults.points else machine

    def _open_store(self, number: int, stack: AsyncExitStack) -> KeyValueStore:
        folder = configuration.partition_folder(self.config, number) / "store"
        try:
            store = LevelDbStore(folder)
            stack.callback(store.close)
            store_format.claim(
                store, cluster_id=self.config.cluster.id, node_id=self.config.node.id
            )
        except StoreError as error:
            raise StartError(f"node.data_dir: {self.config.node.data_dir}: {error}") from error
        return store

    def _end_epoch(self) -> None:
        if self._application is not None:
            self._application.end_epoch()

    def _note_address(self, port: int, addresses: dict[str, str]) -> None:
        """Note where this node is reached; port 0 stands for the one that it got."""
        host, _, _ = self.config.grpc.listen.rpartition(":")
        self.grpc_address = f"{host}:{port}"
        advertised_host, _, advertised_port = addresses[self.config.node.id].rpartition(":")
        if advertised_port == "0":
            addresses[self.config.node.id] = f"{advertised_host}:{port}"

    async def _join(
        self, partition: Partition, machine: ReplicatedMachine, stack: AsyncExitStack
    ) -> None:
        settings = configuration.raft_settings(self.config, partition.number)

        def make_log(on_role: Callable[[Role], None]) -> Consensus:
            return Consensus(settings, machine, on_role)

        partition.start(make_log)
        stack.callback(machine.sync)
        stack.push_async_callback(partition.stop)

    async def _serve(
        self, server: GrpcServer, application: Application, stack: AsyncExitStack
    ) -> None:
        await server.start()
        stack.push_async_callback(server.stop, _GRACE_S)
        stack.callback(application.drain)
        for each in self.partitions:
            follower = asyncio.create_task(_follow(each, server))
            stack.callback(follower.cancel)


async def _follow(partition: Partition, server: GrpcServer) -> None:
    while True:
        await server.follow_leader()
        await partition.wait_for_change(_NEWS_S)


def _limits(config: Config) -> Limits:
    return Limits(
        payload_bytes=config.limits.payload_bytes,
        history_events=config.limits.history_events,
        map_start_chunk=config.limits.map_start_chunk,
    )


def _budget(config: Config) -> Budget:
    return Budget(group_events=config.limits.group_events, group_bytes=config.limits.group_bytes)


def run(config: Config, on_started: Callable[[Node], None] = lambda node: None) -> None:
    """Run a node in this process until SIGTERM or SIGINT asks it to stop.

    Errors: StartError.
    """
    configure_log(config.log)
    uvloop.run(_run(config, on_started))


def dev(
    data_dir: Path,
    grpc_listen: str = "127.0.0.1:7400",
    log: LogSection = LogSection(),  # noqa: B008 - it is frozen
    on_started: Callable[[Node], None] = lambda node: None,
) -> None:
    """Run a cluster of one in this process, with one data folder, until it is asked to stop.

    Errors: ConfigError, StartError.
    """
    run(configuration.single_node(data_dir, grpc_listen, log), on_started)


async def _run(config: Config, on_started: Callable[[Node], None]) -> None:
    asked_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    fail_stop.install(loop)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked_to_stop.set)
    node = Node(config)
    await node.start()
    on_started(node)
    await asked_to_stop.wait()
    await node.stop()
