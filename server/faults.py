"""Named fault points: places where a test may end the process at once, as `kill -9` or a power cut
would.

None is armed unless the configuration names it: `point` for the first time that it is reached,
`point:n` for the nth.
"""

import os
import signal
from typing import Final

COMMAND_POINTS: Final = (
    "processor.before_propose",
    "processor.after_propose",
    "processor.before_reply",
    "machine.before_apply",
    "machine.after_apply",
)
"""The points that one command passes, in order."""

SNAPSHOT_POINTS: Final = (
    "snapshot.after_part",
    "snapshot.before_install",
    "snapshot.after_install",
)
"""The points that a snapshot passes where it comes in."""

POINTS: Final = COMMAND_POINTS + SNAPSHOT_POINTS


class Faults:
    """The armed points of one process, with how often each may still be reached."""

    def __init__(self, armed: tuple[str, ...] = ()) -> None:
        self._left = dict(_parse(text) for text in armed)

    def reach(self, point: str) -> None:
        """Go on, or die here if the point is armed and this is the time."""
        if self._left and point in self._left:
            self._left[point] -= 1
            if self._left[point] == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def _parse(text: str) -> tuple[str, int]:
    point, _, count = text.partition(":")
    if point not in POINTS:
        raise ValueError(f"there is no fault point {point!r}; the points are {', '.join(POINTS)}")
    if count and not (count.isdecimal() and int(count) > 0):
        raise ValueError(f"fault point {text!r}: the count after ':' must be a positive integer")
    return point, int(count or 1)
