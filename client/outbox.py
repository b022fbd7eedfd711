"""What a worker has to say to the server: reports until they are acknowledged, and credits."""

import asyncio
from typing import Final

from stepraft.client.handlers import Completed, Failed, Outcome
from stepraft.v1 import tasks_pb2

MESSAGE_BYTES_MAX: Final = 1_000_000
"""Reports beyond this size go into the next message; a single report may be larger."""


class Outbox:
    """Holds each report until the server has acknowledged it, whatever becomes of the stream.

    Results are sent again on the next stream: their tokens make each repetition the same report.
    Used from one event loop.
    """

    def __init__(self) -> None:
        self._open: dict[int, tasks_pb2.TaskReport] = {}
        # A dict as an ordered set: what is to be sent, in order.
        self._unsent: dict[int, None] = {}
        self._credits = 0
        self._is_draining = False
        self._must_say_draining = False
        self._heartbeats: set[int] = set()
        self._last_id = 0
        self._changed = asyncio.Event()
        self._emptied = asyncio.Event()
        self._emptied.set()

    def report(self, token: bytes, outcome: Outcome) -> None:
        """Add the result of a delivery."""
        match outcome:
            case Completed(output):
                complete = tasks_pb2.TaskReport.Completion(output=output)
                self._add(tasks_pb2.TaskReport(token=token, complete=complete))
            case Failed(error, cause):
                fail = tasks_pb2.TaskReport.Failure(error=error, cause=cause)
                self._add(tasks_pb2.TaskReport(token=token, fail=fail))

    def hand_back(self, token: bytes) -> None:
        """Add a delivery's end without a result."""
        self._add(tasks_pb2.TaskReport(token=token, hand_back=tasks_pb2.TaskReport.HandBack()))

    def heartbeat(self, token: bytes) -> int:
        """Add a sign of life of a delivery; return its number."""
        beat = tasks_pb2.TaskReport.Heartbeat()
        number = self._add(tasks_pb2.TaskReport(token=token, heartbeat=beat))
        self._heartbeats.add(number)
        self._note_change()
        return number

    def is_unsent(self, request_id: int) -> bool:
        """Whether a report still waits to be sent."""
        return request_id in self._unsent

    def grant(self, credits_: int) -> None:
        """Offer to take so many tasks more; nothing while draining."""
        if not self._is_draining:
            self._credits += credits_
            self._changed.set()

    def drain(self) -> None:
        """Take no more tasks: void the credits that are open."""
        self._is_draining = True
        self._must_say_draining = True
        self._credits = 0
        self._changed.set()

    def restart(self, free: int) -> None:
        """Begin a new stream: say again what was not acknowledged, and offer `free` places.

        Heartbeats are dropped, as their time is over; the next ones follow soon.
        """
        for number in self._heartbeats:
            del self._open[number]
        self._heartbeats.clear()
        self._unsent = dict.fromkeys(self._open)
        self._credits = 0 if self._is_draining else free
        self._must_say_draining = self._is_draining
        self._note_change()

    def find(self, request_id: int) -> tasks_pb2.TaskReport | None:
        """Return a report that is not settled yet; None when it is not known (any more)."""
        return self._open.get(request_id)

    def settle(self, request_id: int) -> None:
        """Forget a report: the server's answer to it is final."""
        self._open.pop(request_id, None)
        self._unsent.pop(request_id, None)
        self._heartbeats.discard(request_id)
        self._note_change()

    def resend(self, request_id: int) -> None:
        """Send a report again, if it was not settled in the meantime."""
        if request_id in self._open:
            self._unsent[request_id] = None
            self._changed.set()

    async def changed(self) -> None:
        """Wait until there may be something to say."""
        await self._changed.wait()
        self._changed.clear()

    def wake(self) -> None:
        """Let `changed` return, so that its caller looks at what else may have happened."""
        self._changed.set()

    async def emptied(self) -> None:
        """Wait until every result is acknowledged; heartbeats do not count."""
        await self._emptied.wait()

    def take(self) -> tasks_pb2.WorkerMessage | None:
        """Return all there is to say, up to the size of a message; None when that is nothing."""
        reports: list[tasks_pb2.TaskReport] = []
        size = 0
        for number in self._unsent:
            report = self._open[number]
            size += report.ByteSize()
            if reports and size > MESSAGE_BYTES_MAX:
                self._changed.set()
                break
            reports.append(report)
        for report in reports:
            del self._unsent[report.request_id]
        if not (reports or self._credits or self._must_say_draining):
            return None
        message = tasks_pb2.WorkerMessage(
            credits=self._credits, reports=reports, draining=self._must_say_draining
        )
        self._credits = 0
        self._must_say_draining = False
        return message

    def _add(self, report: tasks_pb2.TaskReport) -> int:
        self._last_id += 1
        report.request_id = self._last_id
        self._open[self._last_id] = report
        self._unsent[self._last_id] = None
        self._note_change()
        return self._last_id

    def _note_change(self) -> None:
        self._changed.set()
        if len(self._open) > len(self._heartbeats):
            self._emptied.clear()
        else:
            self._emptied.set()
