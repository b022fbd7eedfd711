"""A disk in memory that loses power: what was not synced survives in part, sector by sector."""

from random import Random
from typing import Final

_SECTOR_BYTES: Final = 512


class PowerFailure(Exception):
    """The machine went down in the middle of a disk operation."""


class SimulatedDisk:
    """One folder; outlives the processes that use it.

    `failing_in` counts down to an operation that the power fails in; None: it does not.
    """

    def __init__(self, random: Random, *, keeps_sync: bool) -> None:
        self.random = random
        self.keeps_sync = keeps_sync
        self.failing_in: int | None = None
        self._files: dict[str, SimulatedFile] = {}

    def names(self) -> list[str]:
        return sorted(self._files)

    def read(self, name: str) -> bytes:
        return bytes(self._files[name].content)

    def create(self, name: str, content: bytes, size: int) -> None:
        fails = self.fails_now()
        if not fails or self.random.random() < 0.5:
            self._files[name] = SimulatedFile(self, content.ljust(size, b"\0"))
        self.stop_if(fails)

    def open(self, name: str) -> "SimulatedFile":
        return self._files[name]

    def remove(self, name: str) -> None:
        fails = self.fails_now()
        if not fails or self.random.random() < 0.5:
            del self._files[name]
        self.stop_if(fails)

    def close(self) -> None:
        pass

    def cut_power(self) -> None:
        """Every sector that was written and not synced survives, or not."""
        share = self.random.choice([0.0, 0.5, 0.9, 1.0])
        for file in self._files.values():
            file.lose(share)

    def fails_now(self) -> bool:
        """Whether the power fails in this operation."""
        if self.failing_in is None:
            return False
        self.failing_in -= 1
        return self.failing_in <= 0

    def stop_if(self, fails: bool) -> None:
        """End the operation, and the process with it."""
        if fails:
            self.failing_in = None
            raise PowerFailure


class SimulatedFile:
    """`content` is what a process reads, `_durable` what a power cut leaves for sure."""

    def __init__(self, disk: SimulatedDisk, content: bytes) -> None:
        self._disk = disk
        self.content = bytearray(content)
        self._durable = bytearray(content)
        self._written: list[tuple[int, int]] = []

    def write(self, offset: int, data: bytes) -> None:
        fails = self._disk.fails_now()
        if fails:
            data = data[: self._disk.random.randrange(len(data) + 1)]
        end = offset + len(data)
        if end > len(self.content):
            self.content.extend(bytes(end - len(self.content)))
        self.content[offset:end] = data
        self._written.append((offset, end))
        self._disk.stop_if(fails)

    def read(self, offset: int, length: int) -> bytes:
        return bytes(self.content[offset : offset + length])

    def cut(self, offset: int, size: int) -> None:
        del self.content[offset:]
        self.content.extend(bytes(max(0, size - offset)))
        self._durable = bytearray(self.content)
        self._written.clear()
        self._disk.stop_if(self._disk.fails_now())

    def sync(self) -> None:
        fails = self._disk.fails_now()
        if self._disk.keeps_sync and not fails:
            self._durable = bytearray(self.content)
            self._written.clear()
        self._disk.stop_if(fails)

    def close(self) -> None:
        pass

    def lose(self, share: float) -> None:
        """Keep what is durable, and `share` of the sectors that were written since."""
        durable = self._durable.ljust(len(self.content), b"\0")
        for start, end in self._written:
            for sector in range(start // _SECTOR_BYTES, -(-end // _SECTOR_BYTES)):
                if self._disk.random.random() < share:
                    low = max(start, sector * _SECTOR_BYTES)
                    high = min(end, (sector + 1) * _SECTOR_BYTES)
                    durable[low:high] = self.content[low:high]
        self.content = bytearray(durable)
        self._durable = bytearray(durable)
        self._written.clear()
