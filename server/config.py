"""Reads a node's configuration: a TOML file, over it the environment, over that the command line.

    [grpc] listen = "..."       STEPRAFT_GRPC_LISTEN=...       --grpc-listen ...

In the environment and on the command line a list is separated by commas, and `members` is written
as TOML's inline table.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import fields

from stepraft.interpreter import features
from stepraft.server.faults import Faults
from stepraft.server.raft.settings import RaftSettings, split_address
from stepraft.server.settings import (
    KIB,
    ClusterSection,
    Config,
    GrpcSection,
    LogSection,
    Member,
    NodeSection,
    RaftSection,
    Section,
)

ENVIRONMENT_PREFIX: Final = "STEPRAFT_"
_ENVELOPE_BYTES: Final = 64 * KIB
"""Room in a message for what stands beside its documents."""

SECTIONS: Final[Mapping[str, type[Section]]] = {
    section.name: section.type for section in fields(Config)
}
"""The sections by name, in the order of the file."""

_NAMED_FIELD: Final = re.compile(
    r"Object (?P<what>missing required|contains unknown) field `(?P<field>.*)`"
)

_NUMBER: Final = re.compile(r"[0-9]+(_[0-9]+)*")

Values = dict[str, dict[str, Any]]
"""Section, key, value: as read, not yet checked."""


class ConfigError(Exception):
    """The configuration is wrong; the text has one line for each problem, which names the key and
    the rule.
    """


def load(
    path: Path | None, environment: Mapping[str, str], flags: Mapping[tuple[str, str], str]
) -> Config:
    """Return the configuration; `flags` are by section and key.

    Errors: ConfigError.
    """
    values: Values = {} if path is None else _read(path)
    for source in (_from_environment(environment), flags):
        for (section, key), text in source.items():
            values.setdefault(section, {})[key] = _value_of(section, key, text)
    return parse(values)


def all_keys() -> Iterator[tuple[str, str]]:
    """Return every key with its section, in the order of the file."""
    for section, section_type in SECTIONS.items():
        for key in fields(section_type):
            yield section, key.name


def parse(values: Values) -> Config:
    """Return the configuration that `values` make, every rule checked.

    Errors: ConfigError.
    """
    _raise_if_any(list(_unknown(values)))
    problems: list[str] = []
    sections: dict[str, Any] = {}
    for name, section_type in SECTIONS.items():
        try:
            sections[name] = _converted(name, values.get(name, {}), section_type)
        except ConfigError as error:
            problems.append(str(error))
    _raise_if_any(problems)
    config = Config(**sections)
    _raise_if_any(list(_contradictions(config)))
    return config


def single_node(data_dir: Path, grpc_listen: str, log: LogSection) -> Config:
    """Return the configuration of a cluster of one.

    Nobody else stands for election, so it stands at once.
    Errors: ConfigError.
    """
    member = Member(raft="127.0.0.1:0", grpc=grpc_listen)
    config = Config(
        node=NodeSection(id="dev", data_dir=str(data_dir)),
        cluster=ClusterSection(id="dev", members={"dev": member}),
        grpc=GrpcSection(listen=grpc_listen),
        raft=RaftSection(
            listen=member.raft,
            election_timeout_min_ms=50,
            election_timeout_max_ms=100,
            heartbeat_ms=10,
        ),
        log=log,
    )
    _raise_if_any(list(_contradictions(config)))
    return config


def raft_settings(config: Config, partition: int) -> RaftSettings:
    """Return how this node takes part in the Raft group of one partition.

    Errors: ValueError, which names the field and the rule.
    """
    raft = config.raft
    return RaftSettings(
        node_id=config.node.id,
        cluster_id=config.cluster.id,
        members={node_id: member.raft for node_id, member in config.cluster.members.items()},
        grpc_members={node_id: member.grpc for node_id, member in config.cluster.members.items()},
        listen=raft.listen,
        folder=partition_folder(config, partition) / "raft",
        election_timeout_min_s=raft.election_timeout_min_ms / 1000,
        election_timeout_max_s=raft.election_timeout_max_ms / 1000,
        quorum_timeout_s=raft.election_timeout_max_ms / 1000,
        connect_timeout_s=max(0.4, raft.election_timeout_min_ms / 1000),
        silence_timeout_s=max(1.0, raft.election_timeout_max_ms / 1000),
        heartbeat_s=raft.heartbeat_ms / 1000,
        journal_bytes_max=raft.journal_bytes_max,
        fsync=raft.fsync,
        low_bytes=config.disk.low_bytes,
        critical_bytes=config.disk.critical_bytes,
        is_encrypted=config.tls.is_given,
        insecure_network=raft.insecure_network,
        supported_level=features.SUPPORTED,
    )


def partition_folder(config: Config, partition: int) -> Path:
    """Return the folder that holds what one partition keeps on this node."""
    return Path(config.node.data_dir) / f"partition-{partition}"


def _read(path: Path) -> Values:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    for name, section in values.items():
        if not isinstance(section, dict):
            raise ConfigError(f"{name}: it stands outside of any section")
    return values


def _from_environment(environment: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """Return what the environment sets; variables whose second word is no section are not ours."""
    found = {}
    for name, text in environment.items():
        section, _, key = name.removeprefix(ENVIRONMENT_PREFIX).lower().partition("_")
        if name.startswith(ENVIRONMENT_PREFIX) and key and section in SECTIONS:
            found[section, key] = text
    return found


def _value_of(section: str, key: str, text: str) -> Any:
    """Return the value that `text` stands for, by the type of its key."""
    key_type = {each.name: each.type for each in fields(SECTIONS[section])}.get(key)
    if key_type is None:
        return text
    if (section, key) == ("cluster", "members"):
        return _inline_table(f"{section}.{key}", text)
    if (section, key) == ("faults", "points"):
        return [part.strip() for part in text.split(",") if part.strip()]
    if key_type is bool:
        return {"true": True, "false": False}.get(text.lower(), text)
    is_number = key_type is int or int in get_args(key_type)
    return int(text) if is_number and _NUMBER.fullmatch(text) else text


def _inline_table(place: str, text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{place}: not an inline table of TOML: {error}") from error


def _unknown(values: Values) -> Iterator[str]:
    for section, given in values.items():
        section_type = SECTIONS.get(section)
        if section_type is None:
            yield f"{section}: there is no such section; the sections are {', '.join(SECTIONS)}"
            continue
        known = [key.name for key in fields(section_type)]
        for key in given:
            if key not in known:
                yield f"{section}.{key}: there is no such key; the keys are {', '.join(known)}"


def _converted(place: str, values: Any, struct: type[Struct]) -> Struct:
    """Return the record that `values` make.

    Errors: ConfigError.
    """
    if struct is ClusterSection and isinstance(values.get("members"), dict):
        for node_id, member in values["members"].items():
            _converted(f"{place}.members.{node_id}", member, Member)
    try:
        return msgspec.convert(values, struct)
    except msgspec.ValidationError as error:
        raise ConfigError(_problem(place, str(error), struct)) from error


def _problem(place: str, text: str, struct: type[Struct]) -> str:
    """Turn ``Expected `int`, got `str` - at `$.listen``` into `grpc.listen: expected ...`."""
    message, _, path = text.partition(" - at `$")
    path = path.rstrip("`")
    named = _NAMED_FIELD.match(message)
    if named is not None:
        fault = (
            "it has to be set" if named["what"].startswith("missing") else "there is no such key"
        )
        return f"{place}{path}.{named['field']}: {fault}"
    if message.startswith("Invalid enum value"):
        choices = {each.name: get_args(each.type) for each in fields(struct)}
        message += f"; it is one of {', '.join(choices[path.removeprefix('.')])}"
    return f"{place}{path}: {_lower_first(message)}"


def _raise_if_any(problems: list[str]) -> None:
    if problems:
        raise ConfigError("\n".join(problems))


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


def _contradictions(config: Config) -> Iterator[str]:
    """Give the problems that several keys make together, or that a type cannot say."""
    yield from _address_problems(config)
    if config.node.id not in config.cluster.members:
        members = ", ".join(config.cluster.members)
        yield f"node.id: {config.node.id!r} is none of the members, {members}"
    if config.tasks.lease_default_ms > config.tasks.lease_max_ms:
        yield "tasks.lease_default_ms: must not be above tasks.lease_max_ms"
    yield from _message_problems(config)
    yield from _tls_problems(config)
    try:
        Faults(config.faults.points)
    except ValueError as error:
        yield f"faults.points: {error}"
    if config.node.id in config.cluster.members:
        yield from _raft_problems(config)


def _address_problems(config: Config) -> Iterator[str]:
    addresses = {"grpc.listen": config.grpc.listen}
    for node_id, member in config.cluster.members.items():
        addresses[f"cluster.members.{node_id}.grpc"] = member.grpc
    for place, address in addresses.items():
        try:
            split_address(address, place)
        except ValueError as error:
            yield str(error)


def _message_problems(config: Config) -> Iterator[str]:
    needed = {
        "limits.definition_bytes": config.limits.definition_bytes + _ENVELOPE_BYTES,
        "limits.payload_bytes, twice": 2 * config.limits.payload_bytes + _ENVELOPE_BYTES,
    }
    for what, bytes_needed in needed.items():
        if config.grpc.max_message_bytes < bytes_needed:
            yield (
                f"grpc.max_message_bytes: must be at least {bytes_needed}, so that a message holds "
                f"{what}"
            )


def _tls_problems(config: Config) -> Iterator[str]:
    files = {"ca": config.tls.ca, "cert": config.tls.cert, "key": config.tls.key}
    missing = [name for name, path in files.items() if not path]
    if len(missing) in (1, 2):
        for name in missing:
            yield f"tls.{name}: it has to be set, since other files of [tls] are"
    if config.grpc.client_certificates == "required" and len(missing) == len(files):
        yield "grpc.client_certificates: 'required' needs the files of [tls]"


_RAFT_KEYS: Final = {
    "members": "cluster.members",
    "listen": "raft.listen",
    "election_timeout_min_s": "raft.election_timeout_min_ms",
    "election_timeout_max_s": "raft.election_timeout_max_ms",
    "quorum_timeout_s": "raft.election_timeout_max_ms",
    "silence_timeout_s": "raft.election_timeout_max_ms",
    "heartbeat_s": "raft.heartbeat_ms",
    "journal_bytes_max": "raft.journal_bytes_max",
    "low_bytes": "disk.low_bytes",
    "critical_bytes": "disk.critical_bytes",
}
"""The fields of RaftSettings, and the keys that they are made from."""


def _raft_problems(config: Config) -> Iterator[str]:
    try:
        raft_settings(config, 0)
    except ValueError as error:
        yield re.sub(r"^\w+|\w+_(?:s|bytes|bytes_max)\b", _raft_key, str(error))


def _raft_key(field: re.Match[str]) -> str:
    return _RAFT_KEYS.get(field[0], field[0])
