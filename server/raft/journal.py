"""The log of one node on its disk: segments of checksummed records, and the vote beside them.

Segments are only ever appended to. An entry at an index that the log already has voids that entry
and all behind it (a follower whose leader contradicts it), so that a cut and what replaces it are
one write. Compaction removes whole segments, oldest first. A log that a snapshot overtook begins
anew in a segment whose head says so; what is older than such a segment counts for nothing. The end
of the log stays in memory; older entries are found by their offsets.

Errors at start: StartError names the file and offset. Later: OSError as it comes; the caller stops.
"""

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from stepraft.server.raft import records, segment
from stepraft.server.raft.contract import DamageError
from stepraft.server.raft.disk import Disk, DiskFile
from stepraft.server.raft.kinds import MEMBERSHIP
from stepraft.server.raft.membership_log import Landmark, MembershipLog
from stepraft.server.raft.segment import HEAD_BYTES, Base
from stepraft.server.raft.vote import Admission, BallotFile, Identity

Entry = tuple[int, bytes]
"""Term and data of one entry."""

_OFFSET_BITS: Final = 32


class TornTail(Struct, frozen=True):
    """The end of the log that a crash left half written: cut at start, nobody was told of it."""

    name: str
    offset: int


class _Segment(Struct):
    """One file; `top_index` is the highest index written to it, voided or not; `size` in bytes."""

    number: int
    file: DiskFile
    top_index: int
    size: int


class Journal:
    """Entries `first_index` to `last_index`; those up to `durable_index` survive a power cut."""

    def __init__(
        self, disk: Disk, identity: Identity, *, segment_bytes: int, tail_bytes: int
    ) -> None:
        """Read the folder back, or begin a new one. Errors: StartError."""
        self._disk = disk
        self._identity = identity
        self._segment_bytes = segment_bytes
        self._tail_bytes_max = tail_bytes
        self._first = 1
        self._placeholder = 0
        self._terms = array("Q")
        self._places = array("Q")
        self._tail: list[Entry] = []
        self._tail_bytes = 0
        self._segments: list[_Segment] = []
        self._end = HEAD_BYTES
        self._durable_end = HEAD_BYTES
        self.durable_index = 0
        self.torn_tail: TornTail | None = None
        self.memberships = MembershipLog()
        """The membership entries that the log holds, and the newest of those that were dropped."""

        self._ballots = BallotFile(disk, identity)
        names = [name for name in disk.names() if segment.is_segment(name)]
        if names and self._ballots.ballot.number == 0:
            raise DamageError(f"{names[0]}: the files with this node's vote are missing beside it")
        if names:
            self._load(names)
        else:
            self._ballots.cast(0, None)
            self._add_segment(1, None)
        self.durable_index = self.last_index

    @property
    def disk(self) -> Disk:
        """Where it is kept."""
        return self._disk

    @property
    def first_index(self) -> int:
        """The oldest entry that is kept."""
        return self._first

    @property
    def first_replayable_index(self) -> int:
        """The oldest entry whose data are kept; what a state lacks before it, no log can give.

        It is the second one in a log that was reset: of the first, only the term is known.
        """
        return self._first + (self._first == self._placeholder)

    @property
    def last_index(self) -> int:
        """The newest entry; `first_index` - 1 when there is none."""
        return self._first + len(self._terms) - 1

    @property
    def last_term(self) -> int:
        """The term of the newest entry, 0 when there is none."""
        return self._terms[-1] if self._terms else 0

    @property
    def term(self) -> int:
        """The highest term that this node has seen."""
        return max(self._ballots.ballot.term, self.last_term)

    @property
    def vote(self) -> str | None:
        """Who got this node's vote in `term`."""
        ballot = self._ballots.ballot
        return ballot.vote if ballot.term == self.term else None

    def save_vote(self, term: int, vote: str | None) -> None:
        """Keep term and vote; durable on return."""
        self._ballots.cast(term, vote)

    @property
    def admission(self) -> Admission:
        """Whether this node may vote."""
        return self._ballots.ballot.admission

    def save_admission(self, admission: Admission) -> None:
        """Keep whether this node may vote; durable on return."""
        self._ballots.admit(admission)

    @property
    def is_fresh(self) -> bool:
        """Whether this folder holds nothing that anybody could have been told of."""
        is_empty = self.term == 0 and self.last_index <= 1
        return is_empty and self.admission is not Admission.ABSTAINING

    def term_at(self, index: int) -> int | None:
        """The term of one entry, None when the journal does not hold it."""
        position = index - self._first
        return self._terms[position] if 0 <= position < len(self._terms) else None

    def first_of_term_at(self, index: int) -> int:
        """The first entry that is kept of the term that the entry at `index` has."""
        return self._first + bisect_left(self._terms, self._terms[index - self._first])

    def entries(self, first: int, count: int, size: int) -> list[Entry]:
        """Entries from `first` on: at most `count`, and until their data reach `size` bytes."""
        stop = min(first + count, self.last_index + 1)
        tail_first = self.last_index + 1 - len(self._tail)
        found: list[Entry] = []
        total = 0
        for index in range(first, stop):
            in_memory = index >= tail_first
            entry = self._tail[index - tail_first] if in_memory else self._read(index)
            found.append(entry)
            total += len(entry[1])
            if total >= size:
                break
        return found

    def append(self, first: int, entries: Sequence[Entry]) -> None:
        """Write entries at `first`, which may void entries that are there; durable after `sync`."""
        assert self._first <= first <= self.last_index + 1, "entries must follow one another"
        active = self._segments[-1]
        data, sizes = records.encode(first, entries, self._durable_end, active.number)
        if self._end + len(data) > self._segment_bytes and self._end > HEAD_BYTES:
            active = self._roll()
            data, sizes = records.encode(first, entries, self._durable_end, active.number)
        active.file.write(self._end, data)
        self._void(first)
        self._remember(first, entries)
        place = active.number << _OFFSET_BITS | self._end
        for size in sizes:
            self._places.append(place)
            place += size
        self._end += len(data)
        active.top_index = max(active.top_index, self.last_index)
        active.size = max(active.size, self._end)

    def sync(self) -> bool:
        """Make all entries durable; whether the device had to be waited for: not if none is new."""
        has_waited = self._durable_end < self._end
        if has_waited:
            self._segments[-1].file.sync()
            self._durable_end = self._end
        self.durable_index = self.last_index
        return has_waited

    def can_drop(self, index: int) -> bool:
        """Whether `drop_to(index)` would free a segment."""
        oldest = self._segments[0]
        # The newest entry stays: its term decides elections.
        return oldest.top_index <= index and self._places[-1] >> _OFFSET_BITS > oldest.number

    def drop_to(self, index: int) -> None:
        """Remove the segments that hold nothing above `index`."""
        while self.can_drop(index):
            oldest = self._segments.pop(0)
            oldest.file.close()
            self._disk.remove(segment.name_of(oldest.number))
        gone = bisect_left(self._places, self._segments[0].number << _OFFSET_BITS)
        del self._terms[:gone]
        del self._places[:gone]
        self._first += gone
        overhang = len(self._tail) - len(self._terms)
        if overhang > 0:
            self._forget(overhang)

    @property
    def size_bytes(self) -> int:
        """What the log takes on the disk."""
        return sum(each.size for each in self._segments)

    def index_above(self, size: int) -> int:
        """Up to which entry to drop for the log to take no more than `size` bytes, 0 for none."""
        index, rest = 0, self.size_bytes
        for each in self._segments[:-1]:
            if rest <= size:
                break
            index, rest = max(index, each.top_index), rest - each.size
        return index

    def reset(self, index: int, term: int, membership: bytes) -> None:
        """Begin anew behind the entry at `index`, which a snapshot holds; durable on return.

        `membership`: the members at that moment, b"" if the log had not said by then.

        A crash leaves the old log or the new one: the new segment is made in one step, and from
        then on the older ones count for nothing. The entry itself is kept without its data, so
        that what follows it can be matched; it is never sent or replayed.
        """
        old, self._segments = self._segments, []
        base = Base(index=index, term=term)
        self.memberships = MembershipLog([Landmark(index, membership)] if membership else [])
        self._add_segment(old[-1].number + 1, base)
        self._begin_anew(base)
        self.durable_index = index
        for each in old:
            each.file.close()
            self._disk.remove(segment.name_of(each.number))

    def close(self) -> None:
        """Close the files, without waiting for the device."""
        for each in self._segments:
            each.file.close()
        self._disk.close()

    # Reading back

    def _load(self, names: list[str]) -> None:
        for name in self._without_overtaken(names):
            content = self._disk.read(name)
            head = segment.check_head(content, name, self._identity)
            number = head.number
            if self._segments and number != self._segments[-1].number + 1:
                raise DamageError(
                    f"{name}: follows segment {self._segments[-1].number}: one is lost"
                )
            found = records.scan(content, HEAD_BYTES, number)
            is_last = name == names[-1]
            if found.bad_offset is not None and not (is_last and found.is_torn):
                raise DamageError(f"{name}: damaged at offset {found.bad_offset}")
            if not self._segments:
                self.memberships = MembershipLog(head.memberships)
                self._first = found.records[0].index if found.records else self._first
            self._segments.append(_Segment(number, self._disk.open(name), 0, len(content)))
            if head.base is not None:
                self._begin_anew(head.base)
            for record in found.records:
                self._replay(record, name)
            self._end = self._durable_end = found.end
            if found.bad_offset is not None:
                self._cut_tail(name, found.bad_offset)
        # What a crash of the process alone left in the page cache is kept, so make it durable.
        self._segments[-1].file.sync()

    def _without_overtaken(self, names: list[str]) -> list[str]:
        """Remove what a crash left of the log before a reset; the rest, in order."""
        for position in range(len(names) - 1, 0, -1):
            if self._head_of(names[position]).base is not None:
                for overtaken in names[:position]:
                    self._disk.remove(overtaken)
                return names[position:]
        return names

    def _head_of(self, name: str) -> segment.Head:
        file = self._disk.open(name)
        try:
            return segment.check_head(file.read(0, HEAD_BYTES), name, self._identity)
        finally:
            file.close()

    def _replay(self, record: records.Record, name: str) -> None:
        if record.index > self.last_index + 1:
            raise DamageError(
                f"{name}: damaged at offset {record.offset}: "
                f"entry {record.index} follows entry {self.last_index}"
            )
        if self.term_at(record.index) == record.term:
            raise DamageError(
                f"{name}: damaged at offset {record.offset}: "
                f"entry {record.index} is there twice in term {record.term}"
            )
        if record.index < self._first:
            # The entries before it were voided and their segments dropped.
            self._first = record.index
            self._void(record.index)
        self._void(record.index)
        self._remember(record.index, [(record.term, record.data)])
        self._places.append(self._segments[-1].number << _OFFSET_BITS | record.offset)
        self._segments[-1].top_index = max(self._segments[-1].top_index, record.index)

    def _cut_tail(self, name: str, offset: int) -> None:
        """Zero what a crash left, or a later, shorter record could end where an old one begins."""
        self.torn_tail = TornTail(name, offset)
        self._segments[-1].file.cut(offset, self._segment_bytes)

    # Segments and memory

    def _roll(self) -> _Segment:
        self.sync()
        return self._add_segment(self._segments[-1].number + 1, None)

    def _add_segment(self, number: int, base: Base | None) -> _Segment:
        name = segment.name_of(number)
        head = segment.encode_head(number, self._identity, base, self.memberships.known)
        self._disk.create(name, head, self._segment_bytes)
        added = _Segment(number, self._disk.open(name), 0, self._segment_bytes)
        self._segments.append(added)
        self._end = self._durable_end = HEAD_BYTES
        return added

    def _begin_anew(self, base: Base) -> None:
        """Hold nothing but the base, in the newest segment."""
        self._first = self._placeholder = base.index
        self._terms = array("Q", [base.term])
        self._places = array("Q", [self._segments[-1].number << _OFFSET_BITS])
        self._tail, self._tail_bytes = [(base.term, b"")], 0
        self._segments[-1].top_index = base.index

    def _void(self, first: int) -> None:
        self.memberships.void(first)
        position = first - self._first
        voided = len(self._terms) - position
        if voided <= 0:
            return
        del self._terms[position:]
        del self._places[position:]
        gone = self._tail[max(0, len(self._tail) - voided) :]
        del self._tail[len(self._tail) - len(gone) :]
        self._tail_bytes -= sum(len(data) for _, data in gone)
        self.durable_index = min(self.durable_index, first - 1)

    def _remember(self, first: int, entries: Sequence[Entry]) -> None:
        for index, (term, data) in enumerate(entries, first):
            self._terms.append(term)
            self._tail_bytes += len(data)
            if data[:1] == MEMBERSHIP:
                self.memberships.note(index, data[1:])
        self._tail.extend(entries)
        # Half at a time, so that the move of what stays costs nothing per entry.
        if self._tail_bytes > self._tail_bytes_max and len(self._tail) > 1:
            self._forget(len(self._tail) // 2)

    def _forget(self, count: int) -> None:
        self._tail_bytes -= sum(len(data) for _, data in self._tail[:count])
        del self._tail[:count]

    def _read(self, index: int) -> Entry:
        place = self._places[index - self._first]
        number, offset = place >> _OFFSET_BITS, place & (1 << _OFFSET_BITS) - 1
        file = self._segments[number - self._segments[0].number].file
        size = records.size_of(file.read(offset, records.HEADER_BYTES))
        record = records.decode(file.read(offset, size), 0, number)
        if record is None or record.index != index:
            raise OSError(f"{segment.name_of(number)}: damaged at offset {offset} while in use")
        return (record.term, record.data)
