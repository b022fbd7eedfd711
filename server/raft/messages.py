"""What members say to one another: a fixed schema in MessagePack, nothing that could run code.

Every message carries its sender's term, so that an answer of another term counts for nothing.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

PROTOCOL_VERSION: Final = 1
MESSAGE_BYTES_MAX: Final = 64 << 20

_Index = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]


class Hello(Struct, frozen=True, array_like=True, tag=0):
    """The first message on a connection, from both ends."""

    version: int
    cluster_id: str
    node_id: str


class Ping(Struct, frozen=True, array_like=True, tag=1):
    """Nothing to say, but still there."""


class RequestVote(Struct, frozen=True, array_like=True, tag=2):
    """A candidate asks for a vote; the last entry's index and term say how much it has."""

    term: _Index
    last_index: _Index
    last_term: _Index


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
    """The sender's log is durable, and the leader's, up to `match_index`."""

    term: _Index
    round: _Index
    match_index: _Index


class Mismatch(Struct, frozen=True, array_like=True, tag=6):
    """The sender's log does not have the leader's entry at `rejected_index`.

    The leader should try from `hint_index` on: there begins the term that is in the way, or ends
    the log.
    """

    term: _Index
    round: _Index
    rejected_index: _Index
    hint_index: _Index


class PreVote(Struct, frozen=True, array_like=True, tag=7):
    """Would the receiver vote for the sender, if it stood in the term after `term`?"""

    term: _Index
    last_index: _Index
    last_term: _Index


class PreVoteAnswer(Struct, frozen=True, array_like=True, tag=8):
    """The answer to a PreVote of `asked_term`; `term` is the sender's own."""

    asked_term: _Index
    term: _Index
    is_granted: bool


class StaleTerm(Struct, frozen=True, array_like=True, tag=9):
    """The answer to a leader of an older term: the sender is in `term`."""

    term: _Index


class TimeoutNow(Struct, frozen=True, array_like=True, tag=10):
    """A leader that retires asks the receiver to stand for election at once."""

    term: _Index


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
)
Message = Hello | Ping | RaftMessage

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Message)


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
