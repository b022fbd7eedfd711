"""Writers without a pause: each starts one small execution after another and notes when it was
acknowledged.

For each node there are writers that use it first, as applications do that list the nodes in their
own order. So some lose their connection when a node dies, and some do not.
"""

import asyncio
import json
import time
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from types import TracebackType
from typing import Final, Self

from stepraft.client import Client, RequestError

WORKFLOW: Final = "failover"
PER_NODE: Final = 2
TIMEOUT_S: Final = 30.0
_WARM_UP_S: Final = 0.5
_DEFINITION: Final = json.dumps(
    {"StartAt": "Only", "States": {"Only": {"Type": "Pass", "End": True}}}
)


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """One write: when it was sent and when it was acknowledged, in seconds of the same clock."""

    sent_s: float
    acknowledged_s: float

    @property
    def latency_s(self) -> float:
        """How long it took."""
        return self.acknowledged_s - self.sent_s


class Writers:
    """Write as long as the context lasts, `PER_NODE` writers for each of `addresses`."""

    def __init__(self, addresses: Sequence[str], per_node: int = PER_NODE) -> None:
        self._orders = [
            [*addresses[first:], *addresses[:first]]
            for first in range(len(addresses))
            for _ in range(per_node)
        ]
        self._tasks: list[asyncio.Task[None]] = []
        self.acknowledged: list[list[Acknowledgement]] = [[] for _ in self._orders]
        """For each writer, in the order of time."""

    async def __aenter__(self) -> Self:
        await put_workflow(self._orders[0])
        self._tasks = [
            asyncio.create_task(self._write(order, noted))
            for order, noted in zip(self._orders, self.acknowledged, strict=True)
        ]
        await asyncio.sleep(_WARM_UP_S)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task

    async def _write(self, order: list[str], noted: list[Acknowledgement]) -> None:
        async with Client(order, timeout_s=TIMEOUT_S) as client:
            number = 0
            while True:
                number += 1
                sent_s = time.monotonic()
                with suppress(RequestError):
                    key = f"{id(noted)}-{number}"
                    await client.start_execution(WORKFLOW, {"n": number}, idempotency_key=key)
                    noted.append(Acknowledgement(sent_s, time.monotonic()))

    def gap_s(self, since_s: float) -> float:
        """Return the longest time without an acknowledged write that ends after `since_s`."""
        times_s = sorted(each.acknowledged_s for each in self.all_acknowledged())
        return longest_gap_s(times_s, since_s, time.monotonic())

    def worst_writer_gap_s(self, since_s: float) -> float:
        """Return the longest time that any one writer had no acknowledgement."""
        return max(
            longest_gap_s([each.acknowledged_s for each in noted], since_s, time.monotonic())
            for noted in self.acknowledged
        )

    def all_acknowledged(self) -> list[Acknowledgement]:
        """Return every write that was acknowledged."""
        return [each for noted in self.acknowledged for each in noted]


async def put_workflow(addresses: Sequence[str]) -> None:
    """Put the workflow that is started."""
    async with Client(addresses, timeout_s=TIMEOUT_S) as client:
        await client.put_workflow(WORKFLOW, _DEFINITION)


def longest_gap_s(times_s: Sequence[float], since_s: float, until_s: float) -> float:
    """Return the longest gap between times, in order, that is not over before `since_s`; the last
    one ends with `until_s`.
    """
    first = max(0, bisect_right(times_s, since_s) - 1)
    points = [*times_s[first:], until_s]
    return max((later - earlier for earlier, later in pairwise(points)), default=0.0)
