"""A worker process of the shop.

    python -m examples.orders.workers --address 127.0.0.1:7400 --flaky

`--flaky` lets a part of the tasks fail with Shop.Unavailable, so that the workflow's Retry has
something to do. Which ones is drawn from the task's input and the number of retries before, so that
a run can be repeated; and never for longer than the workflow's retriers have patience.
"""

import argparse
import asyncio
import json
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha256
from typing import Final

from examples.orders import shop
from examples.orders.shop import JsonObject
from stepraft.client import TaskContext, TaskFailure, TlsFiles, Worker

DEFAULT_ADDRESS: Final = "127.0.0.1:7400"

FAILURES_MAX: Final = 3
"""How often in a row a flaky worker fails one task: the workflow's retriers try four times more."""

FAILURE_PERCENT: Final = 15
"""How many of 100 tasks a flaky worker fails."""

LEASE_S: Final = 5.0
"""How long a task is this worker's unless it renews the lease: after that another one gets it."""

WORK_S: Final = 0.01
"""How long each task takes, in seconds: what a call to another service might."""


def make_worker(
    addresses: str | Sequence[str],
    *,
    worker_id: str = "",
    flaky: bool = False,
    tls: TlsFiles | None = None,
) -> Worker:
    """Return a worker that does all tasks of the workflow, not yet running."""
    worker = Worker(
        addresses,
        worker_id=worker_id or f"shop-{os.getpid()}",
        concurrency=16,
        lease_s=LEASE_S,
        tls=tls,
    )
    for resource, work in shop.TASKS.items():
        worker.task(resource)(_handler(work, flaky=flaky))
    return worker


def _handler(
    work: Callable[[JsonObject], JsonObject], *, flaky: bool
) -> Callable[[JsonObject, TaskContext], Awaitable[JsonObject]]:
    async def handle(request: JsonObject, context: TaskContext) -> JsonObject:
        await asyncio.sleep(WORK_S)
        if flaky and is_unavailable(request, context.resource, context.retry_count):
            raise TaskFailure("Shop.Unavailable", "The service was not to be reached. Try again.")
        return work(request)

    return handle


def is_unavailable(request: JsonObject, resource: str, retry_count: int) -> bool:
    """Whether a flaky worker fails this try: drawn from the task, at most FAILURES_MAX times."""
    subject = json.dumps([resource, request, retry_count], sort_keys=True).encode()
    return retry_count < FAILURES_MAX and sha256(subject).digest()[0] * 100 < FAILURE_PERCENT * 256


def main() -> None:
    """Run one worker until it is told to stop (SIGTERM, SIGINT); it finishes what it has begun."""
    parser = argparse.ArgumentParser(description="Do the tasks of the order workflow.")
    parser.add_argument(
        "--address",
        action="append",
        help=f"host:port of a node; may be given several times (default {DEFAULT_ADDRESS})",
    )
    parser.add_argument(
        "--worker-id", default="", help="the name of this worker (default shop-PID)"
    )
    parser.add_argument("--flaky", action="store_true", help="fail now and then, on purpose")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    addresses = arguments.address or [DEFAULT_ADDRESS]
    make_worker(addresses, worker_id=arguments.worker_id, flaky=arguments.flaky).run()


if __name__ == "__main__":
    main()
