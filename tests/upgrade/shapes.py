"""The shapes of all that is kept or sent, as plain values that a file can hold.

records   frozen: what entries and rows are made of; a released one never changes
growing   what only its own program writes again, or nobody: may grow at its end, with defaults
unions    which records may stand in one place; they only grow
enums     the values that stand in records and keys; they only grow
"""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from enum import Enum
from types import ModuleType, NoneType, UnionType
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from stepraft import interpreter, storage
from stepraft.interpreter.commands import Command
from stepraft.interpreter.events import Event, HistoryEvent
from stepraft.interpreter.records import Record, TaggedRecord
from stepraft.server.raft.membership import Membership
from stepraft.server.raft.messages import Message
from stepraft.server.raft.segment import Head
from stepraft.server.raft.vote import Ballot
from stepraft.storage.entry import EntryKind
from stepraft.storage.keys import Family, Part
from stepraft.storage.snapshot import SnapshotHead, SnapshotPart

_UNIONS: Final[dict[str, Any]] = {
    "Event": Event,
    "HistoryEvent": HistoryEvent,
    "Command": Command,
    "Message": Message,
}
_FILES: Final = (Head, Ballot, Membership, SnapshotHead, SnapshotPart)
"""What stands beside the log and the rows, with all that these hold."""
_KEYS: Final = (EntryKind, Family, Part)
_Kind = TypeVar("_Kind")
_MEMBERS: Final = {name: frozenset(get_args(union)) for name, union in _UNIONS.items()}


class Shape(Struct, frozen=True, omit_defaults=True):
    """One struct. `fields`: in order, each as it would be written in a class."""

    fields: list[str]
    tag: str | int | None = None


class Shapes(Struct, frozen=True):
    """All shapes of one program, by name."""

    records: dict[str, Shape]
    growing: dict[str, Shape]
    unions: dict[str, list[str]]
    enums: dict[str, dict[str, str]]


def shapes() -> Shapes:
    """Return the shapes of this program."""
    records = sorted(_records(), key=_name)
    growing = _reached((*get_args(Message), *_FILES), Struct)
    return Shapes(
        records=_by_name(records),
        growing=_by_name(sorted(growing, key=_name)),
        unions={
            name: [kind.__name__ for kind in get_args(union)] for name, union in _UNIONS.items()
        },
        enums={
            kind.__name__: _values(kind)
            for kind in sorted(_reached((*records, *growing, *_KEYS), Enum), key=_name)
        },
    )


def _records() -> Iterator[type[Struct]]:
    for package in (interpreter, storage):
        _load(package)
    return _beneath(Record, TaggedRecord)


def _load(package: ModuleType) -> None:
    """Import all modules of a package, so that their classes are known."""
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(found.name)


def _beneath(*bases: type[Struct]) -> Iterator[type[Struct]]:
    for base in bases:
        for kind in base.__subclasses__():
            if kind.__module__.startswith("stepraft."):
                yield kind
                yield from _beneath(kind)


def _by_name(kinds: Iterable[type[Struct]]) -> dict[str, Shape]:
    found: dict[str, Shape] = {}
    for kind in kinds:
        assert kind.__name__ not in found, f"two structs are called {kind.__name__}"
        found[kind.__name__] = _shape(kind)
    return found


def _shape(kind: type[Struct]) -> Shape:
    hints = get_type_hints(kind)
    fields = [
        f"{field.name}: {_text(hints[field.name])}{_default(field)}"
        for field in msgspec.structs.fields(kind)
    ]
    return Shape(fields, kind.__struct_config__.tag)


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.default_factory is not msgspec.NODEFAULT:
        return f" = {field.default_factory()!r}"
    return "" if field.default is msgspec.NODEFAULT else f" = {_plain(field.default)!r}"


def _plain(value: object) -> object:
    return value.value if isinstance(value, Enum) else value


def _text(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _text(arguments[0])
    if origin in (Union, UnionType):
        return _union(arguments)
    if origin is not None:
        return f"{origin.__name__}[{', '.join(map(_text, arguments))}]"
    if hint is Ellipsis:
        return "..."
    return "None" if hint is NoneType else str(hint.__name__)


def _union(arguments: tuple[Any, ...]) -> str:
    for name, members in _MEMBERS.items():
        if frozenset(arguments) == members:
            return name
    return " | ".join(map(_text, arguments))


def _reached(roots: Iterable[Any], base: type[_Kind]) -> set[type[_Kind]]:
    """Return the subclasses of `base` among the roots and all types that they are made of."""
    found: set[type[_Kind]] = set()
    hints = list(roots)
    while hints:
        hint = hints.pop()
        hints.extend(get_args(hint))
        if not isinstance(hint, type) or hint in found:
            continue
        if issubclass(hint, base):
            found.add(hint)
        if issubclass(hint, Struct):
            hints.extend(get_type_hints(hint).values())
    return found


def _name(kind: type) -> str:
    return kind.__name__


def _values(kind: type[Enum]) -> dict[str, str]:
    return {member.name: repr(_plain(member)) for member in kind}
