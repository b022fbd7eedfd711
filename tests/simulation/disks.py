"""A store whose writes may be lost until they are synced."""

from collections.abc import Iterable
from random import Random

from stepraft.storage.kv import Write
from stepraft.storage.memory import MemoryStore


class LossyStore(MemoryStore):
    """A store in memory that outlives its process, and loses what was not synced with the power."""

    def __init__(self) -> None:
        super().__init__()
        self._synced: dict[bytes, bytes] = {}
        self._unsynced: list[list[Write]] = []

    def write(self, items: Iterable[Write]) -> None:
        writes = list(items)
        self._unsynced.append(writes)
        super().write(writes)

    def sync(self) -> None:
        self._keep()

    def switch(self) -> None:
        super().switch()
        self._keep()

    def lose_power(self, chance: Random) -> None:
        """Lose some writes: the last ones, or some in the middle, as a store with several log files
        may.
        """
        count = len(self._unsynced)
        first = chance.randint(0, count)
        last = count if chance.random() < 0.5 else chance.randint(first, count)
        surviving = self._unsynced[:first] + self._unsynced[last:]
        super().write([(key, None) for key, _ in self.scan(b"")])
        super().write(self._synced.items())
        for writes in surviving:
            super().write(writes)
        self._keep()
        staged = self.staged()
        if staged is not None:
            staged[0].lose_power(chance)

    def _keep(self) -> None:
        """All that is there now survives a loss of power."""
        self._synced = dict(self.scan(b""))
        self._unsynced.clear()
