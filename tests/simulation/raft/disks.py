"""A disk in memory under processes that die: without power, unsynced bytes survive in part."""

from random import Random
from typing import Final

_SECTOR_BYTES: Final = 512


class Death(Exception):
    """The process ended in the middle of a disk operation."""


class SimulatedDisk:
    """One folder; outlives the processes that use it.

    `dying_in` counts down to the operation in which the process dies; None: it lives on.
    """

    def __init__(self, random: Random, *, keeps_sync: bool) -> None:
        self.random = random
        self.keeps_sync = keeps_sync
        self.dying_in: int | None = None
        self.room_bytes = 1 << 40
        self._files: dict[str, SimulatedFile] = {}

    def names(self) -> list[str]:
        return sorted(self._files)

    def read(self, name: str) -> bytes:
        return bytes(self._files[name].content)

    def create(self, name: str, content: bytes, size: int) -> None:
        dies = self.dies_now()
        if not dies or self.random.random() < 0.5:
            self._files[name] = SimulatedFile(self, content.ljust(size, b"\0"))
        self.end_if(dies)

    def open(self, name: str) -> "SimulatedFile":
        return self._files[name]

    def remove(self, name: str) -> None:
        dies = self.dies_now()
        if not dies or self.random.random() < 0.5:
            del self._files[name]
        self.end_if(dies)

    def free_bytes(self) -> int:
        return self.room_bytes

    def close(self) -> None:
        pass

    def cut_power(self) -> None:
        """Every sector that was written and not synced survives, or not."""
        share = self.random.choice([0.0, 0.5, 0.9, 1.0])
        for file in self._files.values():
            file.lose(share)

    def dies_now(self) -> bool:
        """Whether the process dies in this operation."""
        if self.dying_in is None:
            return False
        self.dying_in -= 1
        return self.dying_in <= 0

    def end_if(self, dies: bool) -> None:
        """End the process in the middle of the operation."""
        if dies:
            self.dying_in = None
            raise Death


class SimulatedFile:
    """`content` is what a process reads, `_durable` what a power cut leaves for sure."""

    def __init__(self, disk: SimulatedDisk, content: bytes) -> None:
        self._disk = disk
        self.content = bytearray(content)
        self._durable = bytearray(content)
        self._written: list[tuple[int, int]] = []

    def write(self, offset: int, data: bytes) -> None:
        dies = self._disk.dies_now()
        if dies:
            data = data[: self._disk.random.randrange(len(data) + 1)]
        end = offset + len(data)
        if end > len(self.content):
            self.content.extend(bytes(end - len(self.content)))
        self.content[offset:end] = data
        self._written.append((offset, end))
        self._disk.end_if(dies)

    def read(self, offset: int, length: int) -> bytes:
        return bytes(self.content[offset : offset + length])

    def cut(self, offset: int, size: int) -> None:
        del self.content[offset:]
        self.content.extend(bytes(max(0, size - offset)))
        self._durable = bytearray(self.content)
        self._written.clear()
        self._disk.end_if(self._disk.dies_now())

    def sync(self) -> None:
        dies = self._disk.dies_now()
        if self._disk.keeps_sync and not dies:
            self._durable = bytearray(self.content)
            self._written.clear()
        self._disk.end_if(dies)

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
