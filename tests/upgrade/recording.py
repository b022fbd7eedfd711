"""Records what a node of this program keeps, for later programs to read: its folder, and what the
folder holds.

The workload makes every event that this program can write, and leaves some work open.
"""

import lzma
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from stepraft.client import ExecutionStatus, NotFoundError, SyncClient, Task
from stepraft.storage.folders import FolderStore
from stepraft.storage.machine import Machine
from stepraft.testing.cluster import LocalCluster

NODE: Final = "n1"
BACKUP: Final = "backup"
_WORKER: Final = "recorder"
_RESOURCES: Final = ("twice", "fails first", "second time", "all but two", "never", "later")
_POLL_S: Final = 1.0
_WITHOUT_DATA: Final = ("LOG", "LOG.old", "ballast")
"""What LevelDB says to people, and the room that is kept for a disk that fills up."""


def _task(resource: str, **fields: Any) -> dict[str, Any]:
    end = {} if "Next" in fields else {"End": True}
    return {"Type": "Task", "Resource": resource} | end | fields


def _alone(name: str, state: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": name, "States": {name: state}}


_RETRY: Final = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}]
_EVERYTHING: Final[dict[str, Any]] = {
    "StartAt": "HandedBack",
    "TimeoutSeconds": 600,
    "States": {
        "HandedBack": _task("twice", HeartbeatSeconds=60, Assign={"kept.$": "$"}, Next="Both"),
        "Both": {
            "Type": "Parallel",
            "Branches": [
                _alone("FailsFirst", _task("fails first")),
                _alone("SecondTime", _task("second time")),
            ],
            "Retry": _RETRY,
            "Next": "Tolerant",
        },
        "Tolerant": {
            "Type": "Map",
            "ItemsPath": "$[0]",
            "ItemProcessor": _alone("Bears", _task("all but two")),
            "ToleratedFailureCount": 1,
            "ResultPath": None,
            "Next": "Strict",
        },
        "Strict": {
            "Type": "Map",
            "ItemsPath": "$[0]",
            "ItemProcessor": _alone("Breaks", _task("all but two")),
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "Late"}],
            "Next": "Late",
        },
        "Late": _task(
            "never",
            TimeoutSeconds=1,
            Catch=[{"ErrorEquals": ["States.Timeout"], "ResultPath": None, "Next": "Pause"}],
        ),
        "Pause": {"Type": "Wait", "Seconds": 1, "Next": "Asks"},
        "Asks": _task(
            "never",
            QueryLanguage="JSONata",
            Arguments="{% $nothing %}",
            Catch=[{"ErrorEquals": ["States.QueryEvaluationError"], "Next": "End"}],
            Next="End",
        ),
        "End": {"Type": "Pass", "Parameters": {"kept.$": "$kept"}, "End": True},
    },
}

_OPEN: Final = {
    "StartAt": "Both",
    "States": {
        "Both": {
            "Type": "Parallel",
            "Branches": [
                _alone("Later", _task("later")),
                _alone("Past", {"Type": "Wait", "Timestamp": "2001-01-01T00:00:00Z", "End": True}),
            ],
            "End": True,
        }
    },
}
_CANCELED: Final = {
    "StartAt": "Both",
    "States": {
        "Both": {
            "Type": "Parallel",
            "Branches": [
                _alone("Never", _task("never")),
                _alone("Day", {"Type": "Wait", "Seconds": 86_400, "End": True}),
            ],
            "End": True,
        }
    },
}
_FAILS: Final = _alone("Fails", {"Type": "Fail", "Error": "Refused", "Cause": "as asked"})


class Recording(Struct, frozen=True):
    """What a folder holds: where its log is applied to, the checksum there, how its executions
    stand, and which of them waits for the task `later`.
    """

    applied_index: int
    checksum: int
    feature_level: int
    statuses: dict[str, str]
    outputs: dict[str, str]
    waiting: str


def record(folder: Path, archive: Path) -> Recording:
    """Run a node in `folder`, back it up, stop it, and pack what it kept into `archive`."""
    cluster = LocalCluster(folder, size=1)
    with cluster:
        cluster.wait_for_leader()
        with SyncClient(cluster.addresses) as client:
            waiting = _work(client)
            executions = [
                client.get_execution(each.execution_id) for each in client.list_executions()
            ]
            backup = b"".join(chunk for chunk in client.backup() if isinstance(chunk, bytes))
    (folder / BACKUP).write_bytes(backup)
    node = cluster.nodes[NODE]
    with (
        lzma.open(archive, "wb", preset=9) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        tar.add(node.data_dir, NODE, filter=_packed)
        tar.add(folder / BACKUP, BACKUP, filter=_packed)
    with opened_store(node.data_dir) as store:
        machine = Machine(store)
        return Recording(
            applied_index=machine.applied_index,
            checksum=machine.checksum,
            feature_level=machine.feature_level,
            statuses={each.execution_id: each.status.name for each in executions},
            outputs={
                each.execution_id: msgspec.json.encode(each.output).decode()
                for each in executions
                if each.status is ExecutionStatus.SUCCEEDED
            },
            waiting=waiting,
        )


def _packed(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Leave out what holds no data, and whose files they are."""
    if Path(member.name).name in _WITHOUT_DATA:
        return None
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    return member


def journal_folder(data_dir: Path) -> Path:
    """Return where a node keeps its journal."""
    return data_dir / "partition-0" / "raft"


@contextmanager
def opened_store(data_dir: Path) -> Iterator[FolderStore]:
    """Open the store of a node that does not run."""
    store = FolderStore(data_dir / "partition-0" / "store")
    try:
        yield store
    finally:
        store.close()


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack what `record` has packed, and return the node's folder; the backup is beside it."""
    with lzma.open(archive) as packed, tarfile.open(fileobj=packed) as tar:
        tar.extractall(folder, filter="data")
    return folder / NODE


def _work(client: SyncClient) -> str:
    """Run the workload; return the execution that waits for a task."""
    for name, definition in {
        "everything": _EVERYTHING,
        "open": _OPEN,
        "canceled": _CANCELED,
        "fails": _FAILS,
    }.items():
        client.put_workflow(name, definition)
    client.put_workflow("fails", _FAILS, description="a second version")
    whole = client.start_execution("everything", [1, 2, 3], idempotency_key="everything")
    client.start_execution("fails", None, name="fails-by-name")
    canceled = client.start_execution("canceled", {})
    waiting = client.start_execution("open", {"left": "open"})
    worker = _Worker(client)
    while not client.get_execution(whole.execution_id).status.is_ended:
        worker.poll()
    client.cancel_execution(canceled.execution_id, error="Canceled", cause="as asked")
    client.wait_execution(canceled.execution_id)
    return waiting.execution_id


class _Worker:
    """Answers tasks as their resources say."""

    def __init__(self, client: SyncClient) -> None:
        self._client = client
        self._seen: dict[str, int] = {}
        self._actions: dict[str, Callable[[Task], None]] = {
            "twice": self._twice,
            "fails first": self._fails_first,
            "second time": self._second_time,
            "all but two": self._all_but_two,
            "never": self._keep,
            "later": self._renew,
        }

    def poll(self) -> None:
        """Answer what is offered within a moment."""
        tasks = self._client.poll_tasks(_RESOURCES, worker_id=_WORKER, max_tasks=10, wait_s=_POLL_S)
        for task in tasks:
            self._seen[task.resource] = self._seen.get(task.resource, 0) + 1
            self._actions[task.resource](task)

    def _twice(self, task: Task) -> None:
        if self._seen[task.resource] == 1:
            self._client.hand_back_task(task.token)
            return
        self._client.heartbeat_task(task.token)
        self._client.complete_task(task.token, task.input)

    def _fails_first(self, task: Task) -> None:
        if self._seen[task.resource] == 1:
            self._client.fail_task(task.token, "Refused", "the first time")
        else:
            self._client.complete_task(task.token, task.input)

    def _second_time(self, task: Task) -> None:
        if self._seen[task.resource] > 1:
            self._client.complete_task(task.token, task.input)

    def _all_but_two(self, task: Task) -> None:
        if task.input == 2:
            self._client.fail_task(task.token, "Refused", "of all numbers this")
            return
        with suppress(NotFoundError):  # Its Map has failed meanwhile.
            self._client.complete_task(task.token, task.input)

    def _keep(self, task: Task) -> None:
        """It runs out of its time, or is canceled."""

    def _renew(self, task: Task) -> None:
        """It stays with this worker, who says no more."""
        self._client.heartbeat_task(task.token)
