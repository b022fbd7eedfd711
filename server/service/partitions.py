"""Which partition a request belongs to, and what only its leader may do."""

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from typing import Final

from stepraft.interpreter import ids
from stepraft.interpreter.commands import Command
from stepraft.interpreter.decision import Reply
from stepraft.interpreter.errors import Reason, Rejection
from stepraft.server.engine.moment import Moment
from stepraft.server.engine.partition import Epoch, Partition
from stepraft.server.engine.processor import ReplyFuture
from stepraft.server.service import disk_room

QUEUED_MAX: Final = 10_000
"""Commands that wait for their turn; one more is refused, so that a flood costs its senders."""


class NotLeading(Rejection):
    """This node does not lead the partition that the request belongs to, and nothing was done: pass
    the request on to the node that does.
    """

    def __init__(self, partition: Partition, text: str) -> None:
        super().__init__(Reason.NO_LEADER, text)
        self.partition = partition


class Partitions:
    """The partitions of this node. Every prefix of ids has one, the same on every node."""

    def __init__(self, partitions: Sequence[Partition]) -> None:
        self.all = tuple(partitions)
        self._in_turn = cycle(self.all)

    def of_namespace(self, tenant: str, namespace: str) -> Partition:
        """Return where a namespace keeps its workflows, its lists and its queues of tasks."""
        return self._of(f"/{tenant}/{namespace}")

    def of_start(self, tenant: str, namespace: str, idempotency_key: str) -> Partition:
        """Return where a start is processed: equal keys meet, and one without a key may go
        anywhere.
        """
        if not idempotency_key:
            return next(self._in_turn)
        return self.of_execution(ids.execution_id(tenant, namespace, idempotency_key, 0))

    def of_execution(self, execution_id: str) -> Partition:
        """Return where an execution is."""
        return self._of(ids.owner(execution_id))

    def of_task(self, task_id: str) -> Partition:
        """Return where a task waits: with its queue."""
        return self.of_namespace(*ids.tenant_and_namespace(task_id))

    def _of(self, prefix: str) -> Partition:
        return self.all[zlib.crc32(prefix.encode()) % len(self.all)]


def leading(partition: Partition) -> Epoch:
    """Return the present epoch of a partition that this node leads.

    Errors: NotLeading.
    """
    with _passing_on(partition):
        return partition.leading()


async def barrier(partition: Partition) -> None:
    """Wait until a read from the store sees every write acknowledged so far.

    Errors: NotLeading.
    """
    with _passing_on(partition):
        await partition.barrier()


async def moment(partition: Partition) -> Moment:
    """Return a snapshot that has every write acknowledged so far.

    Errors: NotLeading.
    """
    with _passing_on(partition):
        return await partition.moment()


async def readable(partition: Partition, *, stale: bool) -> None:
    """Wait until the store may be read: until it has every write acknowledged so far, or, if the
    read may be stale, not at all.

    Errors: NotLeading; for a stale read NO_STATE.
    """
    if stale:
        require_state(partition)
    else:
        await barrier(partition)


def require_state(partition: Partition) -> None:
    """Errors: NO_STATE when the store holds nothing that a stale read could be answered from."""
    why = partition.why_no_state
    if why is not None:
        raise no_state(partition, why)


def no_state(partition: Partition, why: str) -> Rejection:
    """Return the refusal of a stale read."""
    text = f"node {partition.node_id} cannot answer: {why}; ask another node"
    return Rejection(Reason.NO_STATE, text)


async def submit(partition: Partition, command: Command) -> Reply:
    """Process a command, and return its reply when it is durable.

    Errors: those of the command; NotLeading, OVERLOADED, DISK_FULL: nothing was done;
    OUTCOME_UNKNOWN.
    """
    with _passing_on(partition):
        return await queue(partition, command)


def queue(partition: Partition, command: Command) -> ReplyFuture:
    """Queue a command; the future gives its reply when it is durable.

    Errors: NotLeading, OVERLOADED, DISK_FULL: nothing was done. The future's: those of the command,
    NO_LEADER, OUTCOME_UNKNOWN.
    """
    processor = leading(partition).processor
    disk_room.require(partition, command)
    if processor.queued >= QUEUED_MAX:
        raise Rejection(Reason.OVERLOADED, f"{QUEUED_MAX} commands wait already; try again later")
    return processor.submit(command)


def leader_changed() -> Rejection:
    """Return the refusal of what a change of leader breaks off: ask again, any node knows whom."""
    return Rejection(Reason.NO_LEADER, "the leader changed; ask again")


@contextmanager
def _passing_on(partition: Partition) -> Iterator[None]:
    try:
        yield
    except NotLeading:
        raise
    except Rejection as rejection:
        if rejection.reason is Reason.NO_LEADER:
            raise NotLeading(partition, rejection.text) from rejection
        raise
