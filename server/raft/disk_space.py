"""How much room is left on a node's disk, and the ballast that is thrown off when there is none.

Three levels. *Enough*. *Low*: new work from outside is refused, what runs goes on. *Critical*: the
node takes no entries, which keeps it alive; it still votes, answers and is read from. A level is
left only when there is an eighth more than its limit, so that it does not flicker.

The ballast is a file of half the critical limit. Whoever else fills the disk to its last byte stops
there; the node then removes the file, and has room for applying what its log holds.
"""

from math import inf
from pathlib import Path
from shutil import disk_usage
from typing import Final

from stepraft.server.raft.contract import Room
from stepraft.server.raft.disk import Disk

BALLAST: Final = "ballast"
_LOOK_EVERY_S: Final = 0.1
_BALLAST_SHARE: Final = 2
_MARGIN_SHARE: Final = 8
_NEXT_TO_NOTHING_SHARE: Final = 16
"""The ballast is not thrown off sooner: whoever fills the disk would take its room, too."""


def make_room_to_start(raft_folder: Path, critical_bytes: int) -> None:
    """Throw the ballast off before a node starts that has too little room to open its store."""
    ballast = raft_folder / BALLAST
    if ballast.exists() and disk_usage(raft_folder).free < critical_bytes // _BALLAST_SHARE:
        ballast.unlink()


class DiskSpace:
    """The room on one disk, looked at ten times a second at most. Limits of 0 are never reached."""

    def __init__(self, disk: Disk, *, low_bytes: int, critical_bytes: int) -> None:
        self._disk = disk
        self._limits = {Room.CRITICAL: critical_bytes, Room.LOW: low_bytes}
        self._ballast_bytes = critical_bytes // _BALLAST_SHARE
        self._has_ballast = False
        self._looked_at = -inf
        self.room = Room.ENOUGH
        self.free_bytes = 0

    def limit_bytes(self, room: Room) -> int:
        """How many bytes have to be free, or else the disk is `room`."""
        return self._limits[room]

    @property
    def is_spent(self) -> bool:
        """Whether even the ballast is used up: nothing may be written but a vote."""
        return (
            self.room is Room.CRITICAL
            and not self._has_ballast
            and self.free_bytes < self._ballast_bytes // 2
        )

    def look(self, at: float) -> None:
        """Look again if it is time. Errors: OSError of the disk."""
        if not self._limits[Room.LOW] or at - self._looked_at < _LOOK_EVERY_S:
            return
        self._looked_at = at
        self._has_ballast = BALLAST in self._disk.names()
        self.free_bytes = self._disk.free_bytes()
        self.room = self._room()
        if self.room is Room.ENOUGH and not self._has_ballast:
            self._take_ballast()
        elif self._has_ballast and self.free_bytes < self._ballast_bytes // _NEXT_TO_NOTHING_SHARE:
            self._throw_ballast()

    def _room(self) -> Room:
        for room, limit in self._limits.items():
            margin = limit // _MARGIN_SHARE if self.room >= room else 0
            if self.free_bytes < limit + margin:
                return room
        return Room.ENOUGH

    def _take_ballast(self) -> None:
        if self._ballast_bytes:
            self._disk.create(BALLAST, b"", self._ballast_bytes)
            self._has_ballast = True

    def _throw_ballast(self) -> None:
        self._disk.remove(BALLAST)
        self._has_ballast = False
        self.free_bytes = self._disk.free_bytes()
