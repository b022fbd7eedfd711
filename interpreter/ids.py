"""Identifiers are paths, so that a prefix is an owner.

    execution   /{tenant}/{namespace}/e{7 hex}/{16 hex HLC}
    activity    {scope}/{16 hex HLC}       scope: the id of an execution, a branch or an iteration
    branch      {activity}/b{index}
    iteration   {activity}/i{index}
    task        /{tenant}/{namespace}/t{7 hex}/{16 hex HLC}

The 7 hex digits of an execution are the hash of its idempotency key, or of its own stamp when it
has none; those of a task are the hash of its resource. `/{tenant}/{namespace}/e{7 hex}` names a
partition: equal keys meet in one of them.
"""

import hashlib
import re
from functools import lru_cache

from stepraft.interpreter.hlc import to_hex

_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}"
_NAMESPACE = re.compile(rf"{_NAME}\Z")
_EXECUTION = re.compile(rf"/({_NAME})/({_NAME})/e[0-9a-f]{{7}}/[0-9a-f]{{16}}\Z")
_EXECUTION_PARTS = 5
_BEHIND_NAMESPACE = len("/e0000000/0000000000000000")


def is_namespace(text: str) -> bool:
    """Whether `text` may name a tenant or a namespace: 1 to 80 of A-Z a-z 0-9 _ . -, the first a
    letter or digit.
    """
    return _NAMESPACE.match(text) is not None


def is_execution(text: str) -> bool:
    """Whether `text` has the form of an execution's id; nothing else of it may reach a key."""
    return _EXECUTION.match(text) is not None


@lru_cache(maxsize=4096)
def _hash7(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:7]


def execution_id(tenant: str, namespace: str, idempotency_key: str, stamp: int) -> str:
    """Return the id of a new execution; an empty key means that it has none."""
    return f"/{tenant}/{namespace}/e{_hash7(idempotency_key or to_hex(stamp))}/{to_hex(stamp)}"


def activity_id(scope: str, stamp: int) -> str:
    """Return the id of one visit of a state in `scope`."""
    return f"{scope}/{to_hex(stamp)}"


def branch_id(activity: str, index: int) -> str:
    """Return the id of branch `index` of a Parallel state's activity."""
    return f"{activity}/b{index}"


def iteration_id(activity: str, index: int) -> str:
    """Return the id of iteration `index` of a Map state's activity."""
    return f"{activity}/i{index}"


def task_id(tenant: str, namespace: str, resource: str, stamp: int) -> str:
    """Return the id of a task; tasks of one resource share a prefix."""
    return f"/{tenant}/{namespace}/t{_hash7(resource)}/{to_hex(stamp)}"


def owner(identifier: str) -> str:
    """Return the id that `identifier` belongs to: the scope of an activity, the activity of a
    branch or iteration.
    """
    return identifier.rpartition("/")[0]


def execution_of(identifier: str) -> str:
    """Return the execution's id at the front of the id of an execution, activity, branch or
    iteration.
    """
    behind_tenant = identifier.index("/", 1)
    return identifier[: identifier.index("/", behind_tenant + 1) + _BEHIND_NAMESPACE]


def tenant_and_namespace(identifier: str) -> tuple[str, str]:
    """Return the first two parts of any id."""
    _, tenant, namespace, _ = identifier.split("/", 3)
    return tenant, namespace


def is_execution_scope(scope: str) -> bool:
    """Whether a scope is an execution itself, rather than a branch or an iteration."""
    return scope.count("/") == _EXECUTION_PARTS - 1


def is_iteration(scope: str) -> bool:
    """Whether a scope is an iteration of a Map."""
    return not is_execution_scope(scope) and scope[scope.rindex("/") + 1] == "i"


def index_of(scope: str) -> int:
    """Return the index of a branch or an iteration."""
    return int(scope[scope.rindex("/") + 2 :])
