"""A leader as corrected: group commit, what counts as replicated, and until when it leads."""

from math import inf
from typing import Any, Final

from stepraft.server.raft.barriers import Barriers
from stepraft.server.raft.exposed import LEADER, REGULAR
from stepraft.server.raft.following import Following
from stepraft.server.raft.library import now
from stepraft.server.raft.messages import Append, Appended, Mismatch, TimeoutNow
from stepraft.server.raft.progress import Progress
from stepraft.server.raft.proposals import Proposals

_BATCH_ENTRIES: Final = 4096


class Leading(Following):
    """Log replication, the sending side; proposals and barriers."""

    def __init__(self, proposals: Proposals, barriers: Barriers, *arguments: Any) -> None:
        self._proposals = proposals
        self._barriers = barriers
        self._progress: dict[str, Progress] = {}
        self._round = 1
        self._first_of_term = 0
        self._is_retiring = False
        self._last_append: tuple[int, bool, Append] | None = None
        super().__init__(*arguments)

    def retire(self) -> None:
        """Take no more proposals, and hand leadership to a follower that has the whole log."""
        self._is_retiring = True
        # The next tick sends a heartbeat, and with it the request.
        self._SyncObj__newAppendEntriesTime = 0.0

    # Beginning and end of a reign

    def _SyncObj__onBecomeLeader(self) -> None:  # noqa: N802
        """The library adds the first entry of the term and sends it; it counts once synced."""
        at = now()
        self._progress = {
            node_id: Progress(
                next_index=self._journal.last_index + 1,
                match_index=self._floor_index,
                answered_at=at,
            )
            for node_id in self._members
        }
        self._round = 1
        self._first_of_term = self._journal.last_index + 1
        self._last_append = None
        super()._SyncObj__onBecomeLeader()
        self._journal.sync()

    def _SyncObj__setState(self, state: int) -> None:  # noqa: N802
        """Finding "some callbacks never fire": a reign that ends answers all who wait."""
        was_leader = self.is_leader
        super()._SyncObj__setState(state)
        if was_leader and state != LEADER:
            self._proposals.abandon()
            self._barriers.abandon()

    def _keep_or_lose_quorum(self, at: float) -> None:
        """Finding "a leader that is cut off believes in itself for 30 s"."""
        oldest = at - self._settings.quorum_timeout_s
        heard = 1 + sum(progress.answered_at > oldest for progress in self._progress.values())
        if heard < self._majority:
            self._follow(None)

    # Intake

    def _append_proposals(self, at: float) -> None:
        """Finding "false acknowledgement of a forwarded command": only a leader takes any.

        One append for all that waited since the last tick.
        """
        taken = self._proposals.take()
        if taken:
            first = self._journal.last_index + 1
            deadline = at + self._settings.proposal_timeout_s
            # First, so that a disk that fails now leaves nobody without an answer.
            self._proposals.wait(first, [done for _, done in taken], deadline)
            self._journal.append(first, [(self.term, REGULAR + entry) for entry, _ in taken])

    def _open_barriers(self) -> None:
        """Finding "stale reads": needs an entry of this term committed, then a round of answers."""
        if self._barriers.has_queued and self.commit_index >= self._first_of_term:
            self._round += 1
            self._barriers.open_round(self._round, self.commit_index)

    def _settle_barriers(self, at: float) -> None:
        rounds = sorted(progress.acknowledged_round for progress in self._progress.values())
        rounds.append(self._round)
        self._barriers.settle(rounds[-self._majority], self.applied_index, at)

    # Sending

    def _SyncObj__sendAppendEntries(self) -> None:  # noqa: N802
        """A heartbeat to all, with the entries that they lack.

        Findings: no copy of the end of the log for each message, no storm of messages while a
        snapshot is missing, no large entries in pickled pieces, a window of unanswered messages.
        """
        self._SyncObj__newAppendEntriesTime = now() + self._settings.heartbeat_s
        self._send_to_all(is_heartbeat=True)

    def _send_to_all(self, *, is_heartbeat: bool) -> None:
        self._last_append = None
        for node_id, progress in self._progress.items():
            self._send_to(node_id, progress, is_heartbeat=is_heartbeat)

    def _send_to(self, node_id: str, progress: Progress, *, is_heartbeat: bool) -> None:
        if not self.is_connected(node_id):
            return
        settings = self._settings
        last_index, has_sent = self._journal.last_index, False
        while progress.next_index <= last_index and progress.may_send(
            settings.in_flight_messages, settings.in_flight_bytes
        ):
            message = self._append_from(progress.next_index, with_entries=True)
            if message is None or not self._network.send(node_id, message):
                return
            size = sum(len(data) for _, data in message.entries)
            progress.on_sent(message.previous_index + len(message.entries), size)
            has_sent = True
        asks = is_heartbeat or progress.sent_round < self._round
        if not has_sent and (asks or progress.sent_commit_index < self.commit_index):
            message = self._append_from(progress.next_index, with_entries=False)
            if message is None:
                return
            # Mere news of a commit need no answer.
            news = message if asks else _unanswered(message)
            if not self._network.send(node_id, news):
                return
        if has_sent or asks:
            progress.sent_round = self._round
        progress.sent_commit_index = self.commit_index

    def _append_from(self, next_index: int, *, with_entries: bool) -> Append | None:
        """The message, the same object for every follower that is as far; None: long compacted."""
        last = self._last_append
        if last is not None and last[0] == next_index and last[1] == with_entries:
            return last[2]
        previous_term = self._journal.term_at(next_index - 1)
        if previous_term is None:
            return None
        entries = self._journal.entries(
            next_index, _BATCH_ENTRIES if with_entries else 0, self._settings.batch_bytes
        )
        message = Append(
            term=self.term,
            previous_index=next_index - 1,
            previous_term=previous_term,
            commit_index=self.commit_index,
            floor_index=self._floor_index,
            round=self._round,
            entries=entries,
        )
        self._last_append = (next_index, with_entries, message)
        return message

    # Counting

    def _advance_commit(self) -> None:
        """Finding "a leader counts itself before its disk": only what is synced counts here.

        Also without the library's walk over every entry; entries of earlier terms are committed by
        the first one of this term only (Raft, figure 8).
        """
        indexes = sorted(progress.match_index for progress in self._progress.values())
        indexes.append(self._journal.durable_index)
        indexes.sort()
        index = indexes[-self._majority]
        if index > self.commit_index and index >= self._first_of_term:
            self.commit_index = index
        self._floor_index = max(self._journal.first_index, indexes[0])

    def _on_appended(self, node_id: str, answer: Appended) -> None:
        """Finding "acknowledgements carry no term": one of another term says nothing here."""
        if self.is_leader and answer.term == self.term:
            progress = self._heard_from(node_id, answer.round)
            progress.on_appended(answer.match_index)

    def _on_mismatch(self, node_id: str, answer: Mismatch) -> None:
        """Finding "conflicts are tracked back one index in each round"."""
        if self.is_leader and answer.term == self.term:
            progress = self._heard_from(node_id, answer.round)
            progress.on_mismatch(answer.rejected_index, answer.hint_index)

    def _heard_from(self, node_id: str, number: int) -> Progress:
        progress = self._progress[node_id]
        progress.answered_at = now()
        progress.acknowledged_round = max(progress.acknowledged_round, number)
        return progress

    def on_connected(self, node_id: str) -> None:
        super().on_connected(node_id)
        if self.is_leader:
            self._progress[node_id].on_link_changed()

    def _hand_over(self) -> None:
        """Ask the follower with the whole log to stand; again until this reign ends."""
        for node_id, progress in self._progress.items():
            if progress.match_index == self._journal.last_index and self.is_connected(node_id):
                self._network.send(node_id, TimeoutNow(self.term))
                return

    def _leader_deadline(self) -> float:
        return float(self._SyncObj__newAppendEntriesTime) if self.is_leader else inf


def _unanswered(message: Append) -> Append:
    return Append(
        term=message.term,
        previous_index=message.previous_index,
        previous_term=message.previous_term,
        commit_index=message.commit_index,
        floor_index=message.floor_index,
        round=0,
        entries=[],
    )
