"""What a run writes down: every call of a client, every side effect of a worker, every fault.

Each process appends to a file of its own, one record a line, so that a `kill -9` loses nothing that
was written before. Times are seconds of the machine's monotonic clock, which all processes share.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

import msgspec
from msgspec import Struct


class Answer(StrEnum):
    """What a call came to. `UNAVAILABLE`: the client was told that nothing was done."""

    OK = "ok"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"
    BROKEN = "broken"
    """The server failed by a fault of its own."""


class Record(Struct, frozen=True, kw_only=True, tag=True):
    """Anything that a run writes down."""


class Operation(Record, frozen=True, kw_only=True):
    """One call of a client to one node, its tries included."""

    client: str
    node: str
    invoked_s: float
    returned_s: float
    answer: Answer
    reason: str = ""


class Start(Operation, frozen=True, kw_only=True):
    """A StartExecution. Shape, key, variant and `base_ms` make the input, see workload.py."""

    key: str
    shape: str
    variant: int
    base_ms: int
    execution_id: str = ""
    existing: bool = False


class OnExecution(Operation, frozen=True, kw_only=True):
    """A call about one execution."""

    execution_id: str


class Read(OnExecution, frozen=True, kw_only=True):
    """A GetExecution. `status` is empty unless the answer is OK."""

    status: str = ""


class HistoryRead(OnExecution, frozen=True, kw_only=True):
    """A whole history. `events`: a fingerprint of each event, in order."""

    events: tuple[int, ...] = ()


class Cancel(OnExecution, frozen=True, kw_only=True):
    """A CancelExecution."""


class Work(Record, frozen=True, kw_only=True):
    """A side effect: what the world outside saw of one delivery. `proof` is unique, and the result
    that the worker reports carries it.
    """

    execution_id: str
    task_id: str
    attempt: int
    worker: str
    proof: str
    token_hash: str
    at_s: float


class Report(Operation, frozen=True, kw_only=True):
    """A CompleteTask."""

    task_id: str
    attempt: int
    proof: str


class Sample(Record, frozen=True, kw_only=True):
    """What a node said of itself."""

    node: str
    at_s: float
    applied_index: int
    checksum: int


class FaultRecord(Record, frozen=True, kw_only=True):
    """A fault that was made. `kind` and `aim` as in the schedule, `targets` the nodes it hit.
    `has_alarmed`: what the nodes had to notice of it, they did.
    """

    kind: str
    aim: str
    targets: tuple[str, ...]
    began_s: float
    ended_s: float
    has_alarmed: bool = True


class NodeFailure(Record, frozen=True, kw_only=True):
    """What a node (or client, or worker) must not do: end by itself, not stop, log an error."""

    node: str
    at_s: float
    text: str


class Event(Struct, frozen=True, kw_only=True):
    """One event of a history, as far as the checker looks at it; `hlc_ms` is its time."""

    sequence: int
    hlc_ms: int
    type: str
    activity_id: str = ""
    state_name: str = ""
    state_type: str = ""
    task_id: str = ""
    attempt: int = 0
    retry_count: int = 0
    worker: str = ""
    proof: str = ""
    fingerprint: int = 0


class Outcome(Record, frozen=True, kw_only=True):
    """An execution as it is found after the calm. `input_digest`: see workload.digest."""

    execution_id: str
    key: str
    status: str
    input_digest: str
    output: Any = None
    error: str | None = None
    events: tuple[Event, ...] = ()


AnyRecord: TypeAlias = (
    Start
    | Read
    | HistoryRead
    | Cancel
    | Work
    | Report
    | Sample
    | FaultRecord
    | NodeFailure
    | Outcome
)

SUFFIX: Final = ".jsonl"
_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(AnyRecord)


class RecordFile:
    """Appends records to a file; each is with the kernel when `write` returns."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)

    def write(self, record: Record) -> None:
        """Append one record."""
        self._file.write(_ENCODER.encode(record) + b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()


def read_folder(folder: Path) -> Iterator[AnyRecord]:
    """Return all records of a run, file by file."""
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        yield from _decode(path.read_bytes().splitlines())


def _decode(lines: Iterable[bytes]) -> Iterator[AnyRecord]:
    for line in lines:
        yield _DECODER.decode(line)
