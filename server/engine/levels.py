"""Raises the cluster's feature level, once every member supports a higher one.

Nothing is looked at while the cluster has the level of this program, which is nearly always.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from stepraft.interpreter.commands import RaiseFeatureLevel
from stepraft.server.raft.contract import RaftStatus
from stepraft.storage.machine import Machine

_log = logging.getLogger(__name__)

_LOOK_AGAIN_S: Final = 0.5


class Levels:
    """Lives for one epoch. `submit` takes the command that raises the level."""

    def __init__(
        self,
        machine: Machine,
        status: Callable[[], RaftStatus],
        submit: Callable[[RaiseFeatureLevel], None],
    ) -> None:
        self._machine = machine
        self._status = status
        self._submit = submit
        self._loop = asyncio.get_running_loop()
        self._submitted = 0
        self._next: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Look now, and again until there is nothing above the cluster's level to look for."""
        supported, present = self._machine.supported_level, self._machine.feature_level
        if present >= supported:
            return
        common = common_level(supported, self._status())
        if common > max(present, self._submitted):
            _log.info("every member supports feature level %d; the cluster has %d", common, present)
            self._submitted = common
            self._submit(RaiseFeatureLevel(level=common))
        self._next = self._loop.call_later(_LOOK_AGAIN_S, self.start)

    def close(self) -> None:
        """Look no more."""
        if self._next is not None:
            self._next.cancel()


def common_level(supported: int, status: RaftStatus) -> int:
    """Return the highest level that this program and those of all other members, voters and
    learners, support; 0 while one of them is not connected.
    """
    return min([supported, *(peer.supported_level for peer in status.peers)])
