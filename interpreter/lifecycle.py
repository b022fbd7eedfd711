"""The statuses of an execution and the legal changes between them, as a table; the documents'
diagrams follow it.

    Pending -> Running -> Succeeded | Failed
                       -> Canceling -> Canceled
                       -> Completing -> TimedOut | Failed
               Running <-> Paused
    every end -> Deleting

*Completing* and *Canceling*: the end is decided and what still runs beneath the execution is being
reclaimed. An execution that has nothing left to reclaim goes from Running to its end at once.
"""

from collections.abc import Mapping
from enum import StrEnum


class ExecutionStatus(StrEnum):
    """Where an execution stands. The texts are what the store and the public interfaces hold."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    COMPLETING = "COMPLETING"
    CANCELING = "CANCELING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    TIMED_OUT = "TIMED_OUT"
    DELETING = "DELETING"


_S = ExecutionStatus
ENDED = frozenset({_S.SUCCEEDED, _S.FAILED, _S.CANCELED, _S.TIMED_OUT})
"""The statuses that are ends: the execution's output or error is there and will not change."""

LEGAL_CHANGES: Mapping[ExecutionStatus, frozenset[ExecutionStatus]] = {
    _S.PENDING: frozenset({_S.RUNNING, _S.CANCELING}),
    _S.RUNNING: frozenset({_S.PAUSED, _S.COMPLETING, _S.CANCELING, _S.SUCCEEDED, _S.FAILED}),
    _S.PAUSED: frozenset({_S.RUNNING, _S.COMPLETING, _S.CANCELING}),
    _S.COMPLETING: frozenset({_S.FAILED, _S.TIMED_OUT}),
    _S.CANCELING: frozenset({_S.CANCELED}),
    _S.SUCCEEDED: frozenset({_S.DELETING}),
    _S.FAILED: frozenset({_S.DELETING}),
    _S.CANCELED: frozenset({_S.DELETING}),
    _S.TIMED_OUT: frozenset({_S.DELETING}),
    _S.DELETING: frozenset(),
}


def check_change(old: ExecutionStatus, new: ExecutionStatus) -> ExecutionStatus:
    """Return `new`; an illegal change is this program's error."""
    assert new in LEGAL_CHANGES[old], f"an execution cannot go from {old} to {new}"
    return new
