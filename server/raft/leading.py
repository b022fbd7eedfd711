"""A leader as corrected: group commit, what counts as replicated, and until when it leads."""

from collections.abc import Iterable
from math import inf
from typing import Any, Final

from stepraft.server.raft.barriers import Barriers
from stepraft.server.raft.contract import Room
from stepraft.server.raft.exposed import LEADER
from stepraft.server.raft.fitness import Fitness
from stepraft.server.raft.following import Following
from stepraft.server.raft.kinds import MEMBERSHIP, REGULAR
from stepraft.server.raft.library import now
from stepraft.server.raft.membership import Membership
from stepraft.server.raft.messages import Append, Appended, Hello, Mismatch
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
        self._last_append: tuple[tuple[int, int], Append] | None = None
        super().__init__(*arguments)

    # Beginning and end of a reign

    def _SyncObj__onBecomeLeader(self) -> None:  # noqa: N802
        """The library adds the first entry of the term and sends it; it counts once synced."""
        self._progress = {}
        self._track_members()
        self._round = 1
        self._first_of_term = self._journal.last_index + 1
        self._last_append = None
        super()._SyncObj__onBecomeLeader()
        if not self._is_membership_known():
            self._append_membership(self._genesis)
        self._journal.sync()

    def _SyncObj__setState(self, state: int) -> None:  # noqa: N802
        """Finding "some callbacks never fire": a reign that ends answers all who wait."""
        was_leader = self.is_leader
        super()._SyncObj__setState(state)
        if was_leader and state != LEADER:
            self._proposals.abandon()
            self._barriers.abandon()
            self._leaving.clear()
            self._keep_in_touch()

    def _keep_or_lose_quorum(self, at: float) -> None:
        """Finding "a leader that is cut off believes in itself for 30 s"."""
        oldest = at - self._settings.quorum_timeout_s
        heard = 1 + sum(progress.answered_at > oldest for progress in self._counted())
        if heard < self._majority:
            self._follow(None)

    # The members

    def _adopt(self, membership: Membership) -> None:
        """Who leaves gets entries until its removal is committed and it knows."""
        if self.is_leader:
            gone = self.membership.members.keys() - membership.members.keys()
            self._leaving |= dict.fromkeys(sorted(gone), inf)
        for node_id in membership.members:
            self._leaving.pop(node_id, None)
        super()._adopt(membership)
        if self.is_leader:
            self._track_members()

    def _track_members(self) -> None:
        tracked = {*self._peer_members(), *self._leaving}
        for node_id in sorted(tracked - self._progress.keys()):
            self._progress[node_id] = Progress(
                next_index=self._journal.last_index + 1, match_index=0, answered_at=now()
            )
        for node_id in self._progress.keys() - tracked:
            del self._progress[node_id]

    def _append_membership(self, membership: Membership) -> int:
        """Put a membership into the log, where it counts at once; returns its index."""
        index = self._journal.last_index + 1
        self._journal.append(index, [(self.term, MEMBERSHIP + membership.encode())])
        self._refresh_membership()
        return index

    def _counted(self) -> list[Progress]:
        """Of the voters beside this node, those whose answers count."""
        voters = (self._progress[node_id] for node_id in self._peer_voters())
        return [progress for progress in voters if not progress.abstaining]

    def _reached_by_majority(self, own: int, others: Iterable[int]) -> int:
        """The highest number that a majority of the voters has reached, 0 when too few count."""
        ranked = sorted([own, *others], reverse=True)
        return ranked[self._majority - 1] if len(ranked) >= self._majority else 0

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
        rounds = (progress.acknowledged_round for progress in self._counted())
        confirmed = self._reached_by_majority(self._round, rounds)
        self._barriers.settle(confirmed, self.applied_index, at)

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
        if progress.next_index <= self._journal.first_index:
            self._ask_behind_log(node_id, progress, is_heartbeat=is_heartbeat)
            return
        settings = self._settings
        last_index, has_sent = self._last_index_for(node_id), False
        while progress.next_index <= last_index and progress.may_send(
            settings.in_flight_messages, settings.in_flight_bytes
        ):
            message = self._append_from(progress.next_index, last_index)
            if message is None or not self._network.send(node_id, message):
                return
            size = sum(len(data) for _, data in message.entries)
            progress.on_sent(message.previous_index + len(message.entries), size)
            has_sent = True
        asks = is_heartbeat or progress.sent_round < self._round
        if not has_sent and (asks or progress.sent_commit_index < self.commit_index):
            message = self._append_from(progress.next_index, 0)
            if message is None:
                return
            # Mere news of a commit need no answer.
            news = message if asks else _unanswered(message)
            if not self._network.send(node_id, news):
                return
        if has_sent or asks:
            progress.sent_round = self._round
        progress.sent_commit_index = self.commit_index

    def _ask_behind_log(self, node_id: str, progress: Progress, *, is_heartbeat: bool) -> None:
        """To a follower whose next entry is gone: whether it has the oldest one that is kept.

        It is a heartbeat, too; if the answer is no, the follower needs a snapshot.
        """
        if is_heartbeat or progress.sent_round < self._round:
            message = self._append_from(self._journal.first_index + 1, 0)
            if message is not None and self._network.send(node_id, message):
                progress.sent_round = self._round

    def _last_index_for(self, node_id: str) -> int:
        """Up to where a follower gets entries.

        Who leaves learns of that once it is decided: it may have to vote until then, and an entry
        that only it has would stand against the votes of the others.
        """
        return self.commit_index if node_id in self._leaving else self._journal.last_index

    def _append_from(self, next_index: int, last_index: int) -> Append | None:
        """The message with entries up to `last_index`, the same object for every follower that is
        as far; None: long compacted.
        """
        wanted = (next_index, last_index)
        if self._last_append is not None and self._last_append[0] == wanted:
            return self._last_append[1]
        previous_term = self._journal.term_at(next_index - 1)
        if previous_term is None:
            return None
        count = max(0, min(_BATCH_ENTRIES, last_index + 1 - next_index))
        entries = self._journal.entries(next_index, count, self._settings.batch_bytes)
        message = Append(
            term=self.term,
            previous_index=next_index - 1,
            previous_term=previous_term,
            commit_index=self.commit_index,
            floor_index=self._floor_index,
            round=self._round,
            entries=entries,
        )
        self._last_append = (wanted, message)
        return message

    # Counting

    def _advance_commit(self) -> None:
        """Finding "a leader counts itself before its disk": only what is synced counts here.

        Also without the library's walk over every entry; entries of earlier terms are committed by
        the first one of this term only (Raft, figure 8).
        """
        durable_index = self._journal.durable_index
        matches = (progress.match_index for progress in self._counted())
        index = self._reached_by_majority(durable_index, matches)
        if index > self.commit_index and index >= self._first_of_term:
            self.commit_index = index
        matches = (self._progress[node_id].match_index for node_id in self._peer_members())
        self._floor_index = min([durable_index, *matches])

    def _on_appended(self, node_id: str, answer: Appended) -> None:
        """Finding "acknowledgements carry no term": one of another term says nothing here."""
        if self.is_leader and answer.term == self.term:
            progress = self._heard_from(node_id, answer.round, answer.abstaining)
            progress.on_appended(answer.match_index)
            progress.on_fitness(_fitness_in(answer))

    def _on_mismatch(self, node_id: str, answer: Mismatch) -> None:
        """Finding "conflicts are tracked back one index in each round"."""
        if self.is_leader and answer.term == self.term:
            progress = self._heard_from(node_id, answer.round, answer.abstaining)
            progress.on_mismatch(answer.rejected_index, answer.hint_index)

    def _heard_from(self, node_id: str, number: int, abstaining: int) -> Progress:
        progress = self._progress[node_id]
        progress.on_life(abstaining)
        progress.answered_at = now()
        progress.acknowledged_round = max(progress.acknowledged_round, number)
        return progress

    def on_connected(self, node_id: str, hello: Hello) -> None:
        super().on_connected(node_id, hello)
        if self.is_leader and node_id in self._progress:
            self._progress[node_id].on_link_changed()

    def _leader_deadline(self) -> float:
        return float(self._SyncObj__newAppendEntriesTime) if self.is_leader else inf


def _fitness_in(answer: Appended) -> Fitness:
    sync_s = answer.sync_us / 1e6 if answer.sync_us else None
    return Fitness(Room(answer.room), answer.free_bytes, sync_s)


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
