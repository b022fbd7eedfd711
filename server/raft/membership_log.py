"""Where a log says who belongs to the group, so that what is voided can be taken back.

A leader appends a membership only when the one before is committed. So of those in a log, all but
the newest are committed, and the newest two are enough for whatever becomes of the last one.
"""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

_KEPT: Final = 2


class Landmark(Struct, frozen=True, array_like=True):
    """A membership entry: its place in the log and its data, without the kind."""

    index: int
    data: bytes


class MembershipLog:
    """The newest membership entries of one log, oldest first."""

    def __init__(self, known: Iterable[Landmark] = ()) -> None:
        self._landmarks = list(known)

    @property
    def newest(self) -> Landmark | None:
        """What counts now; None when the log has never said."""
        return self._landmarks[-1] if self._landmarks else None

    @property
    def known(self) -> tuple[Landmark, ...]:
        """All that is remembered, for the head of a new segment."""
        return tuple(self._landmarks)

    def note(self, index: int, data: bytes) -> None:
        """The log has a membership entry at `index`."""
        self._landmarks.append(Landmark(index, data))
        del self._landmarks[:-_KEPT]

    def void(self, first: int) -> None:
        """The log lost its entries from `first` on."""
        while self._landmarks and self._landmarks[-1].index >= first:
            self._landmarks.pop()
