"""Workers: who asks for tasks, and a task as a worker gets it."""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from stepraft.interpreter.decision import Delivery
from stepraft.interpreter.errors import Reason, Rejection
from stepraft.server.engine.partition import Epoch, Partition
from stepraft.server.engine.working_state import QueueName
from stepraft.server.service import partitions, tokens
from stepraft.server.service.signing import Signer
from stepraft.server.service.tokens import TaskToken
from stepraft.server.settings import TasksSection

RESOURCES_MAX: Final = 100
RESOURCE_LENGTH_MAX: Final = 256
WORKER_LENGTH_MAX: Final = 256
_TASK_BYTES: Final = 1024


class Hello(Struct, frozen=True):
    """Who a worker is and what it serves; `lease_ms` 0 leaves the length of its leases to the
    server.
    """

    namespace: str
    resources: tuple[str, ...]
    worker: str
    lease_ms: int


class Admitted(Struct, frozen=True):
    """A worker whose greeting was in order, and the reign in which it waits for tasks."""

    home: Partition
    epoch: Epoch
    signer: Signer
    queues: tuple[QueueName, ...]
    worker: str
    lease_ms: int

    def require_reign(self) -> None:
        """Errors: NO_LEADER when the reign is over."""
        if self.home.epoch is not self.epoch:
            raise partitions.leader_changed()


class HandedOut(Struct, frozen=True):
    """A task as a worker gets it. `started_at_ms`: Unix milliseconds at which its lease began."""

    token: bytes
    delivery: Delivery
    started_at_ms: int


def handed_out(delivery: Delivery, worker: Admitted) -> HandedOut:
    """Return a delivery with its token."""
    token = TaskToken(delivery.task_id, delivery.delivery, worker.lease_ms)
    started_at_ms = delivery.lease_deadline_ms - worker.lease_ms
    return HandedOut(tokens.issue(token, worker.signer), delivery, started_at_ms)


def fitting(deliveries: Iterable[Delivery], bytes_max: int) -> int:
    """Return how many deliveries, from the first on, one answer of about `bytes_max` holds; one at
    the least.
    """
    total = count = 0
    for delivery in deliveries:
        total += len(delivery.input) + _TASK_BYTES
        if count and total > bytes_max:
            break
        count += 1
    return count


def check_hello(hello: Hello) -> None:
    """Check what a worker says about itself, but for its namespace.

    Errors: INVALID_ARGUMENT.
    """
    if not 1 <= len(hello.resources) <= RESOURCES_MAX:
        raise _wrong(
            "resources", f"{len(hello.resources)} names; it must have 1 to {RESOURCES_MAX}"
        )
    for index, resource in enumerate(hello.resources):
        if not 1 <= len(resource) <= RESOURCE_LENGTH_MAX or "\0" in resource:
            raise _wrong(
                f"resources[{index}]",
                f"{len(resource)} characters; it must have 1 to {RESOURCE_LENGTH_MAX}, none of"
                " them NUL",
            )
    if not 1 <= len(hello.worker) <= WORKER_LENGTH_MAX:
        raise _wrong(
            "worker_id",
            f"{len(hello.worker)} characters; it must have 1 to {WORKER_LENGTH_MAX}",
        )


def lease_ms(asked_ms: int, settings: TasksSection) -> int:
    """Return the length of a worker's leases.

    Errors: INVALID_ARGUMENT when it asks for more than may be.
    """
    if not 0 <= asked_ms <= settings.lease_max_ms:
        raise _wrong("lease", f"{asked_ms} ms; it must have 1 to {settings.lease_max_ms}")
    return asked_ms or settings.lease_default_ms


def _wrong(field: str, text: str) -> Rejection:
    return Rejection(Reason.INVALID_ARGUMENT, f"{field} has {text}", field=field)
