"""The replicated machine with its fault points, for a node that has some armed."""

from stepraft.server.faults import Faults
from stepraft.server.raft.contract import ReplicatedMachine


class FaultyMachine:
    """A `ReplicatedMachine` that may end the process before or after it applies an entry."""

    def __init__(self, machine: ReplicatedMachine, faults: Faults) -> None:
        self._machine = machine
        self._faults = faults

    @property
    def applied_index(self) -> int:
        """The index of the last applied entry."""
        return self._machine.applied_index

    def apply(self, index: int, term: int, entry: bytes) -> None:
        """Apply one entry, unless the process dies here."""
        self._faults.reach("machine.before_apply")
        self._machine.apply(index, term, entry)
        self._faults.reach("machine.after_apply")

    def sync(self) -> int:
        """Make all that is applied durable; return its index."""
        return self._machine.sync()
