"""The base of every record: a frozen struct, encoded as a MessagePack array.

One definition is the value in memory, the bytes in the log and the row in the store.

A released record never changes its fields, and an enum that records hold never loses a member.
Decoding would bear a new field with a default, replicas would not: a follower decodes an event and
encodes its rows by the definitions of its own program, so an older one drops the field that it does
not know, a newer one writes a default that the older one leaves out, and the bytes of the two
differ. What is new is therefore a new record, event, command or key; it belongs to a feature level
(`features.py`) and is written once the cluster has that level. docs/upgrades.md has the steps, and
`tests/upgrade` keeps the shapes of all records of each level.
"""

from msgspec import Struct

JsonText = bytes
"""A document as compact JSON, UTF-8: what records hold, so that it is encoded once and measured by
its length.
"""


class Record(Struct, frozen=True, array_like=True, gc=False):
    """A record of one type, known by where it stands."""


class TaggedRecord(Struct, frozen=True, array_like=True, tag=True, gc=False):
    """A record of a union: its first element is its type's name."""
