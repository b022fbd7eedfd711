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
from stepraft.server.raft.members import Removed
from stepraft.server.raft.membership import Change, ChangeResult
from stepraft.server.raft.poller import Poller
from stepraft.server.raft.proposals import REFUSED, Done, Proposals
from stepraft.server.raft.reach import check_reach
from stepraft.server.raft.requests import STOPPED, Request, Transfer
from stepraft.server.raft.settings import RaftSettings
from stepraft.server.raft.tls_wire import TlsContexts
from stepraft.server.raft.transport import Transport
from stepraft.server.raft.vote import Identity

_log: Final = logging.getLogger(__name__)

EXIT_CODE: Final = 70
REMOVED_EXIT_CODE: Final = 3
_HAND_OVER_S: Final = 0.5


def exit_process() -> NoReturn:
    """End the process at once: no handler may write what is no longer sure."""
    os._exit(EXIT_CODE)


def exit_removed() -> NoReturn:
    """End the process at once: this node is no member any more, and nobody may start it again."""
    os._exit(REMOVED_EXIT_CODE)


class Consensus:
    """A member of a Raft group, which drives `machine` by the group's log.

    `on_role` is called in the Raft thread at each change of role, term or leader. `on_failure` is
    called there when the node cannot go on, and `on_removed` when it has applied its own removal;
    the defaults end the process. `tls` is for settings with `is_encrypted`.
    """

    def __init__(
        self,
        settings: RaftSettings,
        machine: ReplicatedMachine,
        on_role: Callable[[Role], None],
        on_failure: Callable[[], None] = exit_process,
        tls: TlsContexts | None = None,
        on_removed: Callable[[], None] = exit_removed,
    ) -> None:
        self._settings = settings
        self._machine = machine
        self._on_role = on_role
        self._on_failure = on_failure
        self._on_removed = on_removed
        self._tls = tls
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
        journal = open_journal(self._settings)
        transport = Transport(self._settings, self._poller, now, self._tls)
        try:
            check_reach(journal, self._machine)
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

    def change_membership(self, change: Change, done: Callable[[ChangeResult], None]) -> None:
        """Add, remove or move a member, if this node leads; one change at a time.

        `done` is called once, threads as in `propose`: when every later leader will know of the
        change, or with the reason against it.
        """
        self._ask(change, done)

    def transfer_leadership(self, target: str | None, done: Callable[[ChangeResult], None]) -> None:
        """Let another node lead, if this one does: `target`, or whoever has the whole log.

        `done` is called once, threads as in `propose`: when the other leads, or when it was given
        up (about a second) and this node goes on leading.
        """
        self._ask(Transfer(target), done)

    def _ask(self, request: Request, done: Callable[[ChangeResult], None]) -> None:
        assert self._raft is not None, "a request to a node that was not started"
        if self._raft.requests.ask(request, done):
            self._poller.wake()
        else:
            done(STOPPED)

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
        except Removed as removed:
            _log.critical("raft node %s stops: %s", self._settings.node_id, removed)
            self._on_removed()
        except BaseException:  # noqa: BLE001  # whatever it is, this node must not go on
            _log.critical("raft node %s stops", self._settings.node_id, exc_info=True)
            self._on_failure()
        finally:
            self._close()

    def _retire(self, raft: CorrectedRaft) -> None:
        raft.retire()
        until = now() + _HAND_OVER_S
        while raft.is_leader and len(raft.membership.voters) > 1 and now() < until:
            raft.doTick()

    def _close(self) -> None:
        assert self._raft is not None
        assert self._transport is not None
        assert self._journal is not None
        self._proposals.close()
        self._barriers.close()
        self._raft.abandon_requests()
        self._transport.close()
        self._poller.close()
        self._journal.close()


def open_journal(settings: RaftSettings) -> Journal:
    """Read a node's log back, or begin a new one.

    Errors: StartError when the folder is in use or another's; DamageError.
    """
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
        raise type(error)(f"{settings.folder}: {error}") from error
    if journal.torn_tail is not None:
        _log.warning(
            "%s/%s: the write at offset %d was cut short by a crash; nobody was told of it",
            settings.folder,
            journal.torn_tail.name,
            journal.torn_tail.offset,
        )
    return journal
