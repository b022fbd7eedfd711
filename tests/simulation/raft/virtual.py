"""Virtual time and seeded chance for the library underneath."""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from stepraft.server.raft.library import syncobj


class Clock:
    """Seconds; a little passes with each look, so that loops that time ends do end."""

    def __init__(self) -> None:
        self.at = 1000.0

    def look(self) -> float:
        self.at += 1e-6
        return self.at


@contextmanager
def virtual_time(random: Random) -> Iterator[Clock]:
    """Within, the library reads this clock and draws from `random`."""
    clock = Clock()
    kept = syncobj.monotonicTime, syncobj.random
    syncobj.monotonicTime, syncobj.random = clock.look, random
    try:
        yield clock
    finally:
        syncobj.monotonicTime, syncobj.random = kept
