"""The rules for the fields of requests; each error names the field and the rule."""

import re
from typing import Final

from stepraft.interpreter import documents, ids
from stepraft.interpreter.errors import Reason, Rejection
from stepraft.interpreter.records import JsonText
from stepraft.server.raft.settings import split_address
from stepraft.server.service.callers import Caller
from stepraft.server.settings import NAME_PATTERN, LimitsSection

DEFAULT_NAMESPACE: Final = "default"
NAME_LENGTH_MAX: Final = 80
IDEMPOTENCY_KEY_LENGTH_MAX: Final = 128
ERROR_LENGTH_MAX: Final = 256
CAUSE_LENGTH_MAX: Final = 32_768
DESCRIPTION_LENGTH_MAX: Final = 2048

_NODE_ID: Final = re.compile(NAME_PATTERN)
_FORBIDDEN_IN_NAMES: Final = re.compile(
    r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff\U0010ffff]"
)
"""Source: https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html"""


def namespace(text: str) -> str:
    """Return the namespace that `text` names; empty means the default one.

    Errors: INVALID_NAME.
    """
    if text and not ids.is_namespace(text):
        raise Rejection(
            Reason.INVALID_NAME,
            f"namespace must have 1 to {NAME_LENGTH_MAX} of A-Z a-z 0-9 _ . -,"
            " the first a letter or digit",
            field="namespace",
        )
    return text or DEFAULT_NAMESPACE


def name(text: str, field: str) -> str:
    """Return a name of a workflow or an execution.

    Errors: INVALID_NAME.
    """
    if not 1 <= len(text) <= NAME_LENGTH_MAX:
        raise Rejection(
            Reason.INVALID_NAME,
            f"{field} has {len(text)} characters; it must have 1 to {NAME_LENGTH_MAX}",
            field=field,
        )
    forbidden = _FORBIDDEN_IN_NAMES.search(text)
    if forbidden is not None:
        raise Rejection(
            Reason.INVALID_NAME,
            f"{field} holds the character {forbidden[0]!r}; white space, control characters and"
            ' any of <>{}[]?*"#%\\^|~`$&,;:/ may not stand in a name',
            field=field,
        )
    return text


def node_id(text: str) -> str:
    """Return the id of a node.

    Errors: INVALID_NAME.
    """
    if not _NODE_ID.fullmatch(text):
        raise Rejection(
            Reason.INVALID_NAME,
            f"node_id must have 1 to {NAME_LENGTH_MAX} of A-Z a-z 0-9 _ . -,"
            " the first a letter or digit",
            field="node_id",
        )
    return text


def address(text: str, field: str) -> str:
    """Return where a node is reached.

    Errors: INVALID_ARGUMENT.
    """
    try:
        _, port = split_address(text, field)
    except ValueError as error:
        raise Rejection(Reason.INVALID_ARGUMENT, str(error), field=field) from error
    if port == 0:
        text = f"{field}: {text!r} has port 0, where nobody can be reached"
        raise Rejection(Reason.INVALID_ARGUMENT, text, field=field)
    return text


def idempotency_key(text: str) -> str:
    """Return an idempotency key; empty means that there is none.

    Errors: INVALID_ARGUMENT.
    """
    if len(text) > IDEMPOTENCY_KEY_LENGTH_MAX or not text.isprintable():
        raise Rejection(
            Reason.INVALID_ARGUMENT,
            f"idempotency_key has at most {IDEMPOTENCY_KEY_LENGTH_MAX} characters, all printable",
            field="idempotency_key",
        )
    return text


def at_most(text: str, length_max: int, field: str) -> str:
    """Return a text for people.

    Errors: INVALID_ARGUMENT when it is too long.
    """
    if len(text) > length_max:
        raise Rejection(
            Reason.INVALID_ARGUMENT,
            f"{field} has {len(text)} characters; at most {length_max} are allowed",
            field=field,
        )
    return text


def between(number: int, least: int, most: int, field: str) -> int:
    """Return a number.

    Errors: INVALID_ARGUMENT when it is out of bounds.
    """
    if not least <= number <= most:
        raise Rejection(
            Reason.INVALID_ARGUMENT,
            f"{field} is {number}; it must be {least} to {most}",
            field=field,
        )
    return number


def document(text: str, field: str, limits: LimitsSection) -> JsonText:
    """Return a client's document as compact JSON text.

    Errors: INVALID_INPUT, DUPLICATE_KEY, NESTING_TOO_DEEP, PAYLOAD_TOO_LARGE.
    """
    value = documents.parse_input(
        text, field=field, size_max=limits.payload_bytes, depth_max=limits.document_depth
    )
    compact = documents.dumps(value)
    if len(compact) > limits.payload_bytes:
        raise Rejection(
            Reason.PAYLOAD_TOO_LARGE,
            f"{field} has {len(compact)} bytes with its numbers written out;"
            f" at most {limits.payload_bytes} are allowed",
            field=field,
        )
    return compact


def execution_id(text: str, caller: Caller) -> str:
    """Return the id of an execution of the caller's, which need not be there.

    Errors: INVALID_ARGUMENT when it has not the form of one; EXECUTION_NOT_FOUND.
    """
    if not ids.is_execution(text):
        raise Rejection(
            Reason.INVALID_ARGUMENT,
            "execution_id has not the form /{tenant}/{namespace}/e{7 hex digits}/{16 hex digits}",
            field="execution_id",
        )
    tenant, home = ids.tenant_and_namespace(text)
    if tenant != caller.tenant or caller.namespace not in ("", home):
        raise no_execution(text)
    return text


def no_execution(identifier: str) -> Rejection:
    """Return the refusal of a request about an execution that is not there."""
    text = f"there is no execution {identifier}"
    return Rejection(Reason.EXECUTION_NOT_FOUND, text, field="execution_id")
