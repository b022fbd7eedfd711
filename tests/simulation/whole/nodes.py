"""One node: what outlives its processes, and how those outside ask the one that runs now."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from msgspec.structs import replace

from stepraft.interpreter.commands import Command
from stepraft.interpreter.decision import Delivery, Reply
from stepraft.interpreter.errors import Reason, Rejection
from stepraft.server.engine.dispatcher import Session, queue_names
from stepraft.server.raft.contract import Condition
from stepraft.server.raft.membership import Change, ChangeResult
from stepraft.storage.kv import Readable
from tests.simulation.outside import NAMESPACE, TENANT
from tests.simulation.raft.disks import SimulatedDisk
from tests.simulation.whole.machines import MortalStore
from tests.simulation.whole.processes import Lasting, Process

_T = TypeVar("_T")
_DEADLINE_S: Final = 12.0


class Node(Lasting):
    """A node as those outside see it: `outside.Server`. `is_gone`: it is never started again."""

    process: Process | None = None
    is_gone = False

    @property
    def is_admitted(self) -> bool:
        """Whether it runs, and has its full part in the group."""
        return (
            self.process is not None
            and self.process.raft_thread.status().condition is Condition.NORMAL
        )

    def lose_folder(self, addresses: dict[str, str], *, says_so: bool) -> None:
        """Let its disk be a new one, and perhaps tell its next process that it is so; its
        configuration has the present `addresses`.
        """
        keeps_sync = self.disk.keeps_sync
        self.disk = SimulatedDisk(self.world.chance, keeps_sync=keeps_sync)
        self.store = MortalStore(self.disk)
        self.settings = replace(self.settings, members=addresses, rejoin=says_so)

    # outside.Server

    async def submit(self, command: Command) -> Reply:
        return await self._ask(lambda process: process.partition.submit(command))

    async def barrier(self) -> Readable:
        committed = len(self.world.history.log)

        async def read(process: Process) -> Readable:
            await process.partition.barrier()
            applied = process.machine.applied_index
            if not applied:
                raise Rejection(Reason.NO_LEADER, "it has given its state up meanwhile")
            self.world.history.on_barrier(self.node_id, committed, applied)
            return process.partition.store

        return await self._ask(read)

    async def change_membership(self, change: Change) -> ChangeResult:
        """Ask for a change. Errors: Rejection, as with `submit`."""
        return await self._ask(lambda process: process.partition.change_membership(change))

    async def transfer_leadership(self, target: str | None) -> ChangeResult:
        """Ask for another leader. Errors: Rejection, as with `submit`."""
        return await self._ask(lambda process: process.partition.transfer_leadership(target))

    async def _ask(self, call: Callable[[Process], Coroutine[Any, Any, _T]]) -> _T:
        """Call in the process, and wait as long as a client does.

        Errors: Rejection, also when nobody is there.
        """
        process = self.process
        if process is None:
            raise Rejection(Reason.NO_LEADER, "nobody is there")
        answer: asyncio.Future[_T] = self.world.loop.create_future()
        process.requests[answer] = work = call(process)

        def start() -> None:
            process.loop.create_task(work).add_done_callback(finish)

        def finish(done: asyncio.Future[_T]) -> None:
            del process.requests[answer]
            _pass_on(done, answer)

        process.loop.call_soon(start)
        await asyncio.wait([answer], timeout=_DEADLINE_S)
        if not answer.done():
            answer.cancel()
            raise Rejection(Reason.OUTCOME_UNKNOWN, "the deadline is over")
        return answer.result()

    def open(
        self, resources: list[str], worker: str, lease_ms: int, deliver: Callable[[Delivery], None]
    ) -> Session:
        process = self.process
        if process is None or process.loop.is_paused:
            raise Rejection(Reason.NO_LEADER, "nobody answers")

        def deliver_if_connected(delivery: Delivery) -> None:
            if session in process.sessions:
                deliver(delivery)

        session = Session(
            queues=queue_names(TENANT, NAMESPACE, resources),
            worker=worker,
            lease_ms=lease_ms,
            credit=1,
            deliver=deliver_if_connected,
            revoke=lambda task_id: None,
        )
        with process.loop.entered():
            dispatcher = process.partition.leading().dispatcher
            process.sessions.append(session)
            dispatcher.open(session)
        return session

    def close(self, session: Session) -> None:
        process = self.process
        if process is None or session not in process.sessions:
            return
        process.sessions.remove(session)
        process.loop.call_soon(process.close, session)


def _pass_on(done: asyncio.Future[_T], answer: asyncio.Future[_T]) -> None:
    error = done.exception()
    if answer.done():
        return
    if error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(done.result())
