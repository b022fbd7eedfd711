"""What one entry of the Raft log holds: a header of fixed size, then groups.

    Entry  { kind, epoch, number, stamp }  groups[]
    Group  { stamp, cause, follows, events[], sequences[], next[] }

A group is one command with its events. The command itself is not repeated where its events say it
all: `cause` names it and `stamp` is its HLC. What a group leaves to be done stands in `next`, in
full: those commands are pending.
"""

import struct
from enum import IntEnum

import msgspec

from stepraft.interpreter.commands import Command
from stepraft.interpreter.events import Event
from stepraft.interpreter.records import Record
from stepraft.storage.newer import newer, unknown_record

_HEADER = struct.Struct(">BQQQ")
HEADER_BYTES = _HEADER.size


class EntryKind(IntEnum):
    """The first byte of an entry. A released number keeps its meaning; an unknown one stops the
    node.
    """

    LEADER_STARTED = 1
    GROUPS = 2


_KINDS = frozenset(EntryKind)


class Header(Record, frozen=True, kw_only=True):
    """`epoch`: the reign that proposed the entry. `number`: counts that reign's entries from 1.
    `stamp`: the highest HLC in it.
    """

    kind: EntryKind
    epoch: int
    number: int
    stamp: int


class PendingCommand(Record, frozen=True, kw_only=True):
    """A command that no event follows yet; `stamp` is its position among the pending ones."""

    stamp: int
    command: Command


class Group(Record, frozen=True, kw_only=True):
    """One command with its events.

    `stamp`: HLC at which the leader processed it. `cause`: the command's name. `follows`: the stamp
    of the pending command that it answers, or 0. `sequences`: for each event its place in its
    execution's history, 0 for one that is not kept.
    """

    stamp: int
    cause: str
    follows: int = 0
    events: tuple[Event, ...] = ()
    sequences: tuple[int, ...] = ()
    next: tuple[PendingCommand, ...] = ()


class LeaderStarted(Record, frozen=True, kw_only=True):
    """The first entry of an epoch. `nonce` lets the proposer know its own again; the entry's log
    index becomes the epoch.
    """

    node_id: str
    term: int
    nonce: bytes


_ARRAY = struct.Struct(">BI")
_ARRAY_32 = 0xDD
"""MessagePack's marker of an array with a length of 32 bits."""

_encoder = msgspec.msgpack.Encoder()
_groups_decoder = msgspec.msgpack.Decoder(tuple[Group, ...])
_leader_decoder = msgspec.msgpack.Decoder(LeaderStarted)


def encode_group(group: Group) -> bytes:
    """Return a group as it stands in an entry: its size is known before the entry is full."""
    return _encoder.encode(group)


def join_groups(epoch: int, number: int, stamp: int, groups: list[bytes]) -> bytes:
    """Return the entry that holds groups encoded by `encode_group`."""
    header = _HEADER.pack(EntryKind.GROUPS, epoch, number, stamp)
    return b"".join((header, _ARRAY.pack(_ARRAY_32, len(groups)), *groups))


def encode_groups(epoch: int, number: int, stamp: int, groups: list[Group]) -> bytes:
    """Return the entry that holds `groups`."""
    return join_groups(epoch, number, stamp, [encode_group(group) for group in groups])


def encode_leader_started(record: LeaderStarted, stamp: int) -> bytes:
    """Return the entry that begins an epoch."""
    return _HEADER.pack(EntryKind.LEADER_STARTED, 0, 0, stamp) + _encoder.encode(record)


def decode_header(entry: bytes) -> Header:
    """Return the header of an entry.

    Errors: NewerError for an unknown kind, struct.error for a short one.
    """
    kind, epoch, number, stamp = _HEADER.unpack_from(entry)
    if kind not in _KINDS:
        raise newer(f"is of kind {kind}")
    return Header(kind=EntryKind(kind), epoch=epoch, number=number, stamp=stamp)


def decode_groups(entry: bytes) -> tuple[Group, ...]:
    """Return the groups of an entry of kind GROUPS.

    Errors: NewerError for one that holds an unknown event or command.
    """
    groups = memoryview(entry)[HEADER_BYTES:]
    try:
        return _groups_decoder.decode(groups)
    except msgspec.ValidationError as error:
        unknown = unknown_record(groups)
        if unknown is None:
            raise
        raise newer(f"holds {unknown}") from error


def decode_leader_started(entry: bytes) -> LeaderStarted:
    """Return the record of an entry of kind LEADER_STARTED."""
    return _leader_decoder.decode(memoryview(entry)[HEADER_BYTES:])
