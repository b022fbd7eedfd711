"""A store in memory: for tests, and for the engine that runs inside a test."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from threading import Lock
from types import TracebackType
from typing import Self

from stepraft.storage.kv import ReadView, Row, Write, key_range


class _Rows:
    """Rows by key, and their keys in order."""

    __slots__ = ("keys", "values")

    def __init__(self, values: dict[bytes, bytes], keys: list[bytes]) -> None:
        self.values = values
        self.keys = keys

    def copy(self) -> "_Rows":
        """Return rows that change no more when these do."""
        return _Rows(self.values.copy(), self.keys.copy())

    def put(self, key: bytes, value: bytes) -> None:
        """Set a row."""
        if key not in self.values:
            insort(self.keys, key)
        self.values[key] = value

    def delete(self, key: bytes) -> None:
        """Drop a row, if it is there."""
        if self.values.pop(key, None) is not None:
            del self.keys[bisect_left(self.keys, key)]

    def scan(self, prefix: bytes, start: bytes | None, *, reverse: bool) -> list[Row]:
        """Return the rows of a scan."""
        low, high = key_range(prefix, start, reverse=reverse)
        first = bisect_left(self.keys, low)
        last = len(self.keys) if high is None else bisect_left(self.keys, high)
        found = [(key, self.values[key]) for key in self.keys[first:last]]
        return found[::-1] if reverse else found

    def sweep(self, low: bytes, high: bytes | None) -> Iterator[Row]:
        """Give the rows from `low` on, below `high`; they must not change meanwhile."""
        for place in range(bisect_left(self.keys, low), len(self.keys)):
            key = self.keys[place]
            if high is not None and key >= high:
                return
            yield key, self.values[key]


class _Snapshot:
    """The rows of one moment."""

    def __init__(self, rows: _Rows) -> None:
        self._rows = rows

    def get(self, key: bytes) -> bytes | None:
        return self._rows.values.get(key)

    def scan(
        self, prefix: bytes, *, start: bytes | None = None, reverse: bool = False
    ) -> Iterator[Row]:
        return iter(self._rows.scan(prefix, start, reverse=reverse))

    def sweep(self, low: bytes, high: bytes | None) -> Iterator[Row]:
        return self._rows.sweep(low, high)

    def close(self) -> None:
        self._rows = _Rows({}, [])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class MemoryStore:
    """A `ReplaceableStore` that is gone with its process. A snapshot costs nothing until the next
    write, which copies the rows.
    """

    def __init__(self) -> None:
        self._rows = _Rows({}, [])
        self._is_shared = False
        self._lock = Lock()
        self._staged: Self | None = None
        self._mark: bytes | None = None

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a row, or None when there is none."""
        with self._lock:
            return self._rows.values.get(key)

    def scan(
        self, prefix: bytes, *, start: bytes | None = None, reverse: bool = False
    ) -> Iterator[Row]:
        """Return the rows whose keys have `prefix`, as they are now."""
        with self._lock:
            return iter(self._rows.scan(prefix, start, reverse=reverse))

    def write(self, items: Iterable[Write]) -> None:
        """Write all items or none."""
        writes = list(items)
        with self._lock:
            if self._is_shared:
                self._rows, self._is_shared = self._rows.copy(), False
            for key, value in writes:
                if value is None:
                    self._rows.delete(key)
                else:
                    self._rows.put(key, value)

    def sync(self) -> None:
        """Return at once: memory is as durable as it gets."""

    def snapshot(self) -> ReadView:
        """Return the rows as they are now."""
        with self._lock:
            self._is_shared = True
            return _Snapshot(self._rows)

    def stage(self) -> Self:
        """Return a new, empty store of the same kind to fill."""
        self._staged, self._mark = type(self)(), None
        return self._staged

    def staged(self) -> tuple[Self, bytes] | None:
        """Return the store that is being filled, if it has a mark."""
        if self._staged is None or self._mark is None:
            return None
        return self._staged, self._mark

    def mark(self, mark: bytes) -> None:
        """Note that the staged store has come this far."""
        assert self._staged is not None, "nothing is staged"
        self._staged.sync()
        self._mark = mark

    def unstage(self) -> None:
        """Drop the store that is being filled."""
        self._staged, self._mark = None, None

    def switch(self) -> None:
        """Put the staged store in this one's place."""
        staged = self._staged
        assert staged is not None, "nothing is staged"
        self.unstage()
        with self._lock:
            self._rows, self._is_shared = staged._rows, staged._is_shared

    def bytes_on_disk(self) -> int:
        """Return 0."""
        return 0

    def close(self) -> None:
        """Keep the rows: a store in memory can be used again, as a folder can be opened again."""
