"""The node's clock: Unix milliseconds that never go back or jump, and the hybrid logical clock on
top of them.

Time starts at the wall clock and then follows the monotonic one, so that a wall clock set to
another hour neither fires a timer early nor stops one. It drifts to the wall clock by at most one
part in a thousand, so that a clock disciplined by NTP is followed.

A node may have started with a wrong wall clock and led; the stamps of the log are ahead then, and
no leader may go back behind them. Time does not stand still until the others' clocks are there: it
goes on from the stamps, at half speed, so that a timer is late by as long as it lasts at most.
"""

import time
from collections.abc import Callable
from typing import Protocol

from stepraft.interpreter.hlc import next_stamp, physical_ms

_SLEW = 0.001
_FOLLOWED_MS = 10_000


class Clock(Protocol):
    """Where time comes from; a simulation has another."""

    def now_ms(self) -> int:
        """Return Unix milliseconds; never less than before."""


class SystemClock:
    """Unix milliseconds from the monotonic clock, slowly drawn to the wall clock while the two are
    close. `monotonic_s` and `wall_s` read these two, in seconds.
    """

    def __init__(
        self,
        monotonic_s: Callable[[], float] = time.monotonic,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self._read_monotonic_s = monotonic_s
        self._read_wall_s = wall_s
        self._monotonic_s = monotonic_s()
        self._now_ms = wall_s() * 1000

    def now_ms(self) -> int:
        """Return Unix milliseconds; never less than before."""
        monotonic_s = self._read_monotonic_s()
        elapsed_ms = (monotonic_s - self._monotonic_s) * 1000
        self._monotonic_s = monotonic_s
        self._now_ms += elapsed_ms
        self._follow_wall_clock(elapsed_ms)
        return int(self._now_ms)

    def _follow_wall_clock(self, elapsed_ms: float) -> None:
        ahead_ms = self._read_wall_s() * 1000 - self._now_ms
        if abs(ahead_ms) < _FOLLOWED_MS:
            slew_ms = elapsed_ms * _SLEW
            self._now_ms += max(-slew_ms, min(slew_ms, ahead_ms))


class HybridClock:
    """Stamps for one partition: above all made or observed before. Not for several threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0
        self._met_ms = 0
        self._met_at_ms = 0

    def now_ms(self) -> int:
        """Return Unix milliseconds, not below those of the last stamp."""
        clock_ms = self._clock.now_ms()
        return max(
            clock_ms, self._met_ms + (clock_ms - self._met_at_ms) // 2, physical_ms(self._last)
        )

    def tick(self) -> int:
        """Return the next stamp."""
        self._last = next_stamp(self._last, self.now_ms())
        return self._last

    def next(self) -> int:
        """Return the next stamp at the time of the last one: cheaper, for many at once."""
        self._last += 1
        return self._last

    def observe(self, stamp: int) -> None:
        """Make later stamps higher than `stamp`, which another node gave, and go on from there."""
        if stamp <= self._last:
            return
        self._last = stamp
        clock_ms = self._clock.now_ms()
        if physical_ms(stamp) > clock_ms:
            self._met_ms, self._met_at_ms = physical_ms(stamp), clock_ms
