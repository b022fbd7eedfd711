"""Messages grow at their end: programs of two releases read each other's."""

from typing import Any, get_args

import msgspec
import pytest

from stepraft.server.raft import messages
from stepraft.server.raft.messages import (
    PROTOCOL_NEWEST,
    PROTOCOL_OLDEST,
    Hello,
    Message,
    protocol_fault,
)

_SAMPLES: dict[str, Any] = {
    "int": 1,
    "str": "n1",
    "bool": True,
    "bytes": b"data",
    "list": [],
}


def sample(kind: type[Any]) -> Any:
    """A message of that kind, its fields without defaults filled."""
    given = {
        field.name: _value_of(field.type)
        for field in msgspec.structs.fields(kind)
        if field.required
    }
    return kind(**given)


def _value_of(hint: Any) -> Any:
    """A value of the type, which is one of a few or a struct made of them."""
    while get_args(hint) and getattr(hint, "__origin__", None) is not list:
        hint = get_args(hint)[0]
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return sample(hint)
    return _SAMPLES[getattr(hint, "__name__", "list")]


@pytest.mark.parametrize("kind", get_args(Message), ids=lambda kind: kind.__name__)
def test_an_older_program_takes_a_message_that_has_grown(kind: type[Any]) -> None:
    message = sample(kind)
    fields = msgspec.msgpack.decode(messages.encode(message))

    assert messages.decode(msgspec.msgpack.encode([*fields, {"new": "field"}])) == message


@pytest.mark.parametrize("kind", get_args(Message), ids=lambda kind: kind.__name__)
def test_a_newer_program_takes_a_message_from_before_it_grew(kind: type[Any]) -> None:
    message = sample(kind)
    optional = sum(not field.required for field in msgspec.structs.fields(kind))
    fields = msgspec.msgpack.decode(messages.encode(message))

    shorter = fields[: len(fields) - optional]

    assert messages.decode(msgspec.msgpack.encode(shorter)) == message


@pytest.mark.parametrize(
    ("oldest", "newest", "fault"),
    [
        pytest.param(2, 3, None, id="the same"),
        pytest.param(1, 2, None, id="an older program"),
        pytest.param(3, 4, None, id="a newer program"),
        pytest.param(1, 9, None, id="a program that speaks more"),
        pytest.param(
            1, 1, "speaks protocol versions 1 to 1, this node 2 to 3", id="a program too old"
        ),
        pytest.param(
            4, 5, "speaks protocol versions 4 to 5, this node 2 to 3", id="a program too new"
        ),
    ],
)
def test_members_need_a_protocol_version_in_common(
    oldest: int, newest: int, fault: str | None
) -> None:
    hello = Hello(newest=newest, cluster_id="c", node_id="n2", oldest=oldest)

    assert protocol_fault(hello, oldest=2, newest=3) == fault


def test_this_program_can_talk_to_itself() -> None:
    hello = Hello(newest=PROTOCOL_NEWEST, cluster_id="c", node_id="n2", oldest=PROTOCOL_OLDEST)

    assert protocol_fault(hello) is None
