"""The snapshot that a follower takes in from its leader, part by part, and installs when whole."""

import logging
from typing import Final

from stepraft.server.raft.contract import ReplicatedMachine
from stepraft.server.raft.messages import SnapshotOffer, SnapshotPiece, SnapshotTaken
from stepraft.storage.snapshot import SnapshotError, SnapshotTarget

_log: Final = logging.getLogger(__name__)


class SnapshotReceiving:
    """At most one snapshot on its way in; it outlives leaders, connections and restarts as long as
    the same one is offered again.

    What does not fit (a part of another offer, or behind a gap) is not answered: the leader begins
    again by an offer.
    """

    def __init__(self, machine: ReplicatedMachine) -> None:
        self._machine = machine
        self._target: SnapshotTarget | None = None
        self._number = 0

    def on_offer(self, offer: SnapshotOffer, lowest_index: int) -> SnapshotTaken | None:
        """Begin, or go on; the answer says where. One below `lowest_index` would not help."""
        head = offer.head
        if head.index < max(lowest_index, self._machine.applied_index + 1):
            return None
        if self._target is None or self._target.head != head:
            try:
                self._target = self._machine.begin_install(head)
            except SnapshotError as error:
                _log.error("the snapshot of entry %d cannot be taken: %s", head.index, error)
                return None
            _log.info("takes a snapshot of entry %d", head.index)
        self._number = offer.number
        return SnapshotTaken(offer.term, offer.number, self._target.cursor)

    def on_piece(self, piece: SnapshotPiece) -> SnapshotTaken | None:
        """Take a part; after the last one the snapshot is the machine's state, durably."""
        target = self._target
        is_next = piece.number == self._number
        if target is None or not is_next or piece.part.cursor != target.cursor:
            return None
        try:
            target.write(piece.part)
            if piece.part.is_last:
                self._install(target)
        except SnapshotError as error:
            _log.error("the snapshot of entry %d begins again: %s", target.head.index, error)
            self._discard()
            return None
        return SnapshotTaken(piece.term, piece.number, piece.part.next_cursor, piece.part.is_last)

    def tidy(self) -> None:
        """Drop a snapshot that the log has overtaken."""
        target = self._target
        if target is not None and target.head.index <= self._machine.applied_index:
            self._discard()

    def _install(self, target: SnapshotTarget) -> None:
        target.install()
        self._target = None
        _log.info("the state is now the snapshot of entry %d", target.head.index)

    def _discard(self) -> None:
        assert self._target is not None
        self._target.discard()
        self._target = None
