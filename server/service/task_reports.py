"""What workers say about deliveries, and the commands that it becomes."""

from typing import Final, assert_never

from msgspec import Struct

from stepraft.interpreter.commands import CompleteTask, FailTask, HandBackTask, HeartbeatTask
from stepraft.interpreter.errors import TASK_FAILED
from stepraft.server.service import checks, tokens
from stepraft.server.service.callers import Caller
from stepraft.server.service.signing import Signer
from stepraft.server.settings import LimitsSection

TaskCommand = CompleteTask | FailTask | HeartbeatTask | HandBackTask


class Completion(Struct, frozen=True):
    """The work is done; an empty output means null."""

    output: str


class Failure(Struct, frozen=True):
    """The work failed; an empty error means States.TaskFailed."""

    error: str
    cause: str


class Heartbeat(Struct, frozen=True):
    """The work goes on."""


class HandBack(Struct, frozen=True):
    """The worker will not do it."""


Outcome = Completion | Failure | Heartbeat | HandBack

HEARTBEAT: Final = Heartbeat()
HAND_BACK: Final = HandBack()


class Report(Struct, frozen=True):
    """What became of one delivery. `request_id` is the worker's number for the report, 0 where it
    needs none.
    """

    token: bytes
    outcome: Outcome
    request_id: int = 0


class ReportReader:
    """Makes commands of one caller's reports."""

    def __init__(self, caller: Caller, signer: Signer, limits: LimitsSection) -> None:
        self._tenant = caller.tenant
        self._signer = signer
        self._limits = limits

    def command(self, report: Report) -> TaskCommand:
        """Return the command that a report becomes.

        Errors: TASK_TOKEN_INVALID, INVALID_ARGUMENT and those of documents.
        """
        token = tokens.read(report.token, self._signer, self._tenant)
        task_id, delivery = token.task_id, token.delivery
        match report.outcome:
            case Completion(output):
                document = checks.document(output or "null", "output", self._limits)
                return CompleteTask(task_id=task_id, delivery=delivery, output=document)
            case Failure(error, cause):
                return FailTask(
                    task_id=task_id,
                    delivery=delivery,
                    error=checks.at_most(error, checks.ERROR_LENGTH_MAX, "error") or TASK_FAILED,
                    cause=checks.at_most(cause, checks.CAUSE_LENGTH_MAX, "cause") or None,
                )
            case Heartbeat():
                return HeartbeatTask(task_id=task_id, delivery=delivery, lease_ms=token.lease_ms)
            case HandBack():
                return HandBackTask(task_id=task_id, delivery=delivery)
            case _:
                assert_never(report.outcome)
