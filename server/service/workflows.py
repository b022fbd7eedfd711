"""Workflows: kept in versions, checked before they are kept."""

import asyncio
from collections.abc import Iterator

from msgspec import Struct

from stepraft.interpreter.commands import PutWorkflow
from stepraft.interpreter.contexts import WorkflowContext, WorkflowVersion
from stepraft.interpreter.decision import PutVersion
from stepraft.interpreter.errors import Reason, Rejection
from stepraft.interpreter.language.diagnostics import Diagnostic, Severity
from stepraft.interpreter.language.parse import diagnose
from stepraft.server.engine.partition import Partition
from stepraft.server.service import checks, partitions
from stepraft.server.service.callers import Caller
from stepraft.server.service.pages import CHUNK, Listing, Page, PageRequest, fitting
from stepraft.server.service.partitions import Partitions
from stepraft.server.service.signing import ClusterSecret
from stepraft.server.settings import LimitsSection
from stepraft.storage import queries
from stepraft.storage.kv import ReadView


class WorkflowInfo(Struct, frozen=True):
    """One version of a workflow, without its definition. `created_at`: HLC."""

    namespace: str
    name: str
    version: int
    created_at: int
    description: str


class PutResult(Struct, frozen=True):
    """The newest version after a put; `is_created`: the put made it."""

    workflow: WorkflowInfo
    is_created: bool


class WorkflowDefinition(Struct, frozen=True):
    """One version with its definition, as it was put."""

    workflow: WorkflowInfo
    definition: str


class Workflows:
    """What callers may do with workflows. `page_bytes`: about how much one answer may hold."""

    def __init__(
        self,
        shards: Partitions,
        secret: ClusterSecret,
        limits: LimitsSection,
        page_bytes: int,
    ) -> None:
        self._partitions = shards
        self._secret = secret
        self._limits = limits
        self._page_bytes = page_bytes

    async def put(
        self, caller: Caller, namespace: str, name: str, definition: str, description: str
    ) -> PutResult:
        """Make a definition the newest version of a workflow, unless it is so already.

        Errors: INVALID_NAME, INVALID_ARGUMENT, PAYLOAD_TOO_LARGE; INVALID_DEFINITION with a
        violation for each problem.
        """
        space = checks.namespace(namespace)
        command = PutWorkflow(
            tenant=caller.tenant,
            namespace=space,
            name=checks.name(name, "name"),
            definition=definition,
            description=checks.at_most(description, checks.DESCRIPTION_LENGTH_MAX, "description"),
        )
        self._require_valid(await self.validate(definition))
        put = await partitions.submit(self._home(caller, space), command)
        assert isinstance(put, PutVersion), "PutWorkflow answers with a version"
        info = WorkflowInfo(space, name, put.version, put.created_at, put.description)
        return PutResult(info, is_created=not put.existing)

    async def validate(self, definition: str) -> tuple[Diagnostic, ...]:
        """Return all problems of a definition; without an error among them it can be put.

        Errors: PAYLOAD_TOO_LARGE.
        """
        size, size_max = len(definition.encode()), self._limits.definition_bytes
        if size > size_max:
            raise Rejection(
                Reason.PAYLOAD_TOO_LARGE,
                f"definition has {size} bytes; at most {size_max} are allowed",
                field="definition",
            )
        # In a thread: a large definition would hold up all other callers.
        return await asyncio.to_thread(diagnose, definition)

    async def get(
        self, caller: Caller, namespace: str, name: str, version: int, *, stale: bool = False
    ) -> WorkflowDefinition:
        """Return one version, 0 for the newest.

        Errors: WORKFLOW_NOT_FOUND; NO_STATE.
        """
        space = checks.namespace(namespace)
        home = await self._read_from(caller, space, stale=stale)
        head = _head(home, caller, space, name)
        found = queries.workflow_version(
            home.store, caller.tenant, space, name, version or head.version
        )
        if found is None:
            text = f"workflow {name!r} has versions 1 to {head.version}, not {version}"
            raise Rejection(Reason.WORKFLOW_NOT_FOUND, text, field="version")
        return WorkflowDefinition(_info(space, name, found), found.definition)

    async def list_page(
        self, caller: Caller, namespace: str, page: PageRequest, *, stale: bool = False
    ) -> Page[WorkflowInfo]:
        """Return a page of the newest versions of a namespace's workflows, by name.

        Errors: INVALID_ARGUMENT, INVALID_PAGE_TOKEN; NO_STATE.
        """
        space, size = checks.namespace(namespace), page.checked_size()
        home = await self._read_from(caller, space, stale=stale)
        signer = await self._secret.signer(stale=stale)
        listing = Listing(signer, "workflows", caller.tenant, space)
        after = (listing.cursor(page.token) or b"").decode()
        with home.store.snapshot() as view:
            found = _newest(view, caller.tenant, space, after)
            named, is_last = fitting(found, size, self._page_bytes, _bytes_of_named)
        items = [_info(space, *each) for each in named]
        return Page(items, "" if is_last else listing.token(items[-1].name.encode()))

    async def versions(
        self, caller: Caller, namespace: str, name: str, page: PageRequest, *, stale: bool = False
    ) -> Page[WorkflowInfo]:
        """Return a page of the versions of a workflow, the newest first.

        Errors: WORKFLOW_NOT_FOUND, INVALID_ARGUMENT, INVALID_PAGE_TOKEN; NO_STATE.
        """
        space, size = checks.namespace(namespace), page.checked_size()
        home = await self._read_from(caller, space, stale=stale)
        _head(home, caller, space, name)
        signer = await self._secret.signer(stale=stale)
        listing = Listing(signer, "versions", caller.tenant, space, name)
        before = int(listing.cursor(page.token) or b"0")
        found = _versions(home, caller.tenant, space, name, before)
        named, is_last = fitting(found, size, self._page_bytes, _bytes_of_named)
        items = [_info(space, *each) for each in named]
        return Page(items, "" if is_last else listing.token(b"%d" % items[-1].version))

    def _home(self, caller: Caller, namespace: str) -> Partition:
        return self._partitions.of_namespace(caller.tenant, namespace)

    async def _read_from(self, caller: Caller, namespace: str, *, stale: bool) -> Partition:
        home = self._home(caller, namespace)
        await partitions.readable(home, stale=stale)
        return home

    def _require_valid(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        errors = [each for each in diagnostics if each.severity is Severity.ERROR]
        if errors:
            raise Rejection(
                Reason.INVALID_DEFINITION,
                "the definition is invalid: " + ", ".join(error.text for error in errors[:3]),
                field="definition",
                violations=tuple(
                    (f"definition{each.location.rstrip('/')}", each.message) for each in errors
                ),
            )


def _head(home: Partition, caller: Caller, namespace: str, name: str) -> WorkflowContext:
    head = queries.workflow(home.store, caller.tenant, namespace, name)
    if head is None:
        text = f"there is no workflow {name!r} in namespace {namespace!r}"
        raise Rejection(Reason.WORKFLOW_NOT_FOUND, text, field="name")
    return head


_Named = tuple[str, WorkflowVersion]
"""A workflow's name and one of its versions."""


def _newest(view: ReadView, tenant: str, namespace: str, after: str) -> Iterator[_Named]:
    while True:
        heads = queries.list_workflows(view, tenant, namespace, CHUNK, after)
        for head in heads:
            version = queries.workflow_version(view, tenant, namespace, head.name, head.version)
            assert version is not None, f"the newest version of {head.name!r} is not there"
            yield head.name, version
        if len(heads) < CHUNK:
            return
        after = heads[-1].name


def _versions(
    home: Partition, tenant: str, namespace: str, name: str, before: int
) -> Iterator[_Named]:
    while True:
        # One at a time: each holds a whole definition.
        found = queries.list_workflow_versions(home.store, tenant, namespace, name, 1, before)
        if not found:
            return
        yield name, found[0]
        before = found[0].version
        if before == 1:
            return


def _bytes_of_named(named: _Named) -> int:
    """Return the bytes that are read for an item, which bound a page as well as those it sends."""
    _, version = named
    return len(version.definition) + len(version.description.encode())


def _info(namespace: str, name: str, version: WorkflowVersion) -> WorkflowInfo:
    return WorkflowInfo(namespace, name, version.version, version.created_at, version.description)
