"""The leader's loop: command -> decide -> working state -> entry -> propose -> reply.

Commands are processed one after another. A command's chain (StartState -> ... -> CompleteState ->
...) is followed to its end in memory, as far as the budget of one group goes; what is left is
pending, and its turn comes after the others'. While one entry is being replicated the next one
fills, so that batching comes from load and an idle node waits for nothing.

A reply waits for what it has seen: it is given when the last entry that its command could read has
been applied.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol, cast, get_args

from msgspec import Struct

from stepraft.interpreter import executions, ids
from stepraft.interpreter.commands import ActivateTask, Command, FireTimer
from stepraft.interpreter.contexts import TaskContext
from stepraft.interpreter.decide import decide
from stepraft.interpreter.decision import NOTHING, Decision, Reply
from stepraft.interpreter.errors import RUNTIME, Reason, Rejection
from stepraft.interpreter.events import Event, ExecutionStarted, HistoryEvent, execution_of
from stepraft.server.engine import effects
from stepraft.server.engine.working_state import WorkingState
from stepraft.server.faults import Faults
from stepraft.storage import appliers, entry
from stepraft.storage.batch import Batch
from stepraft.storage.entry import Group, PendingCommand

_log = logging.getLogger(__name__)
_HISTORY_TYPES: Final = frozenset(get_args(HistoryEvent))

ReplyFuture = asyncio.Future[Reply]


class Budget(Struct, frozen=True):
    """How much goes into one group and one entry, and how many entries are in flight at once.

    A group or an entry ends with the command that fills it, so it may be larger by what that
    command causes.
    """

    group_events: int = 256
    group_bytes: int = 256 << 10
    entry_events: int = 4096
    entry_bytes: int = 1 << 20
    entries_in_flight: int = 2


class Hints(Protocol):
    """Who is told what an event means to those who wait; every call is a hint that may be lost with
    the epoch.
    """

    def timer_armed(self, timer_id: str, number: int) -> None:
        """A timer was armed in entry `number`."""

    def task_ready(self, task: TaskContext) -> None:
        """A task may be handed out."""

    def task_revoked(self, task: TaskContext) -> None:
        """Whoever works on a task need not go on; called when that is certain."""


class Work(Struct):
    """One command to process. `follows`: its stamp if it is pending in the log, else 0."""

    command: Command
    follows: int = 0
    reply: ReplyFuture | None = None


class _Proposed(Struct):
    """One entry in flight, and what happens when it is applied."""

    number: int
    answers: list[tuple[ReplyFuture, Reply | Rejection]]
    revoked: list[TaskContext]


class Processor:
    """Processes an epoch's commands. `propose(number, entry, batch)` hands an entry to Raft."""

    def __init__(
        self,
        epoch: int,
        state: WorkingState,
        propose: Callable[[int, bytes, Batch], None],
        hints: Hints,
        budget: Budget,
        faults: Faults,
    ) -> None:
        self.state = state
        self._epoch = epoch
        self._propose = propose
        self._hints = hints
        self._budget = budget
        self._faults = faults
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Work] = deque()
        self._hand_outs: deque[Work] = deque()
        self._in_flight: deque[_Proposed] = deque()
        self._building = _Proposed(number=state.number, answers=[], revoked=[])
        self._groups: list[bytes] = []
        self._events = 0
        self._bytes = 0
        self._is_scheduled = False
        self._is_open = True

    # Intake

    def submit(self, command: Command) -> ReplyFuture:
        """Queue a command; the future gives its reply once it is durable, or raises Rejection."""
        future: ReplyFuture = self._loop.create_future()
        self.enqueue(Work(command, reply=future))
        return future

    def enqueue(self, work: Work) -> None:
        """Queue a command behind the others."""
        self._enqueue(work, self._queue)

    def _enqueue(self, work: Work, queue: deque[Work]) -> None:
        if not self._is_open:
            _refuse(work)
            return
        queue.append(work)
        self._schedule()

    def hand_out(self, command: ActivateTask) -> ReplyFuture:
        """Queue the hand-out of a task before all others, so that it rides in the entry that offers
        the task.
        """
        future: ReplyFuture = self._loop.create_future()
        self._enqueue(Work(command, reply=future), self._hand_outs)
        return future

    def fire(self, timer_id: str) -> None:
        """Queue the firing of a timer that is due."""
        self.enqueue(Work(FireTimer(timer_id=timer_id)))

    @property
    def is_idle(self) -> bool:
        """Whether nothing is queued or in flight."""
        return not self.queued and not self._in_flight

    @property
    def queued(self) -> int:
        """How many commands wait for their turn."""
        return len(self._queue) + len(self._hand_outs)

    # The loop

    def _schedule(self) -> None:
        if not self._is_scheduled and len(self._in_flight) < self._budget.entries_in_flight:
            self._is_scheduled = True
            self._loop.call_soon(self._run)

    def _run(self) -> None:
        self._is_scheduled = False
        if not self._is_open or len(self._in_flight) >= self._budget.entries_in_flight:
            return
        try:
            self._fill_entry()
        except BaseException:
            # The working state is half written: nothing may be decided on it any more.
            self.close()
            raise

    def _fill_entry(self) -> None:
        while self.queued and not self._is_full():
            self._process((self._hand_outs or self._queue).popleft())
        if self._groups:
            self._send()
        else:
            self._answer_when_seen()
        if self.queued:
            self._schedule()

    def _is_full(self) -> bool:
        return self._events >= self._budget.entry_events or self._bytes >= self._budget.entry_bytes

    def _process(self, work: Work) -> None:
        stamp = self.state.begin_command()
        answer: Reply | Rejection
        try:
            decision = self._decide(work.command)
            answer = decision.reply
        except Rejection as rejection:
            decision, answer = NOTHING, rejection
        if work.reply is not None:
            self._building.answers.append((work.reply, answer))
        if decision is NOTHING and not work.follows:
            return
        group = self._follow_chain(work, stamp, decision)
        if group.events or group.next or group.follows:
            encoded = entry.encode_group(group)
            self._groups.append(encoded)
            self._bytes += len(encoded)
            self._events += len(group.events)

    def _follow_chain(self, work: Work, stamp: int, decision: Decision) -> Group:
        events: list[Event] = []
        sequences: list[int] = []
        commands: deque[Command] = deque()
        document_bytes = 0
        while True:
            for event in decision.events:
                sequences.append(self._apply(event, stamp))
                events.append(event)
                document_bytes += effects.document_bytes(event)
            commands.extend(decision.commands)
            if not commands or self._is_group_full(len(events), document_bytes):
                break
            decision = self._decide(commands.popleft())
        left = tuple(
            PendingCommand(stamp=self.state.new_stamp(), command=command) for command in commands
        )
        self._leave_pending(left, work.follows)
        return Group(
            stamp=stamp,
            cause=type(work.command).__name__,
            follows=work.follows,
            events=tuple(events),
            sequences=tuple(sequences),
            next=left,
        )

    def _is_group_full(self, events: int, document_bytes: int) -> bool:
        return events >= self._budget.group_events or document_bytes >= self._budget.group_bytes

    def _leave_pending(self, left: tuple[PendingCommand, ...], follows: int) -> None:
        appliers.follow_and_leave(self.state.batch, follows, left)
        for pending in left:
            self._queue.append(Work(pending.command, follows=pending.stamp))

    def _decide(self, command: Command) -> Decision:
        try:
            return decide(command, self.state)
        except Rejection:
            raise
        except Exception as error:  # noqa: BLE001 any other would end every leader in turn
            return self._contain(command, error)

    def _contain(self, command: Command, error: Exception) -> Decision:
        """Answer a command that this program fails at: its execution ends, and the node goes on."""
        _log.exception("failed to decide %s", type(command).__name__)
        text = f"The server failed to process {type(command).__name__}: {error!r}"
        execution_id = _execution_of(command)
        if execution_id is None:
            raise Rejection(Reason.INTERNAL, text) from error
        return executions.fail(execution_id, RUNTIME, text, self.state)

    def _apply(self, event: Event, stamp: int) -> int:
        sequence = 0
        if type(event) is ExecutionStarted:
            self.state.begin_history(event.execution.execution_id)
        if type(event) in _HISTORY_TYPES:
            sequence = self.state.take_sequence(execution_of(cast("HistoryEvent", event)))
        appliers.apply(event, self.state.batch, stamp, sequence)
        self._tell(event)
        return sequence

    def _tell(self, event: Event) -> None:
        timer_id = effects.armed_timer(event)
        if timer_id is not None:
            self._hints.timer_armed(timer_id, self.state.number)
        task = effects.ready_task(event)
        if task is not None:
            self._hints.task_ready(task)
        revoked = effects.revoked_task(event)
        if revoked is not None and revoked.worker:
            self._building.revoked.append(revoked)

    # Entries

    def _send(self) -> None:
        self._faults.reach("processor.before_propose")
        groups, self._groups = self._groups, []
        proposed, number = self._building, self.state.number
        batch = self.state.seal()
        self._in_flight.append(proposed)
        self._building = _Proposed(number=self.state.number, answers=[], revoked=[])
        self._events = self._bytes = 0
        data = entry.join_groups(self._epoch, number, self.state.new_stamp(), groups)
        self._propose(number, data, batch)
        self._faults.reach("processor.after_propose")

    def _answer_when_seen(self) -> None:
        """Give the answers of commands that wrote nothing: with the last entry in flight, or now
        when there is none.
        """
        answers, self._building.answers = self._building.answers, []
        if self._in_flight:
            self._in_flight[-1].answers.extend(answers)
        else:
            _give(answers)

    def committed(self, number: int) -> None:
        """Entry `number` is applied: answer those who waited for it, and go on."""
        proposed = self._in_flight.popleft()
        assert proposed.number == number, f"entry {number} was applied before {proposed.number}"
        self.state.committed(number)
        self._faults.reach("processor.before_reply")
        _give(proposed.answers)
        for task in proposed.revoked:
            self._hints.task_revoked(task)
        if self.queued:
            self._schedule()

    def close(self, refused_from: int | None = None) -> None:
        """End the epoch: what was proposed has an unknown outcome, what was not is refused.

        `refused_from`: the entry of this number is in no log, and so none behind it takes effect.
        """
        self._is_open = False
        for proposed in self._in_flight:
            is_refused = refused_from is not None and proposed.number >= refused_from
            outcome = _not_leading() if is_refused else _unknown()
            _give([(future, outcome) for future, _ in proposed.answers])
        _give([(future, _not_leading()) for future, _ in self._building.answers])
        for work in (*self._hand_outs, *self._queue):
            _refuse(work)
        self._in_flight.clear()
        self._hand_outs.clear()
        self._queue.clear()


def _execution_of(command: Command) -> str | None:
    """Return the execution that an internal command is about; None for commands from outside."""
    for field in ("scope", "activity_id", "branch_id", "iteration_id", "owner", "execution_id"):
        identifier = getattr(command, field, None)
        if identifier is not None:
            return ids.execution_of(identifier)
    return None


def _give(answers: list[tuple[ReplyFuture, Reply | Rejection]]) -> None:
    for future, answer in answers:
        if future.done():
            continue
        if isinstance(answer, Rejection):
            future.set_exception(answer)
        else:
            future.set_result(answer)


def _refuse(work: Work) -> None:
    if work.reply is not None:
        _give([(work.reply, _not_leading())])


def _not_leading() -> Rejection:
    return Rejection(Reason.NO_LEADER, "this node no longer leads; try again")


def _unknown() -> Rejection:
    text = (
        "the node stopped leading while the request was being replicated; "
        "repeat it with the same key"
    )
    return Rejection(Reason.OUTCOME_UNKNOWN, text)
