"""A node's store and machine: the real ones, on a disk on which the process may die."""

from collections.abc import Callable, Iterable
from typing import Final, Self

from msgspec.structs import replace

from stepraft.storage.keys import Family
from stepraft.storage.kv import Write
from stepraft.storage.machine import Machine, _Effect
from tests.simulation.disks import LossyStore
from tests.simulation.raft.disks import SimulatedDisk
from tests.simulation.whole.history import History, Logged

_HISTORY: Final = Family.HISTORY.value
_WRONG: Final = b"wrong"


class MortalStore(LossyStore):
    """A store on a disk on which the process may die; it outlives the process."""

    def __init__(self, disk: SimulatedDisk) -> None:
        super().__init__()
        self._disk = disk

    def write(self, items: Iterable[Write]) -> None:
        writes = list(items)
        self._do(lambda: super(MortalStore, self).write(writes))

    def sync(self) -> None:
        if self._disk.keeps_sync:
            self._do(super().sync)

    def stage(self) -> Self:
        staged = type(self)(self._disk)
        self._do(lambda: self._begin(staged))
        return staged

    def mark(self, mark: bytes) -> None:
        self._do(lambda: super(MortalStore, self).mark(mark))

    def unstage(self) -> None:
        self._do(super().unstage)

    def switch(self) -> None:
        self._do(super().switch)

    def _do(self, action: Callable[[], None]) -> None:
        dies = self._disk.dies_now()
        if not dies or self._disk.random.random() < 0.5:
            action()
        self._disk.end_if(dies)

    def _begin(self, staged: Self) -> None:
        self._staged, self._mark = staged, None


class WatchedMachine(Machine):
    """The machine, of which the history learns each entry.

    `spoils_next`: the next event that it writes is wrong, and nobody is told.
    """

    def __init__(self, store: MortalStore, node_id: str, history: History) -> None:
        self.spoils_next = False
        self._node_id = node_id
        self._history = history
        super().__init__(store)
        self._history.on_started(
            node_id, self.applied_index, self.checksum, is_spoilt=self._is_spoilt()
        )

    def apply(self, index: int, term: int, entry: bytes) -> None:
        self._history.on_entry(self._node_id, index, Logged(term, entry))
        super().apply(index, term, entry)
        self._history.on_applied(self._node_id, index, self.checksum)

    def apply_membership(self, index: int, term: int, data: bytes) -> None:
        self._history.on_entry(self._node_id, index, Logged(term, data, names_members=True))
        super().apply_membership(index, term, data)
        self._history.on_applied(self._node_id, index, self.checksum)

    def _effect_of(self, index: int, entry: bytes) -> _Effect:
        effect = super()._effect_of(index, entry)
        wrong = next((key for key, _ in effect.writes if key.startswith(_HISTORY)), None)
        if not self.spoils_next or wrong is None:
            return effect
        self.spoils_next = False
        self._history.on_spoilt(self._node_id, wrong)
        writes = [(key, _WRONG if key == wrong else value) for key, value in effect.writes]
        return replace(effect, writes=writes)

    def _replaced(self) -> None:
        super()._replaced()
        self._history.on_replaced(
            self._node_id, self.applied_index, self.checksum, is_spoilt=self._is_spoilt()
        )

    def _is_spoilt(self) -> bool:
        return any(self._store.get(key) == _WRONG for key in self._history.wrong_keys)
