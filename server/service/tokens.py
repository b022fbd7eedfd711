"""Task tokens: what proves that one delivery of one task was made to the caller.

version (1 byte)  delivery (4)  lease in milliseconds (4)  signature (16)  task id (the rest)
"""

import struct
from typing import Final

from msgspec import Struct

from stepraft.interpreter.errors import Reason, Rejection
from stepraft.server.service.signing import SIGNATURE_BYTES, Signer

_VERSION: Final = 1
_HEAD: Final = struct.Struct(">BII")
_PURPOSE: Final = b"task"
_TASK_ID_AT: Final = _HEAD.size + SIGNATURE_BYTES


class TaskToken(Struct, frozen=True):
    """One delivery; `lease_ms` is the length that a heartbeat renews its lease by."""

    task_id: str
    delivery: int
    lease_ms: int


def issue(token: TaskToken, signer: Signer) -> bytes:
    """Return the token as a worker gets it."""
    head = _HEAD.pack(_VERSION, token.delivery, token.lease_ms)
    task_id = token.task_id.encode()
    return head + signer.sign(_PURPOSE, head + task_id) + task_id


def read(text: bytes, signer: Signer, tenant: str) -> TaskToken:
    """Return what a token says.

    Errors: TASK_TOKEN_INVALID when it was not issued by this cluster, or to another tenant.
    """
    head, signature = text[: _HEAD.size], text[_HEAD.size : _TASK_ID_AT]
    task_id = text[_TASK_ID_AT:]
    if not signer.is_signed(_PURPOSE, head + task_id, signature):
        raise _invalid()
    version, delivery, lease_ms = _HEAD.unpack(head)
    token = TaskToken(task_id.decode(), delivery, lease_ms)
    if version != _VERSION or not token.task_id.startswith(f"/{tenant}/"):
        raise _invalid()
    return token


def _invalid() -> Rejection:
    return Rejection(
        Reason.TASK_TOKEN_INVALID,
        "the token was not issued by this cluster, or is damaged",
        field="token",
    )
