"""Feature levels: what the nodes of a cluster may write, so that every one of them can read it.

All replicas hold the same level, a row of the store. A program supports every level up to its own,
and writes what a level brought only once the cluster has that level: the leader raises it when
every member says that its program supports more. So programs of two levels can run side by side.
A level never falls.
"""

from collections.abc import Mapping
from typing import Final

LEVELS: Final[Mapping[int, str]] = {
    1: "the first release",
}
"""Each level with what it brought."""

SUPPORTED: Final = max(LEVELS)
"""The highest level that this program supports."""

RELEASED: Final = 0
"""The highest level that a release of this program supports: its records stay as they are."""

FIRST: Final = 1
"""The level of a cluster that was never raised."""


def refusal(what: str, level: int, supported: int = SUPPORTED) -> str | None:
    """Return why a program that supports `supported` must not take `what`, which is at `level`;
    None when it may.
    """
    if level <= supported:
        return None
    return (
        f"{what} is at feature level {level}, and this program supports levels up to {supported}: "
        "use the version of the program that wrote it, or a newer one"
    )
