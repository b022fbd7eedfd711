"""What operators may do with the cluster: members come, go and move, another node leads, all of it
is backed up.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import assert_never

from msgspec import Struct

from stepraft.interpreter.errors import Reason, Rejection
from stepraft.server.engine.partition import Partition
from stepraft.server.raft.membership import (
    AddMember,
    Change,
    ChangeKind,
    ChangeResult,
    RemoveMember,
    UpdateMember,
)
from stepraft.server.service import checks, partitions
from stepraft.server.service.partitions import NotLeading
from stepraft.storage.backup import backup_chunks
from stepraft.storage.snapshot import SnapshotSource


class BackupHead(Struct, frozen=True):
    """Which moment a backup holds: `index` in the log, `stamp`: HLC. `node_id` made it."""

    cluster_id: str
    node_id: str
    index: int
    stamp: int


class Administration:
    """What operators may do with the cluster. `home`: the partition that leads it. `chunk_bytes`:
    how much of a backup one answer holds at most.
    """

    def __init__(self, home: Partition, chunk_bytes: int) -> None:
        self._home = home
        self._chunk_bytes = chunk_bytes

    async def add(self, node_id: str, raft: str, grpc: str) -> None:
        """Take a node into the cluster, as a learner; return when that is safe.

        Errors: INVALID_NAME, INVALID_ARGUMENT, MEMBERSHIP_REFUSED, OUTCOME_UNKNOWN; NotLeading.
        """
        await self._change(
            AddMember(
                checks.node_id(node_id),
                checks.address(raft, "raft_address"),
                checks.address(grpc, "grpc_address"),
            )
        )

    async def remove(self, node_id: str) -> None:
        """Take a node out of the cluster; return when that is safe.

        Errors: INVALID_NAME, MEMBERSHIP_REFUSED, OUTCOME_UNKNOWN; NotLeading: also when this node
        is to go, and has handed over.
        """
        await self._change(RemoveMember(checks.node_id(node_id)))

    async def update(self, node_id: str, raft: str, grpc: str) -> None:
        """Change where a member is reached; return when that is safe.

        Errors: INVALID_NAME, INVALID_ARGUMENT, MEMBERSHIP_REFUSED, OUTCOME_UNKNOWN; NotLeading.
        """
        await self._change(
            UpdateMember(
                checks.node_id(node_id),
                checks.address(raft, "raft_address"),
                checks.address(grpc, "grpc_address"),
            )
        )

    async def transfer(self, node_id: str) -> None:
        """Make a node the leader, or (empty) whichever is best fit.

        Errors: INVALID_NAME, TRANSFER_REFUSED, OUTCOME_UNKNOWN; NotLeading.
        """
        target = checks.node_id(node_id) if node_id else None
        partitions.leading(self._home)
        if target != self._home.node_id:
            result = await self._home.transfer_leadership(target)
            self._require_done(result, Reason.TRANSFER_REFUSED)

    async def backup(self) -> AsyncGenerator[BackupHead | bytes, None]:
        """Give a backup of everything: first what it holds, then the bytes of the file.

        It holds every write that was acknowledged before.
        Errors: NotLeading, before anything is given.
        """
        moment = await partitions.moment(self._home)
        head = moment.source.head
        reader = _Reader(moment.source)
        try:
            yield BackupHead(head.cluster_id, self._home.node_id, head.index, moment.stamp)
            while (chunk := await reader.next()) is not None:
                for start in range(0, len(chunk), self._chunk_bytes):
                    yield chunk[start : start + self._chunk_bytes]
        finally:
            reader.close()

    async def _change(self, change: Change) -> None:
        partitions.leading(self._home)
        result = await self._home.change_membership(change)
        self._require_done(result, Reason.MEMBERSHIP_REFUSED)

    def _require_done(self, result: ChangeResult, refused: Reason) -> None:
        match result.kind:
            case ChangeKind.DONE:
                return
            case ChangeKind.NOT_LEADER:
                text = result.text or f"node {self._home.node_id} does not lead"
                raise NotLeading(self._home, text)
            case ChangeKind.REFUSED:
                raise Rejection(refused, result.text)
            case ChangeKind.UNKNOWN:
                raise Rejection(Reason.OUTCOME_UNKNOWN, result.text)
            case _:
                assert_never(result.kind)


class _Reader:
    """Reads a backup in a thread, so that nobody else waits for the disk meanwhile."""

    def __init__(self, source: SnapshotSource) -> None:
        self._source = source
        self._chunks = backup_chunks(source)
        self._reading: asyncio.Future[bytes | None] | None = None

    async def next(self) -> bytes | None:
        """Return the next bytes of the file, None after the last."""
        loop = asyncio.get_running_loop()
        self._reading = loop.run_in_executor(None, next, self._chunks, None)
        return await asyncio.shield(self._reading)

    def close(self) -> None:
        """Let the snapshot go, once nobody reads it: a caller may leave in the middle of a read."""
        if self._reading is None or self._reading.done():
            self._source.close()
        else:
            self._reading.add_done_callback(lambda _: self._source.close())
