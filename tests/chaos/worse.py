"""What makes a node's disk and clock worse, as seen from both sides.

A node of a run is started by `node.py`, which reads the controls in this file's form and notes what
is not durable yet; the run sets the controls and, when it cuts the power, takes away what was not.

    controls/dials      two 64-bit numbers: how much longer an fsync takes, how wrong the clock is
    controls/unsynced   what the node has written and not synced, line by line
"""

import mmap
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

_DIALS: Final = struct.Struct("<qq")
_SECTOR_BYTES: Final = 512
_WRITTEN: Final = "W"
_SYNCED: Final = "S"


class Dials:
    """Two numbers that both sides see at once."""

    def __init__(self, controls: Path) -> None:
        controls.mkdir(parents=True, exist_ok=True)
        path = controls / "dials"
        if not path.exists():
            path.write_bytes(_DIALS.pack(0, 0))
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), _DIALS.size)

    @property
    def sync_us(self) -> int:
        """How much longer an fsync takes, in microseconds."""
        return int(_DIALS.unpack_from(self._shared)[0])

    @property
    def clock_ms(self) -> int:
        """How far the wall clock is ahead of the truth, in milliseconds."""
        return int(_DIALS.unpack_from(self._shared)[1])

    def set(self, *, sync_us: int = 0, clock_ms: int = 0) -> None:
        """Turn both."""
        _DIALS.pack_into(self._shared, 0, sync_us, clock_ms)


class Ledger:
    """What a node writes and syncs, in order; each line is with the kernel before the write is."""

    def __init__(self, controls: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        self._descriptor = os.open(controls / "unsynced", flags, 0o600)

    def written(self, path: str, offset: int, length: int) -> None:
        """So many bytes are about to be written."""
        os.write(self._descriptor, f"{_WRITTEN}\t{path}\t{offset}\t{length}\n".encode())

    def synced(self, path: str, size: int) -> None:
        """All that was written to a file is durable; it had `size` bytes."""
        os.write(self._descriptor, f"{_SYNCED}\t{path}\t{size}\n".encode())


def cut_power(controls: Path, data_dir: Path, random: Random) -> None:
    """Take away, from the files of a node that has been killed, what was not durable: some of the
    sectors, and some of the end of each log of the store.
    """
    unsynced: dict[str, list[tuple[int, int]]] = {}
    durable_bytes: dict[str, int] = {}
    for kind, path, numbers in _lines(controls / "unsynced"):
        if kind == _WRITTEN:
            unsynced.setdefault(path, []).append((numbers[0], numbers[0] + numbers[1]))
        else:
            unsynced.pop(path, None)
            durable_bytes[path] = numbers[0]
    share = random.choice([0.0, 0.5, 0.9])
    for path, ranges in unsynced.items():
        if Path(path).exists():
            _lose_sectors(Path(path), ranges, share, random)
    for log in data_dir.glob("partition-*/store/*/*.log"):
        size = log.stat().st_size
        with log.open("r+b") as file:
            file.truncate(random.randint(min(size, durable_bytes.get(str(log), 0)), size))


def _lines(path: Path) -> Iterator[tuple[str, str, list[int]]]:
    if not path.exists():
        return
    *lines, _ = path.read_text().split("\n")
    for line in lines:
        kind, name, *numbers = line.split("\t")
        yield kind, name, [int(number) for number in numbers]


def _lose_sectors(path: Path, ranges: list[tuple[int, int]], share: float, random: Random) -> None:
    """Zero the sectors that did not reach the disk: the journal writes where nothing was before,
    and a vote that is written over another is torn.
    """
    with path.open("r+b") as file:
        for start, end in ranges:
            for sector in range(start // _SECTOR_BYTES, -(-end // _SECTOR_BYTES)):
                low = max(start, sector * _SECTOR_BYTES)
                high = min(end, (sector + 1) * _SECTOR_BYTES)
                if random.random() >= share:
                    file.seek(low)
                    file.write(bytes(high - low))
