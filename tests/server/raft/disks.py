"""A disk that has as much room as a test says."""

from stepraft.server.raft.disk import DiskFile
from stepraft.server.raft.disk_space import DiskSpace

LOW_BYTES = 800
CRITICAL_BYTES = 400


class MeasuredDisk:
    """`room_bytes` are its own files' and what is free."""

    def __init__(self, room_bytes: int = 10_000) -> None:
        self.room_bytes = room_bytes
        self._sizes: dict[str, int] = {}

    @property
    def taken_bytes(self) -> int:
        return sum(self._sizes.values())

    def fill(self, *, leaving: int) -> None:
        """Somebody else takes all but so many bytes, or gives some back."""
        self.room_bytes = self.taken_bytes + leaving

    def free_bytes(self) -> int:
        return self.room_bytes - self.taken_bytes

    def names(self) -> list[str]:
        return sorted(self._sizes)

    def create(self, name: str, content: bytes, size: int) -> None:
        self._sizes[name] = size

    def remove(self, name: str) -> None:
        del self._sizes[name]

    def read(self, name: str) -> bytes:
        return bytes(self._sizes[name])

    def open(self, name: str) -> DiskFile:
        raise FileNotFoundError(name)

    def close(self) -> None:
        """Nothing is open."""


def space_on(disk: MeasuredDisk) -> DiskSpace:
    """The room on it, with the limits of this file."""
    return DiskSpace(disk, low_bytes=LOW_BYTES, critical_bytes=CRITICAL_BYTES)
