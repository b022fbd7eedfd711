"""A closed loop of load: so many at once, each beginning the next as soon as it is done."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """What a load saw: how long it ran and the latency of each work done, in seconds."""

    seconds: float
    latencies_s: tuple[float, ...]

    def percentile_ms(self, percent: float) -> float:
        """Return the latency in milliseconds that `percent` of the works did not exceed."""
        ordered = sorted(self.latencies_s)
        return ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)] * 1000

    @property
    def per_second(self) -> float:
        """How many works were done in a second."""
        return len(self.latencies_s) / self.seconds


async def run(once: Callable[[], Awaitable[None]], in_flight: int, seconds: float) -> Load:
    """Do `once` over and over, `in_flight` at a time, for about `seconds`; what has begun is
    finished.
    """
    latencies_s: list[float] = []
    started_s = time.perf_counter()
    deadline_s = started_s + seconds

    async def repeat() -> None:
        while (begun_s := time.perf_counter()) < deadline_s:
            await once()
            latencies_s.append(time.perf_counter() - begun_s)

    await asyncio.gather(*(repeat() for _ in range(in_flight)))
    return Load(time.perf_counter() - started_s, tuple(latencies_s))
