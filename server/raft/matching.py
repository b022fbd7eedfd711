"""A follower's half of log replication: put a leader's entries where they belong.

Only a real contradiction voids entries that are there. What a late or repeated message leaves out
stays: the follower may have acknowledged it, and a leader may have counted that.

Source: D. Ongaro, J. Ousterhout, "In Search of an Understandable Consensus Algorithm", figure 2,
AppendEntries RPC, receiver implementation 2 to 4.
"""

from msgspec import Struct

from stepraft.server.raft.journal import Journal
from stepraft.server.raft.messages import Append


class Matched(Struct, frozen=True):
    """The log equals the leader's up to `index`; not durable before `journal.sync`."""

    index: int


class Missing(Struct, frozen=True):
    """The entry before the leader's entries is another one, or none; try from `hint_index` on."""

    hint_index: int


def take(journal: Journal, commit_index: int, message: Append) -> Matched | Missing:
    """Append what is new in `message`, voiding what contradicts it."""
    previous, entries = message.previous_index, message.entries
    matched = Matched(previous + len(entries))
    first = journal.first_index
    if previous < first:
        # All up to `first` is committed, hence equal: compaction takes nothing else.
        if matched.index <= first:
            return matched
        entries = entries[first - previous :]
        previous = first
    elif previous > journal.last_index:
        return Missing(journal.last_index + 1)
    elif journal.term_at(previous) != message.previous_term:
        assert previous > commit_index, "the leader contradicts a committed entry"
        return Missing(max(journal.first_of_term_at(previous), commit_index + 1))
    known = _count_known(journal, previous + 1, entries)
    if known < len(entries):
        start = previous + 1 + known
        assert start > commit_index, "the leader overwrites a committed entry"
        journal.append(start, entries[known:])
    return matched


def _count_known(journal: Journal, first: int, entries: list[tuple[int, bytes]]) -> int:
    if first > journal.last_index:
        return 0
    for count, (term, _) in enumerate(entries):
        if journal.term_at(first + count) != term:
            return count
    return len(entries)
