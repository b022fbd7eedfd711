"""A node: the composition root, which builds, starts and stops every part in order.

    certificates -> store, machine -> partition -> service -> gRPC port -> Raft -> calls

A node stops in the other order, but hands leadership over before all else: while the next leader
begins, calls still pass to it through this node. One member alone is the same code with nobody to
wait for.
"""

import asyncio
import logging
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import msgspec
import uvloop

from stepraft.interpreter.limits import Limits
from stepraft.server import config as configuration
from stepraft.server import fail_stop
from stepraft.server.addresses import Addresses
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
from stepraft.server.raft import disk_space
from stepraft.server.raft.consensus import Consensus
from stepraft.server.raft.contract import DamageError, ReplicatedMachine, Role, StartError
from stepraft.server.rejoin import set_aside
from stepraft.server.service.application import Application
from stepraft.server.settings import Config, LogSection
from stepraft.server.tls import Certificates
from stepraft.storage import format as store_format
from stepraft.storage.folders import FolderStore
from stepraft.storage.kv import ReplaceableStore, StoreDamagedError, StoreError
from stepraft.storage.machine import Machine

_log = logging.getLogger(__name__)

PARTITIONS: Final = 1
"""How many partitions a cluster has; all of a cluster's nodes agree on it."""

_GRACE_S: Final = 2.0
"""How long calls may take to end by themselves when the node stops."""

_LOOK_S: Final = 0.5
"""How often the node looks how it is: its condition changes without notice."""


class Node:
    """One node, made of a configuration. Start it in an event loop, and stop it there.

    `rejoin`: it begins anew, and takes everything from the other nodes; see rejoin.py.
    """

    def __init__(self, config: Config, *, rejoin: bool = False) -> None:
        self.config = config
        self._rejoin = rejoin
        self.grpc_address = ""
        self.partitions: list[Partition] = []
        self._stack = AsyncExitStack()
        self._application: Application | None = None
        self._certificates: Certificates | None = None

    async def start(self) -> None:
        """Open the data folder, join the cluster, and take calls.

        Errors: StartError: the folder is in use or another node's, a port cannot be had, or a
        certificate cannot be used; DamageError: the folder is damaged; Removed: the node is no
        member any more. Nothing is left open then.
        """
        async with AsyncExitStack() as stack:
            self._load_certificates(stack)
            if self._rejoin:
                for number in range(PARTITIONS):
                    set_aside(self.config, number)
            faults = Faults(self.config.faults.points)
            addresses = self._addresses()
            forwarder = self._forwarder(addresses, stack)
            machines = [self._open(number, faults, stack) for number in range(PARTITIONS)]
            application = Application(self.config, self.partitions, addresses, GrpcPeers(forwarder))
            leader_wait_s = self.config.tasks.leader_wait_ms / 1000
            calls = Calls(self.config.node.id, forwarder, leader_wait_s)
            server = GrpcServer(self.config.grpc, application, calls, self._certificates)
            self._note_address(server.bind(), addresses)
            self._application = application
            for partition, machine in zip(self.partitions, machines, strict=True):
                await self._join(partition, machine, stack)
            addresses.follow(self.partitions[0])
            await self._serve(server, application, stack)
            self._stack = stack.pop_all()
        _log.info(
            "node %s of cluster %s serves on %s",
            self.config.node.id,
            self.config.cluster.id,
            self.grpc_address,
        )

    async def stop(self) -> None:
        """Hand leadership over, take no more calls, let those that run end, and close the store."""
        _log.info("node %s stops", self.config.node.id)
        for partition in self.partitions:
            await partition.hand_over()
        await self._stack.aclose()

    # The parts, in order

    def _load_certificates(self, stack: AsyncExitStack) -> None:
        if self.config.tls.is_given:
            loaded = Certificates(self.config.tls, self.config.cluster.id, self.config.node.id)
            loaded.watch()
            stack.callback(loaded.close)
            self._certificates = loaded

    def _addresses(self) -> Addresses:
        members = self.config.cluster.members.items()
        return Addresses(self.config.node.id, {node_id: each.grpc for node_id, each in members})

    def _forwarder(self, addresses: Addresses, stack: AsyncExitStack) -> Forwarder:
        forwarder = Forwarder(
            self.config.node.id,
            addresses,
            self.config.grpc.max_message_bytes,
            self._certificates,
        )
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

    def _open_store(self, number: int, stack: AsyncExitStack) -> ReplaceableStore:
        folder = configuration.partition_folder(self.config, number)
        disk_space.make_room_to_start(folder / "raft", self.config.disk.critical_bytes)
        try:
            store = FolderStore(folder / "store")
            stack.callback(store.close)
            store_format.claim(
                store, cluster_id=self.config.cluster.id, node_id=self.config.node.id
            )
        except StoreDamagedError as error:
            raise DamageError(f"node.data_dir: {self.config.node.data_dir}: {error}") from error
        except StoreError as error:
            raise StartError(f"node.data_dir: {self.config.node.data_dir}: {error}") from error
        return store

    def _end_epoch(self) -> None:
        if self._application is not None:
            self._application.end_epoch()

    def _note_address(self, port: int, addresses: Addresses) -> None:
        """Note where this node is reached; port 0 stands for the one that it got."""
        host, _, _ = self.config.grpc.listen.rpartition(":")
        self.grpc_address = f"{host}:{port}"
        addresses.note_port(port)

    async def _join(
        self, partition: Partition, machine: ReplicatedMachine, stack: AsyncExitStack
    ) -> None:
        settings = configuration.raft_settings(self.config, partition.number)
        settings = msgspec.structs.replace(settings, rejoin=self._rejoin)

        def make_log(on_role: Callable[[Role], None]) -> Consensus:
            return Consensus(settings, machine, on_role, tls=self._certificates)

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
        await partition.wait_for_change(_LOOK_S)


def _limits(config: Config) -> Limits:
    return Limits(
        payload_bytes=config.limits.payload_bytes,
        history_events=config.limits.history_events,
        map_start_chunk=config.limits.map_start_chunk,
    )


def _budget(config: Config) -> Budget:
    return Budget(group_events=config.limits.group_events, group_bytes=config.limits.group_bytes)


def run(
    config: Config,
    on_started: Callable[[Node], None] = lambda node: None,
    *,
    rejoin: bool = False,
) -> None:
    """Run a node in this process until SIGTERM or SIGINT asks it to stop.

    Errors: StartError, DamageError, Removed: see Node.start.
    """
    configure_log(config.log)
    uvloop.run(_run(config, on_started, rejoin=rejoin))


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


async def _run(config: Config, on_started: Callable[[Node], None], *, rejoin: bool) -> None:
    asked_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    fail_stop.install(loop)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked_to_stop.set)
    node = Node(config, rejoin=rejoin)
    await node.start()
    on_started(node)
    await asked_to_stop.wait()
    await node.stop()
