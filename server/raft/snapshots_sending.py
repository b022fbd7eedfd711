"""The snapshots that a leader sends to followers whose state the log cannot bring up any more.

A snapshot is offered, the follower says where to begin, and parts go out, a few ahead of its
answers. When the connection breaks, the source stays open for a while, so that the same follower
goes on where it was. Reading and sending take a small share of the leader's time, whoever waits.
"""

import logging
from collections import deque
from collections.abc import Mapping
from math import inf
from typing import Final

from msgspec import Struct, field

from stepraft.server.raft.contract import ReplicatedMachine
from stepraft.server.raft.library import now
from stepraft.server.raft.messages import SnapshotOffer, SnapshotPiece, SnapshotTaken
from stepraft.server.raft.network import Network
from stepraft.storage.snapshot import SnapshotError, SnapshotSource

_log: Final = logging.getLogger(__name__)

_UNANSWERED_MAX: Final = 4
_OFFER_AGAIN_S: Final = 1.0
_KEEP_OPEN_S: Final = 30.0
_TIME_SHARE: Final = 0.1
"""How much of the leader's time goes into snapshots, at most."""


class _Transfer(Struct, kw_only=True):
    """One snapshot on its way; times are seconds of the Raft clock.

    `cursor` is where to read on, None until the follower has answered the offer. `unanswered` holds
    where each part ends that is out. `offer_at`: when to begin by a new offer if nothing is heard.
    """

    source: SnapshotSource
    offer_at: float
    give_up_at: float
    number: int = 0
    cursor: bytes | None = None
    is_all_sent: bool = False
    unanswered: deque[bytes] = field(default_factory=deque)
    sent_bytes: int = 0

    @property
    def has_room(self) -> bool:
        """Whether another part may go out."""
        is_open = self.cursor is not None and not self.is_all_sent
        return is_open and len(self.unanswered) < _UNANSWERED_MAX


class SnapshotSending:
    """One transfer for each follower that needs a snapshot; empty on a node that does not lead."""

    def __init__(self, machine: ReplicatedMachine, network: Network, part_bytes: int) -> None:
        self._machine = machine
        self._network = network
        self._part_bytes = part_bytes
        self._transfers: dict[str, _Transfer] = {}
        self._number = 0
        self._paced_until = -inf

    def tick(self, term: int, wanted: Mapping[str, int], absent: frozenset[str]) -> None:
        """Go on: `wanted` has the connected followers that need a snapshot, each with the lowest
        index that helps it; those in `absent` are not connected, and may come back for theirs.
        """
        at = now()
        self._close_unwanted(at, wanted, absent)
        for node_id, lowest_index in wanted.items():
            transfer = self._transfers.get(node_id) or self._open(node_id, lowest_index, at)
            if transfer is not None and at >= transfer.offer_at:
                self._offer(node_id, transfer, term, at)
        self._send_part(term, wanted)

    def due_at(self, wanted: Mapping[str, int]) -> float:
        """When `tick` has something to do next."""
        transfers = [(n, each) for n, each in self._transfers.items() if n in wanted]
        due = [each.offer_at for _, each in transfers]
        if any(each.has_room for _, each in transfers):
            due.append(self._paced_until)
        return min(due, default=inf)

    def on_taken(self, node_id: str, answer: SnapshotTaken) -> int:
        """A follower's answer; the index of the snapshot that it has installed by it, or 0."""
        transfer = self._transfers.get(node_id)
        if transfer is None or answer.number != transfer.number:
            return 0
        at = now()
        transfer.offer_at = at + _OFFER_AGAIN_S
        transfer.give_up_at = at + _KEEP_OPEN_S
        if answer.is_installed:
            index = transfer.source.head.index
            self._close(node_id)
            return index
        if transfer.cursor is None:
            transfer.cursor = answer.cursor
        while transfer.unanswered and transfer.unanswered.popleft() != answer.cursor:
            pass
        return 0

    def on_connected(self, node_id: str) -> None:
        """What was sent over the old connection may be lost: begin by an offer."""
        transfer = self._transfers.get(node_id)
        if transfer is not None:
            transfer.offer_at = now()

    @property
    def is_busy(self) -> bool:
        """Whether a snapshot is on its way, or waits for a follower to come back."""
        return bool(self._transfers)

    def sent_bytes(self, node_id: str) -> int:
        """How much of a snapshot went out to a follower, 0 when none is on its way."""
        transfer = self._transfers.get(node_id)
        return 0 if transfer is None else transfer.sent_bytes

    def close(self) -> None:
        """The reign is over."""
        for node_id in list(self._transfers):
            self._close(node_id)

    def _open(self, node_id: str, lowest_index: int, at: float) -> _Transfer | None:
        if self._machine.applied_index < lowest_index:
            return None
        source = self._machine.open_snapshot()
        _log.info("sends %s a snapshot of entry %d", node_id, source.head.index)
        transfer = _Transfer(source=source, offer_at=at, give_up_at=at + _KEEP_OPEN_S)
        self._transfers[node_id] = transfer
        return transfer

    def _close(self, node_id: str) -> None:
        self._transfers.pop(node_id).source.close()

    def _close_unwanted(self, at: float, wanted: Mapping[str, int], absent: frozenset[str]) -> None:
        for node_id, transfer in list(self._transfers.items()):
            helps = transfer.source.head.index >= wanted.get(node_id, 0)
            is_needed = (node_id in wanted and helps) or node_id in absent
            if not is_needed or at >= transfer.give_up_at:
                self._close(node_id)

    def _offer(self, node_id: str, transfer: _Transfer, term: int, at: float) -> None:
        self._number += 1
        transfer.number = self._number
        transfer.cursor = None
        transfer.is_all_sent = False
        transfer.unanswered.clear()
        transfer.offer_at = at + _OFFER_AGAIN_S
        self._network.send(node_id, SnapshotOffer(term, transfer.number, transfer.source.head))

    def _send_part(self, term: int, wanted: Mapping[str, int]) -> None:
        """Send one part to the follower that has waited longest, unless it is too early."""
        began_at = now()
        if began_at < self._paced_until:
            return
        ready = (n for n, each in self._transfers.items() if n in wanted and each.has_room)
        node_id = next(ready, None)
        if node_id is None:
            return
        transfer = self._transfers[node_id] = self._transfers.pop(node_id)
        assert transfer.cursor is not None, "a transfer with room has a place to read from"
        try:
            part = transfer.source.read(transfer.cursor, self._part_bytes)
        except SnapshotError as error:
            _log.error("%s asks for what is no place in the snapshot: %s", node_id, error)
            transfer.cursor = None
            return
        self._network.send(node_id, SnapshotPiece(term, transfer.number, part))
        transfer.cursor, transfer.is_all_sent = part.next_cursor, part.is_last
        transfer.unanswered.append(part.next_cursor)
        transfer.sent_bytes += len(part.data)
        ended_at = now()
        self._paced_until = ended_at + (ended_at - began_at) * (1 / _TIME_SHARE - 1)
