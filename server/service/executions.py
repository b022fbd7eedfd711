"""Executions: started once for their key, shown, listed, watched, canceled."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager

from msgspec import Struct

from stepraft.interpreter import ids
from stepraft.interpreter.commands import CancelExecution, StartExecution
from stepraft.interpreter.contexts import ExecutionContext
from stepraft.interpreter.decision import StartedExecution
from stepraft.interpreter.lifecycle import ENDED, ExecutionStatus
from stepraft.interpreter.records import JsonText
from stepraft.server.engine.effects import document_bytes
from stepraft.server.engine.partition import Epoch, Partition
from stepraft.server.service import checks, partitions
from stepraft.server.service.callers import Caller
from stepraft.server.service.pages import (
    CHUNK,
    PAGE_SIZE_MAX,
    Listing,
    Page,
    PageRequest,
    fitting,
)
from stepraft.server.service.partitions import Partitions
from stepraft.server.service.signing import ClusterSecret
from stepraft.server.settings import LimitsSection, TasksSection
from stepraft.storage import keys, queries
from stepraft.storage.kv import ReadView
from stepraft.storage.rows import HistoryRow


class StartRequest(Struct, frozen=True):
    """What to run; `version` 0 means the newest, and name, key and input may be empty."""

    namespace: str
    workflow: str
    version: int
    name: str
    idempotency_key: str
    input: str


class ExecutionView(Struct, frozen=True):
    """An execution; `input` and `output` are None where they are missing or were not asked for."""

    context: ExecutionContext
    input: JsonText | None = None
    output: JsonText | None = None

    @property
    def is_ended(self) -> bool:
        """Whether nothing of it will change any more."""
        return self.context.status in ENDED


class HistoryItem(Struct, frozen=True):
    """One event with its place in the history."""

    sequence: int
    row: HistoryRow


class ListFilter(Struct, frozen=True):
    """Which executions to list; an empty workflow or no statuses mean all."""

    namespace: str
    workflow: str
    statuses: tuple[ExecutionStatus, ...]


class Executions:
    """What callers may do with executions. `page_bytes`: about how much one answer may hold."""

    def __init__(
        self,
        shards: Partitions,
        secret: ClusterSecret,
        limits: LimitsSection,
        tasks: TasksSection,
        page_bytes: int,
    ) -> None:
        self._partitions = shards
        self._secret = secret
        self._limits = limits
        self._wait_max_s = tasks.poll_wait_max_ms / 1000
        self._page_bytes = page_bytes
        self._is_draining = False

    async def start(self, caller: Caller, request: StartRequest) -> StartedExecution:
        """Start an execution, or find the one that the same request started before.

        Errors: WORKFLOW_NOT_FOUND, IDEMPOTENCY_CONFLICT, EXECUTION_ALREADY_EXISTS, INVALID_NAME,
        INVALID_ARGUMENT and those of documents.
        """
        namespace = checks.namespace(request.namespace)
        key = checks.idempotency_key(request.idempotency_key)
        command = StartExecution(
            tenant=caller.tenant,
            namespace=namespace,
            workflow=checks.name(request.workflow, "workflow"),
            version=request.version,
            name=checks.name(request.name, "name") if request.name else "",
            idempotency_key=key,
            input=checks.document(request.input or "{}", "input", self._limits),
        )
        home = self._partitions.of_start(caller.tenant, namespace, key)
        reply = await partitions.submit(home, command)
        assert isinstance(reply, StartedExecution), "StartExecution answers with an execution"
        return reply

    async def get(self, caller: Caller, execution_id: str, *, stale: bool = False) -> ExecutionView:
        """Return an execution with its input and output.

        Errors: INVALID_ARGUMENT, EXECUTION_NOT_FOUND; NO_STATE.
        """
        home, identifier = self._home(caller, execution_id)
        await partitions.readable(home, stale=stale)
        return _view(home, identifier)

    async def list_page(
        self, caller: Caller, wanted: ListFilter, page: PageRequest, *, stale: bool = False
    ) -> Page[ExecutionView]:
        """Return a page of executions, the newest first, without inputs and outputs.

        Errors: INVALID_NAME, INVALID_ARGUMENT, INVALID_PAGE_TOKEN; NO_STATE.
        """
        namespace, size = checks.namespace(wanted.namespace), page.checked_size()
        workflow = checks.name(wanted.workflow, "workflow") if wanted.workflow else None
        home = self._partitions.of_namespace(caller.tenant, namespace)
        await partitions.readable(home, stale=stale)
        listing = Listing(
            await self._secret.signer(stale=stale),
            "executions",
            caller.tenant,
            namespace,
            workflow,
            sorted(wanted.statuses),
        )
        cursor = listing.cursor(page.token)
        with home.store.snapshot() as view:
            found = _listed(view, caller.tenant, namespace, workflow, wanted.statuses, cursor)
            contexts, is_last = fitting(found, size, self._page_bytes, _bytes_of_context)
        items = [ExecutionView(context) for context in contexts]
        return Page(items, "" if is_last else listing.token(_cursor_behind(contexts[-1])))

    async def history(
        self,
        caller: Caller,
        execution_id: str,
        page: PageRequest,
        *,
        newest_first: bool,
        stale: bool = False,
    ) -> Page[HistoryItem]:
        """Return a page of what has happened in an execution.

        Errors: INVALID_ARGUMENT, INVALID_PAGE_TOKEN, EXECUTION_NOT_FOUND; NO_STATE.
        """
        home, identifier = self._home(caller, execution_id)
        size = page.checked_size()
        await partitions.readable(home, stale=stale)
        _context(home, identifier)
        signer = await self._secret.signer(stale=stale)
        listing = Listing(signer, "history", identifier, newest_first)
        after = int(listing.cursor(page.token) or b"0")
        events = _events(home, identifier, after, newest_first=newest_first)
        items, is_last = fitting(events, size, self._page_bytes, _bytes_of_item)
        return Page(items, "" if is_last else listing.token(b"%d" % items[-1].sequence))

    async def watch(
        self, caller: Caller, execution_id: str, after: int, *, stale: bool = False
    ) -> AsyncGenerator[list[HistoryItem], None]:
        """Give what has happened behind `after` and what happens, up to the event that ends the
        execution. If it may be stale: as this node hears of it, whoever leads.

        Errors: INVALID_ARGUMENT, EXECUTION_NOT_FOUND; NO_LEADER when the leader changes: watch
        again from the last event seen; NO_STATE.
        """
        home, identifier = self._home(caller, execution_id)
        epoch = None if stale else partitions.leading(home)
        with _growing(home, identifier) as grown:
            await partitions.readable(home, stale=stale)
            _context(home, identifier)
            if not stale:
                _require_reached(home, identifier, after)
            while True:
                grown.clear()
                # Before the events: all of an execution that had ended are there.
                is_ended = _context(home, identifier).status in ENDED
                events = _events(home, identifier, after, newest_first=False)
                items, _ = fitting(events, PAGE_SIZE_MAX, self._page_bytes, _bytes_of_item)
                if items:
                    yield items
                    after = items[-1].sequence
                elif is_ended:
                    return
                else:
                    await self._next_growth(home, epoch, grown)

    async def wait(
        self, caller: Caller, execution_id: str, timeout_s: float, *, stale: bool = False
    ) -> ExecutionView:
        """Return an execution when it has ended, or as it is after `timeout_s` seconds (0: the
        longest that the server waits).

        Errors: INVALID_ARGUMENT, EXECUTION_NOT_FOUND; NO_LEADER when the leader changes; NO_STATE.
        """
        home, identifier = self._home(caller, execution_id)
        epoch = None if stale else partitions.leading(home)
        with _growing(home, identifier) as grown:
            # That it is there, and later that it has ended, stays true whoever leads by now.
            if queries.execution(home.store, identifier) is None:
                await partitions.readable(home, stale=stale)
                _context(home, identifier)
            try:
                async with asyncio.timeout(min(timeout_s or self._wait_max_s, self._wait_max_s)):
                    while _context(home, identifier).status not in ENDED:
                        grown.clear()
                        await self._next_growth(home, epoch, grown)
            except TimeoutError:
                pass
        return _view(home, identifier)

    async def cancel(
        self, caller: Caller, execution_id: str, error: str, cause: str
    ) -> ExecutionView:
        """End an execution from outside, and return it as it is then, without its input.

        Errors: INVALID_ARGUMENT, EXECUTION_NOT_FOUND, EXECUTION_ENDED.
        """
        home, identifier = self._home(caller, execution_id)
        command = CancelExecution(
            execution_id=identifier,
            error=checks.at_most(error, checks.ERROR_LENGTH_MAX, "error") or None,
            cause=checks.at_most(cause, checks.CAUSE_LENGTH_MAX, "cause") or None,
        )
        await partitions.submit(home, command)
        return ExecutionView(_context(home, identifier))

    def drain(self) -> None:
        """Break off what waits for a history to grow: it is to go on at another node."""
        self._is_draining = True
        for partition in self._partitions.all:
            partition.watchers.notify_all()

    def _home(self, caller: Caller, execution_id: str) -> tuple[Partition, str]:
        identifier = checks.execution_id(execution_id, caller)
        return self._partitions.of_execution(identifier), identifier

    async def _next_growth(
        self, home: Partition, epoch: Epoch | None, grown: asyncio.Event
    ) -> None:
        """Wait until the history grows.

        Errors: NO_LEADER when the reign ends, here or elsewhere, or this node stops; without a
        reign, which is a stale read, NO_STATE when the state is lost.
        """
        self._require_same(home, epoch)
        await grown.wait()
        self._require_same(home, epoch)

    def _require_same(self, home: Partition, epoch: Epoch | None) -> None:
        if epoch is None:
            partitions.require_state(home)
        elif home.epoch is not epoch:
            raise partitions.leader_changed()
        if self._is_draining:
            raise partitions.leader_changed()


def namespace_of(view: ExecutionView) -> str:
    """Return the namespace that an execution lives in."""
    return ids.tenant_and_namespace(view.context.execution_id)[1]


def _context(home: Partition, execution_id: str) -> ExecutionContext:
    context = queries.execution(home.store, execution_id)
    if context is None:
        raise checks.no_execution(execution_id)
    return context


def _view(home: Partition, execution_id: str) -> ExecutionView:
    """Return the execution; its status is read first, and the rows that it promises are there."""
    context = _context(home, execution_id)
    succeeded = context.status is ExecutionStatus.SUCCEEDED
    return ExecutionView(
        context,
        queries.execution_input(home.store, execution_id),
        queries.execution_output(home.store, execution_id) if succeeded else None,
    )


def _listed(
    view: ReadView,
    tenant: str,
    namespace: str,
    workflow: str | None,
    statuses: tuple[ExecutionStatus, ...],
    cursor: bytes | None,
) -> Iterator[ExecutionContext]:
    while True:
        found, cursor = queries.list_executions(
            view, tenant, namespace, workflow, statuses, CHUNK, cursor
        )
        yield from found
        if cursor is None:
            return


def _cursor_behind(context: ExecutionContext) -> bytes:
    """Return the cursor of `queries.list_executions` behind an execution of the list."""
    space = ids.tenant_and_namespace(context.execution_id)
    prefix = keys.by_workflow_prefix(*space, context.workflow, context.status)
    key = keys.by_workflow(
        context.execution_id, context.workflow, context.status, context.started_at
    )
    return key[len(prefix) :]


def _bytes_of_context(context: ExecutionContext) -> int:
    return len((context.error or "").encode()) + len((context.cause or "").encode())


def _events(
    home: Partition, execution_id: str, after: int, *, newest_first: bool
) -> Iterator[HistoryItem]:
    while True:
        found = queries.history(home.store, execution_id, after, CHUNK, newest_first=newest_first)
        for sequence, row in found:
            yield HistoryItem(sequence, row)
        if len(found) < CHUNK:
            return
        after = found[-1][0]


def _bytes_of_item(item: HistoryItem) -> int:
    return document_bytes(item.row.event)


def _require_reached(home: Partition, execution_id: str, sequence: int) -> None:
    """Errors: INVALID_ARGUMENT when the history has no event of that sequence yet."""
    last = queries.last_sequence(home.store, execution_id)
    checks.between(sequence, 0, last, "after_sequence")


@contextmanager
def _growing(home: Partition, execution_id: str) -> Iterator[asyncio.Event]:
    event = home.watchers.subscribe(execution_id)
    try:
        yield event
    finally:
        home.watchers.unsubscribe(execution_id, event)
