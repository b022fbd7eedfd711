"""Raft for the rest of the server: one object, one thread.

Proposals and barriers come from any thread and wake the Raft thread, which otherwise sleeps until
a message comes or something is due. An error that Raft cannot survive (of the disk, of the machine,
of this program) ends the process with code 70: a node that stops is safe, one that goes on is not.
"""

import logging
import os
from collections.abc import Callable
from threading import Thread
from typing import Final, NoReturn

from stepraft.server.raft.barriers import Barriers
from stepraft.server.raft.contract import (
    RaftStatus,
    ReplicatedMachine,
    Role,
    StartError,
)
from stepraft.server.raft.corrections import CorrectedRaft
from stepraft.server.raft.disk import Folder
from stepraft.server.raft.journal import Journal
from stepraft.server.raft.library import now
from stepraft.server.raft.poller import Poller
from stepraft.server.raft.proposals import REFUSED, Done, Proposals
from stepraft.server.raft.settings import RaftSettings
from stepraft.server.raft.transport import Transport
from stepraft.server.raft.vote import Identity

_log: Final = logging.getLogger(__name__)

EXIT_CODE: Final = 70
_HAND_OVER_S: Final = 0.5


def exit_process() -> NoReturn:
    """End the process at once: no handler may write what is no longer sure."""
    os._exit(EXIT_CODE)


class Consensus:
    """A member of a Raft group, which drives `machine` by the group's log.

    `on_role` is called in the Raft thread at each change of role, term or leader. `on_failure` is
    called there when the node cannot go on; the default ends the process.
    """

    def __init__(
        self,
        settings: RaftSettings,
        machine: ReplicatedMachine,
        on_role: Callable[[Role], None],
        on_failure: Callable[[], None] = exit_process,
    ) -> None:
        self._settings = settings
        self._machine = machine
        self._on_role = on_role
        self._on_failure = on_failure
        self._proposals = Proposals(
            entries_max=settings.queue_entries_max, bytes_max=settings.queue_bytes_max
        )
        self._barriers = Barriers()
        self._poller = Poller()
        self._is_stopping = False
        self._thread: Thread | None = None
        self._journal: Journal | None = None
        self._transport: Transport | None = None
        self._raft: CorrectedRaft | None = None

    def start(self) -> None:
        """Load the journal, listen, start the thread.

        Errors: StartError: the folder is another's, in use or damaged, the port cannot be had, or
        the journal does not reach back to what the machine has applied.
        """
        assert self._thread is None, "a Consensus starts once"
        journal = _open_journal(self._settings)
        transport = Transport(self._settings, self._poller, now)
        try:
            check_reach(journal, self._machine.applied_index)
            raft = CorrectedRaft(
                self._settings,
                journal,
                transport,
                self._poller,
                self._machine,
                self._proposals,
                self._barriers,
                self._on_role,
            )
            transport.start(raft)
        except BaseException:
            transport.close()
            journal.close()
            raise
        self._journal, self._transport, self._raft = journal, transport, raft
        self._thread = Thread(target=self._run, name=f"raft-{self._settings.node_id}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Hand over leadership if this node has it, answer all who wait, end the thread.

        Must not be called in the Raft thread.
        """
        self._is_stopping = True
        self._poller.wake()
        if self._thread is not None:
            self._thread.join()

    def propose(self, entry: bytes, done: Done) -> None:
        """Put an entry into the group's log, if this node leads it.

        `done` is called once, in the Raft thread, and should only hand over; when the queue is full
        or the node is stopped, it is called at once in this thread (refused).
        Errors: ValueError when the entry is empty or above `entry_bytes_max`.
        """
        if not 0 < len(entry) <= self._settings.entry_bytes_max:
            raise ValueError(
                f"entry: {len(entry)} bytes, must be 1 to {self._settings.entry_bytes_max}"
            )
        if self._proposals.offer(entry, done):
            self._poller.wake()
        else:
            done(REFUSED)

    def barrier(self, done: Callable[[bool], None]) -> None:
        """Call `done(True)` once the machine has all that was acknowledged before this call.

        `done(False)`: this node does not lead, or cannot prove it. Threads as in `propose`.
        """
        if self._barriers.ask(done, now() + self._settings.proposal_timeout_s):
            self._poller.wake()
        else:
            done(False)

    def status(self) -> RaftStatus:
        """The node as it was at the end of the last tick."""
        assert self._raft is not None, "status of a node that was not started"
        return self._raft.status

    def _run(self) -> None:
        assert self._raft is not None
        assert self._journal is not None
        try:
            while not self._is_stopping:
                self._raft.doTick()
            self._retire(self._raft)
            self._journal.sync()
        except BaseException:  # noqa: BLE001  # whatever it is, this node must not go on
            _log.critical("raft node %s stops", self._settings.node_id, exc_info=True)
            self._on_failure()
        finally:
            self._close()

    def _retire(self, raft: CorrectedRaft) -> None:
        raft.retire()
        until = now() + _HAND_OVER_S
        while raft.is_leader and len(self._settings.members) > 1 and now() < until:
            raft.doTick()

    def _close(self) -> None:
        assert self._transport is not None
        assert self._journal is not None
        self._proposals.close()
        self._barriers.close()
        self._transport.close()
        self._poller.close()
        self._journal.close()


def _open_journal(settings: RaftSettings) -> Journal:
    identity = Identity(cluster_id=settings.cluster_id, node_id=settings.node_id)
    disk = Folder(settings.folder, fsync=settings.fsync)
    try:
        journal = Journal(
            disk,
            identity,
            segment_bytes=settings.segment_bytes,
            tail_bytes=settings.tail_bytes,
        )
    except StartError as error:
        disk.close()
        raise StartError(f"{settings.folder}: {error}") from error
    if journal.torn_tail is not None:
        _log.warning(
            "%s/%s: the write at offset %d was cut short by a crash; nobody was told of it",
            settings.folder,
            journal.torn_tail.name,
            journal.torn_tail.offset,
        )
    return journal


def check_reach(journal: Journal, applied_index: int) -> None:
    """Refuse a store that the journal cannot carry on. Errors: StartError."""
    if journal.last_index and applied_index > journal.last_index:
        raise StartError(
            f"the store has applied entry {applied_index}, the journal ends at "
            f"{journal.last_index}: they do not belong together"
        )
    if journal.last_index == 0 and applied_index > 0:
        raise StartError(f"the store has applied entry {applied_index}, the journal is empty")
    if journal.first_index > applied_index + 1:
        raise StartError(
            f"the journal begins at entry {journal.first_index}, the store has applied only up to "
            f"{applied_index}: this node needs a snapshot"
        )
