"""Keys that keep order: every key is one family byte, then parts whose byte order is the order
wanted.

Identifiers hold no NUL byte, so NUL ends a part that varies in length: no identifier can forge the
prefix of another. Numbers are big-endian and of fixed size.
"""

import struct
from enum import Enum

from stepraft.interpreter.hlc import STAMP_MAX
from stepraft.interpreter.lifecycle import ExecutionStatus


class Family(bytes, Enum):
    """The first byte of each key: what kind of row it is. A released byte keeps its meaning."""

    META = b"m"
    """One row each for the position in the log, the cluster's secret, its feature level."""
    CONTEXT = b"c"
    """`{id} NUL {part}`: the rows of executions, activities, branches, iterations and tasks, so
    that an owner is a prefix.
    """
    HISTORY = b"h"
    """`{execution} NUL {sequence}`: the events of an execution, in order."""
    PENDING = b"p"
    """`{stamp}`: commands that no event follows yet, in order."""
    TIMER = b"t"
    """`{timer id}`: timers, the earliest first."""
    READY = b"r"
    """`/{tenant}/{namespace} NUL {resource} NUL {task id}`: tasks that wait for a worker, the
    oldest first.
    """
    WORKFLOW = b"w"
    """`/{tenant}/{namespace} NUL {name}`: the heads of workflows, by name."""
    VERSION = b"v"
    """`/{tenant}/{namespace} NUL {name} NUL {version}`: the versions of workflows."""
    LOCAL = b"l"
    """What is this node's alone, and no part of the replicated state: format and durability. No
    snapshot has these rows.
    """
    BY_WORKFLOW = b"x"
    """`/{tenant}/{namespace} NUL {workflow} NUL {status} NUL {inverted stamp} {execution}`:
    executions, newest first.
    """
    BY_KEY = b"k"
    """`/{tenant}/{namespace} NUL {idempotency key}`: whose execution a key is."""
    BY_NAME = b"n"
    """`/{tenant}/{namespace} NUL {workflow} NUL {name}`: which execution of a workflow has a name.
    """


class Part(bytes, Enum):
    """The last byte of a CONTEXT key: which row of its owner."""

    EXECUTION = b"e"
    ACTIVITY = b"a"
    WORK = b"w"
    FAN_OUT = b"f"
    ITEMS = b"l"
    CHILD = b"b"
    VARIABLES = b"v"
    TASK = b"t"
    INPUT = b"i"
    OUTPUT = b"o"


_NUL = b"\0"
_U64 = struct.Struct(">Q")
_U32 = struct.Struct(">I")

POSITION = Family.META + b"position"
"""The row that says how far the log is applied."""
SECRET = Family.META + b"secret"
"""The row of the key that task tokens are signed with."""
FEATURE_LEVEL = Family.META + b"level"
"""The row of the cluster's feature level."""
MEMBERS = Family.META + b"members"
"""The row that says who the members are, as the log last named them."""
FORMAT = Family.LOCAL + b"format"
"""The row of the format version and the owner of the folder."""
SYNCED = Family.LOCAL + b"synced"
"""The row of the last position that is certain to survive a loss of power."""
SNAPSHOT = Family.LOCAL + b"snapshot"
"""The row of the snapshot that the store began as; there is none in one that began empty."""
TRAIL = Family.LOCAL + b"trail"
"""`{index}`: one row for each entry applied since then, which says that its writes are there."""

_CONTEXT = Family.CONTEXT.value
_PART = {part: _NUL + part.value for part in Part}


def context(identifier: str, part: Part) -> bytes:
    """Return the key of one row of an execution, activity, branch, iteration or task."""
    return _CONTEXT + identifier.encode() + _PART[part]


def contexts_beneath(identifier: str) -> bytes:
    """Return the prefix of the rows of everything that `identifier` owns; its own rows are not
    among them.
    """
    return _CONTEXT + identifier.encode() + b"/"


def split_context(key: bytes) -> tuple[str, bytes]:
    """Return the identifier of a CONTEXT key and the value of its Part."""
    return key[1:-2].decode(), key[-1:]


def history(execution: str, sequence: int) -> bytes:
    """Return the key of one event of a history; sequences begin at 1."""
    return history_prefix(execution) + _U64.pack(sequence)


def history_prefix(execution: str) -> bytes:
    """Return the prefix of a history."""
    return Family.HISTORY + execution.encode() + _NUL


def sequence_of(key: bytes) -> int:
    """Return the sequence at the end of a HISTORY key."""
    return int(_U64.unpack(key[-8:])[0])


def execution_of_history(key: bytes) -> str:
    """Return the execution in a HISTORY key."""
    return key[1:-9].decode()


def trail(index: int) -> bytes:
    """Return the key of the row that says that entry `index` is written."""
    return TRAIL + _U64.pack(index)


def index_of_trail(key: bytes) -> int:
    """Return the index in a TRAIL key."""
    return int(_U64.unpack(key[-8:])[0])


def pending(stamp: int) -> bytes:
    """Return the key of a pending command."""
    return Family.PENDING + _U64.pack(stamp)


def timer(timer_id: str) -> bytes:
    """Return the key of a timer; ids sort by due time."""
    return Family.TIMER + timer_id.encode()


def _space(tenant: str, namespace: str) -> bytes:
    return f"/{tenant}/{namespace}".encode() + _NUL


def ready_prefix(tenant: str, namespace: str, resource: str) -> bytes:
    """Return the prefix of the tasks of one resource that wait for a worker."""
    return Family.READY + _space(tenant, namespace) + resource.encode() + _NUL


def ready(task_id: str, resource: str) -> bytes:
    """Return the key that says that a task waits for a worker."""
    _, tenant, namespace, _ = task_id.split("/", 3)
    return ready_prefix(tenant, namespace, resource) + task_id.encode()


def split_ready(key: bytes) -> tuple[str, str, str, str]:
    """Return tenant, namespace, resource and task id of a READY key."""
    space, resource, task_id = key[1:].decode().split("\0")
    _, tenant, namespace = space.split("/")
    return tenant, namespace, resource, task_id


def workflows(tenant: str, namespace: str) -> bytes:
    """Return the prefix of the heads of a namespace's workflows."""
    return Family.WORKFLOW + _space(tenant, namespace)


def workflow(tenant: str, namespace: str, name: str) -> bytes:
    """Return the key of a workflow's head."""
    return workflows(tenant, namespace) + name.encode()


def versions(tenant: str, namespace: str, name: str) -> bytes:
    """Return the prefix of a workflow's versions."""
    return Family.VERSION + _space(tenant, namespace) + name.encode() + _NUL


def version(tenant: str, namespace: str, name: str, number: int) -> bytes:
    """Return the key of one version of a workflow; versions begin at 1."""
    return versions(tenant, namespace, name) + _U32.pack(number)


def by_workflow_prefix(
    tenant: str, namespace: str, workflow_name: str, status: ExecutionStatus
) -> bytes:
    """Return the prefix of a workflow's executions of one status."""
    space = _space(tenant, namespace)
    return Family.BY_WORKFLOW + space + workflow_name.encode() + _NUL + status.encode() + _NUL


def by_workflow(
    execution: str, workflow_name: str, status: ExecutionStatus, started_at: int
) -> bytes:
    """Return the key of an execution in its workflow's index: the newest comes first."""
    _, tenant, namespace, _ = execution.split("/", 3)
    prefix = by_workflow_prefix(tenant, namespace, workflow_name, status)
    return prefix + _U64.pack(STAMP_MAX - started_at) + execution.encode()


def split_by_workflow(key: bytes, prefix: bytes) -> tuple[int, str]:
    """Return the start (HLC) and the id of the execution behind `prefix` in a BY_WORKFLOW key."""
    rest = key[len(prefix) :]
    return STAMP_MAX - int(_U64.unpack(rest[:8])[0]), rest[8:].decode()


def by_key(tenant: str, namespace: str, idempotency_key: str) -> bytes:
    """Return the key of what an idempotency key stands for."""
    return Family.BY_KEY + _space(tenant, namespace) + idempotency_key.encode()


def by_name(tenant: str, namespace: str, workflow_name: str, name: str) -> bytes:
    """Return the key of what an execution's name within a workflow stands for."""
    space = _space(tenant, namespace)
    return Family.BY_NAME + space + workflow_name.encode() + _NUL + name.encode()
