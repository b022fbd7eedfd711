"""What processes use: CPU seconds, resident memory, bytes on disk."""

import os
from collections.abc import Iterable
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def cpu_s(pids: Iterable[int]) -> float:
    """Return the CPU time, user and system, that processes have used since they started, in
    seconds.
    """
    return sum(_ticks(pid) for pid in pids) / _TICKS_PER_S


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def resident_mb(pids: Iterable[int]) -> float:
    """Return the largest resident memory among processes, in MB."""
    pages = (int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return max(pages) * _PAGE_BYTES / 1e6


def disk_bytes(folder: Path) -> int:
    """Return how many bytes the files beneath a folder take; files that vanish meanwhile count
    nothing.
    """
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_blocks * 512 if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total
