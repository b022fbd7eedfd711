"""A machine for tests."""


class ListMachine:
    """Keeps what it applies."""

    def __init__(self) -> None:
        self.log: list[bytes] = []

    @property
    def applied_index(self) -> int:
        return len(self.log)

    def apply(self, index: int, term: int, entry: bytes) -> None:
        assert index == len(self.log) + 1
        self.log.append(entry)

    def sync(self) -> int:
        return len(self.log)
