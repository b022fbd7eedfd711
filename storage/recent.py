"""The checksums of the entries that were applied last, to be compared with those of other nodes."""

from collections import deque
from typing import Final

RECENT_MAX: Final = 4096
"""How many entries back a checksum is known."""


class RecentChecksums:
    """The checksums at the last `RECENT_MAX` indexes, the newest of which is `index`."""

    def __init__(self, index: int, checksum: int) -> None:
        self._index = index
        self._checksums = deque([checksum], maxlen=RECENT_MAX)

    def append(self, checksum: int) -> None:
        """Note the checksum at the next index."""
        self._index += 1
        self._checksums.append(checksum)

    def at(self, index: int) -> int | None:
        """Return the checksum at `index`; None when it is not known."""
        behind = self._index - index
        return self._checksums[-1 - behind] if 0 <= behind < len(self._checksums) else None
