"""What a leader knows of one follower's log, and how far it runs ahead of what it knows.

A follower is *probed*, one message at a time, until the place is found where the two logs meet;
then it is sent entries without waiting, as far as a window of unanswered ones goes.
"""

from collections import deque

from msgspec import Struct, field

from stepraft.server.raft.contract import Room
from stepraft.server.raft.fitness import Fitness


class Progress(Struct, kw_only=True):
    """`match_index` is durable there and equal to ours; entries go out from `next_index` on.

    A new leader begins with what every member is known to have, and looks for the rest.
    """

    next_index: int
    match_index: int
    is_probing: bool = True
    has_probe_out: bool = False
    in_flight: deque[tuple[int, int]] = field(default_factory=deque)
    """Last index and bytes of each unanswered message."""

    in_flight_bytes: int = 0
    acknowledged_round: int = 0
    sent_commit_index: int = 0
    sent_round: int = 0
    answered_at: float = 0.0
    snapshot_from: int = 0
    """It needs a snapshot of this index or a later one; 0: it needs none."""

    abstaining: int = 0
    """0, or the number of its life: its answers count for nothing until it is readmitted."""

    readmit_index: int = 0
    """Who holds the entry there, which the others decided without it, can be readmitted; 0: none
    was appended for that yet.
    """

    fitness: Fitness = Fitness()
    """How its disk stands, by its last word."""

    def may_send(self, messages_max: int, bytes_max: int) -> bool:
        """Whether entries may go out before an answer comes."""
        if self.fitness.room is Room.CRITICAL:
            return False
        if self.is_probing:
            return not self.has_probe_out
        return len(self.in_flight) < messages_max and self.in_flight_bytes < bytes_max

    def on_sent(self, last_index: int, size: int) -> None:
        """Entries up to `last_index` went out."""
        if self.is_probing:
            self.has_probe_out = True
            return
        self.next_index = last_index + 1
        self.in_flight.append((last_index, size))
        self.in_flight_bytes += size

    def on_appended(self, match_index: int) -> None:
        """The follower holds the log up to `match_index`."""
        self.match_index = max(self.match_index, match_index)
        while self.in_flight and self.in_flight[0][0] <= match_index:
            self.in_flight_bytes -= self.in_flight.popleft()[1]
        if self.is_probing and match_index + 1 >= self.next_index:
            self.is_probing = False
        self.next_index = max(self.next_index, match_index + 1)

    def on_mismatch(self, rejected_index: int, hint_index: int) -> None:
        """The follower lacks our entry at `rejected_index`: go back to where it says.

        Answers to what was sent before the last step back say nothing new and are ignored: else
        each of a row of rejections would send everything again.
        """
        if self.is_probing:
            is_stale = rejected_index != self.next_index - 1
        else:
            is_stale = rejected_index <= self.match_index
        if is_stale:
            return
        if rejected_index <= self.match_index:
            # It had this entry: its folder was lost. Begin where it ends, and count no more.
            self.match_index = hint_index - 1
        self.next_index = max(min(rejected_index, hint_index), self.match_index + 1)
        self._probe()

    def on_life(self, abstaining: int) -> None:
        """The follower says whether it counts; one that lost its folder lost what it had."""
        if abstaining != self.abstaining:
            self.abstaining = abstaining
            self.readmit_index = 0
            if abstaining:
                self.match_index = 0

    def on_fitness(self, fitness: Fitness) -> None:
        """The follower says how its disk stands; one without room has dropped what was sent."""
        if fitness.room is Room.CRITICAL and self.fitness.room is not Room.CRITICAL:
            self.on_link_changed()
        self.fitness = fitness

    def on_link_changed(self) -> None:
        """What was sent over the old connection may be lost."""
        if not self.is_probing:
            self.next_index = self.match_index + 1
        self._probe()

    def _probe(self) -> None:
        self.is_probing = True
        self.has_probe_out = False
        self.in_flight.clear()
        self.in_flight_bytes = 0
