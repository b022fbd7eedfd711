"""The public API's definition: every part of it says what it means."""

from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)
from grpc_tools import protoc

PROTO = Path(__file__).parents[1] / "proto"
NAMES = sorted(path.name for path in (PROTO / "stepraft" / "v1").glob("*.proto"))

# The numbers of the parts of a file, a message, an enum and a service in descriptor.proto.
MESSAGES, ENUMS, SERVICES = 4, 5, 6
FIELDS, NESTED_MESSAGES, NESTED_ENUMS = 2, 3, 4
VALUES, METHODS = 2, 2

Part = tuple[tuple[int, ...], str]


@pytest.mark.parametrize("name", NAMES)
def test_everything_in_the_protocol_is_described(name: str, tmp_path: Path) -> None:
    file = described(name, tmp_path)
    comments = {
        tuple(location.path): location.leading_comments.strip()
        for location in file.source_code_info.location
    }

    assert [part for path, part in parts(file) if not comments.get(path)] == []


def described(name: str, folder: Path) -> FileDescriptorProto:
    """Return what the compiler makes of one file, comments included."""
    descriptors = folder / "descriptors"
    code = protoc.main(
        [
            "protoc",
            f"--proto_path={PROTO}",
            f"--proto_path={files('grpc_tools') / '_proto'}",
            "--include_source_info",
            f"--descriptor_set_out={descriptors}",
            str(PROTO / "stepraft" / "v1" / name),
        ]
    )
    assert code == 0
    return FileDescriptorSet.FromString(descriptors.read_bytes()).file[0]


def parts(file: FileDescriptorProto) -> Iterator[Part]:
    """Yield all that must be described: the path in the file, and the name."""
    for index, message in enumerate(file.message_type):
        yield from message_parts((MESSAGES, index), message, message.name)
    for index, enum in enumerate(file.enum_type):
        yield from enum_parts((ENUMS, index), enum, enum.name)
    for index, service in enumerate(file.service):
        yield (SERVICES, index), service.name
        names = [f"{service.name}.{method.name}" for method in service.method]
        yield from numbered((SERVICES, index, METHODS), names)


def message_parts(path: tuple[int, ...], message: DescriptorProto, name: str) -> Iterator[Part]:
    yield path, name
    yield from numbered((*path, FIELDS), [f"{name}.{field.name}" for field in message.field])
    for index, nested in enumerate(message.nested_type):
        inner = f"{name}.{nested.name}"
        yield from message_parts((*path, NESTED_MESSAGES, index), nested, inner)
    for index, enum in enumerate(message.enum_type):
        yield from enum_parts((*path, NESTED_ENUMS, index), enum, f"{name}.{enum.name}")


def enum_parts(path: tuple[int, ...], enum: EnumDescriptorProto, name: str) -> Iterator[Part]:
    yield path, name
    yield from numbered((*path, VALUES), [f"{name}.{value.name}" for value in enum.value])


def numbered(path: tuple[int, ...], names: Sequence[str]) -> Iterator[Part]:
    return (((*path, index), name) for index, name in enumerate(names))
