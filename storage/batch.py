"""What appliers write to, and what the leader's working state reads back: one entry's writes, in
order.
"""

import msgspec

from stepraft.interpreter.records import Record
from stepraft.storage.kv import Write

Value = Record | bytes | None
"""What a row will hold: a record, raw bytes, or, as None, nothing: the row is deleted."""

_encode = msgspec.msgpack.Encoder().encode


class Batch:
    """The writes of one entry. The same operations in the same order give the same bytes in the
    same order.

    `values`: the last value of each key, in the order in which the keys were first written.
    """

    __slots__ = ("_is_new", "values")

    def __init__(self) -> None:
        self.values: dict[bytes, Value] = {}
        self._is_new: set[bytes] = set()

    def put(self, key: bytes, value: Record | bytes) -> None:
        """Set a row, whether it is there or not."""
        self.values[key] = value

    def insert(self, key: bytes, value: Record | bytes) -> None:
        """Set a row that is not there: a delete later in the same batch takes both back, and
        nothing is written.

        A row that this batch itself has deleted may be in the store: it is set as by `put`.
        """
        if key not in self.values:
            self._is_new.add(key)
        self.values[key] = value

    def delete(self, key: bytes) -> None:
        """Drop a row, whether it is there or not."""
        if key in self._is_new:
            self._is_new.discard(key)
            del self.values[key]
        else:
            self.values[key] = None

    def encoded(self) -> list[Write]:
        """Return the writes as bytes."""
        return [
            (key, value if value is None or type(value) is bytes else _encode(value))
            for key, value in self.values.items()
        ]
