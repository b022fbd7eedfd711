"""The base of every record: a frozen struct, encoded as a MessagePack array.

One definition is the value in memory, the bytes in the log and the row in the store. A released
record keeps its fields, their order and their meaning; a new field goes last and has a default, so
that old bytes still decode.
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
