"""What members say to one another: a fixed schema in MessagePack, nothing that could run code.

Every message carries its sender's term, so that an answer of another term counts for nothing.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from stepraft.server.raft.membership import Member
from stepraft.storage.snapshot import SnapshotHead, SnapshotPart

PROTOCOL_OLDEST: Final = 1
PROTOCOL_NEWEST: Final = 1
"""The protocol versions that this program speaks; two members need one in common.

A message may grow at its end, by fields with defaults: an older program ignores them. Anything else
that is new, a message or a meaning, takes another version, and is sent to members that speak it.
"""

MESSAGE_BYTES_MAX: Final = 64 << 20

_Index = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]


class Hello(Struct, frozen=True, array_like=True, tag=0):
    """The first message on a connection, from both ends.

    The sender speaks the protocol versions `oldest` to `newest`. `supported_level`: the highest
    feature level that its program supports. `is_fresh`: this folder has never voted, stood for
    election or taken an entry (see formation.py).
    """

    newest: int
    cluster_id: str
    node_id: str
    oldest: int = 1
    supported_level: _Index = 0
    is_fresh: bool = False


class Ping(Struct, frozen=True, array_like=True, tag=1):
    """Nothing to say, but still there."""


class RequestVote(Struct, frozen=True, array_like=True, tag=2):
    """A candidate asks for a vote; the last entry's index and term say how much it has.

    `is_called`: its leader wants it to stand, so those who hear that leader may vote, too.
    """

    term: _Index
    last_index: _Index
    last_term: _Index
    is_called: bool = False


class Vote(Struct, frozen=True, array_like=True, tag=3):
    """The vote of the sender in `term`."""

    term: _Index


class Append(Struct, frozen=True, array_like=True, tag=4):
    """A leader's heartbeat and its entries (term, data), which follow the previous one.

    `commit_index` is the leader's; `floor_index` is what every member holds durably. `round` above
    0 asks for an answer, which repeats it; 0 is only news of a commit.
    """

    term: _Index
    previous_index: _Index
    previous_term: _Index
    commit_index: _Index
    floor_index: _Index
    round: _Index
    entries: list[tuple[_Index, bytes]]


class Appended(Struct, frozen=True, array_like=True, tag=5):
    """The sender's log is durable, and the leader's, up to `match_index`.

    How its disk stands: `room` as in disk_space.py, with `free_bytes` where there is not enough;
    `sync_us`: how long a sync takes, 0 where it has synced too little to tell. `abstaining`: 0, or
    the number of this life of a sender that may have forgotten what it promised: its answer counts
    for nothing (see formation.py).

    How its state stands: `checksum` is that of its machine at `applied_index`. `snapshot_from`: 0,
    or the sender has no state and needs a snapshot of that index or a later one.
    """

    term: _Index
    round: _Index
    match_index: _Index
    room: Annotated[int, Meta(ge=0, le=2)] = 0
    free_bytes: _Index = 0
    sync_us: _Index = 0
    applied_index: _Index = 0
    checksum: _Index = 0
    snapshot_from: _Index = 0
    abstaining: _Index = 0


class Mismatch(Struct, frozen=True, array_like=True, tag=6):
    """The sender's log does not have the leader's entry at `rejected_index`.

    The leader should try from `hint_index` on: there begins the term that is in the way, or ends
    the log. `abstaining` as in `Appended`.
    """

    term: _Index
    round: _Index
    rejected_index: _Index
    hint_index: _Index
    abstaining: _Index = 0


class PreVote(Struct, frozen=True, array_like=True, tag=7):
    """Would the receiver vote for the sender, if it stood in the term after `term`?"""

    term: _Index
    last_index: _Index
    last_term: _Index


class PreVoteAnswer(Struct, frozen=True, array_like=True, tag=8):
    """The answer to a PreVote of `asked_term`; `term` is the sender's own.

    `members`: from a sender that hears a leader, all that it knows, so that one who was away while
    they changed learns where to find that leader.
    """

    asked_term: _Index
    term: _Index
    is_granted: bool
    members: dict[str, Member] = {}


class StaleTerm(Struct, frozen=True, array_like=True, tag=9):
    """The answer to a leader of an older term: the sender is in `term`."""

    term: _Index


class TimeoutNow(Struct, frozen=True, array_like=True, tag=10):
    """A leader that retires asks the receiver to stand for election at once."""

    term: _Index


class Readmitted(Struct, frozen=True, array_like=True, tag=11):
    """A leader to a member in its life `abstaining`: it holds all that it can ever have promised,
    and counts again.
    """

    term: _Index
    abstaining: _Index


class SnapshotOffer(Struct, frozen=True, array_like=True, tag=20):
    """A leader has a snapshot for the receiver, who says by SnapshotTaken where to begin.

    `number` is that of the offer, in all messages that follow from it: what belongs to an earlier
    one says nothing.
    """

    term: _Index
    number: _Index
    head: SnapshotHead


class SnapshotPiece(Struct, frozen=True, array_like=True, tag=21):
    """The next part of the snapshot that was offered; a few go out ahead of the answers."""

    term: _Index
    number: _Index
    part: SnapshotPart


class SnapshotTaken(Struct, frozen=True, array_like=True, tag=22):
    """The sender has the snapshot up to `cursor`; `is_installed`: it is its state now."""

    term: _Index
    number: _Index
    cursor: bytes
    is_installed: bool = False


class Diverged(Struct, frozen=True, array_like=True, tag=23):
    """The receiver said that its machine has `checksum` at `index`; a majority has another."""

    term: _Index
    index: _Index
    checksum: _Index


RaftMessage = (
    RequestVote
    | Vote
    | Append
    | Appended
    | Mismatch
    | PreVote
    | PreVoteAnswer
    | StaleTerm
    | TimeoutNow
    | Readmitted
    | SnapshotOffer
    | SnapshotPiece
    | SnapshotTaken
    | Diverged
)
Message = Hello | Ping | RaftMessage

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Message)


def protocol_fault(
    hello: Hello, oldest: int = PROTOCOL_OLDEST, newest: int = PROTOCOL_NEWEST
) -> str | None:
    """Return why a program of these protocol versions cannot talk to the sender of `hello`, or
    None.
    """
    if hello.oldest <= newest and oldest <= hello.newest:
        return None
    return (
        f"speaks protocol versions {hello.oldest} to {hello.newest}, this node {oldest} to {newest}"
    )


class BadMessage(Exception):
    """What came is no message; its sender cannot be a member."""


def encode(message: Message) -> bytes:
    """The message without its frame."""
    return _encoder.encode(message)


def decode(data: bytes | memoryview) -> Message:
    """Read a message. Errors: BadMessage."""
    try:
        message: Message = _decoder.decode(data)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise BadMessage(str(error)) from error
    return message
