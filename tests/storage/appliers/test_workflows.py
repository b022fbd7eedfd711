"""The rows of workflows and of the cluster, before and after their events."""

from collections.abc import Callable

import pytest

from stepraft.interpreter.contexts import WorkflowContext, WorkflowVersion
from stepraft.interpreter.events import ClusterSecretCreated, Event, WorkflowPut
from stepraft.storage import keys
from stepraft.storage.batch import Value

Rows = dict[bytes, Value]


def _head(version: int) -> WorkflowContext:
    return WorkflowContext(
        tenant="acme", namespace="shop", name="order", version=version, updated_at=version
    )


def _version(number: int) -> WorkflowVersion:
    return WorkflowVersion(version=number, definition="{}", description="", created_at=number)


_FIRST: Rows = {
    keys.workflow("acme", "shop", "order"): _head(1),
    keys.version("acme", "shop", "order", 1): _version(1),
}


@pytest.mark.parametrize(
    ("before", "event", "after"),
    [
        pytest.param(
            {}, WorkflowPut(workflow=_head(1), version=_version(1)), _FIRST, id="first version"
        ),
        pytest.param(
            _FIRST,
            WorkflowPut(workflow=_head(2), version=_version(2)),
            {
                keys.workflow("acme", "shop", "order"): _head(2),
                keys.version("acme", "shop", "order", 1): _version(1),
                keys.version("acme", "shop", "order", 2): _version(2),
            },
            id="next version",
        ),
        pytest.param(
            {}, ClusterSecretCreated(secret=b"secret"), {keys.SECRET: b"secret"}, id="secret"
        ),
    ],
)
def test_an_event_writes_its_rows(
    before: Rows, event: Event, after: Rows, rows_after: Callable[..., Rows]
) -> None:
    assert rows_after(before, event) == after
