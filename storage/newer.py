"""What a newer program wrote and this one does not know: said by name, before decoding becomes a
riddle.

It cannot be met where programs are upgraded as documented: a level is raised in the log before what
it brought is written, and a program that does not support the level stops there.
"""

from typing import Any, Final, get_args

import msgspec

from stepraft.interpreter.commands import Command
from stepraft.interpreter.events import Event
from stepraft.interpreter.features import SUPPORTED

_EVENTS: Final = frozenset(kind.__name__ for kind in get_args(Event))
_COMMANDS: Final = frozenset(kind.__name__ for kind in get_args(Command))
_EVENTS_AT: Final = 3
_NEXT_AT: Final = 5

_decode: Final = msgspec.msgpack.Decoder(list[list[Any]]).decode


class NewerError(Exception):
    """This program must not take what a newer one wrote; the text says what that is."""


def newer(what: str) -> NewerError:
    """Return the error for `what`, which this program does not know."""
    return NewerError(
        f"{what}, which this program (feature level {SUPPORTED}) does not know: a newer one wrote "
        "it; use the version of the program that the other nodes run"
    )


def unknown_record(groups: memoryview) -> str | None:
    """Return the name of the first event or command in encoded groups that this program does not
    know; None when it knows them all.
    """
    try:
        for group in _decode(groups):
            for event in group[_EVENTS_AT]:
                if event[0] not in _EVENTS:
                    return f"the event {event[0]}"
            for pending in group[_NEXT_AT]:
                if pending[1][0] not in _COMMANDS:
                    return f"the command {pending[1][0]}"
    except (msgspec.MsgspecError, LookupError, TypeError):
        return None
    return None
