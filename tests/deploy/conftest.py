"""What the tests of `deploy/` share: its files as values, and configurations of three nodes."""

import json
import socket
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SCHEMAS = Path(__file__).parent / "schemas"


@dataclass(frozen=True)
class Directive:
    """One line of a systemd unit."""

    section: str
    key: str
    value: str


@dataclass(frozen=True)
class Instruction:
    """One instruction of a Dockerfile, its continued lines joined."""

    name: str
    value: str


@dataclass(frozen=True)
class RenderedNode:
    """A node of a rendered cluster: its id, its configuration file, and where it answers calls."""

    node_id: str
    config: Path
    grpc_address: str


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def configuration_text() -> str:
    return (DEPLOY / "stepraft.toml").read_text()


@pytest.fixture(scope="session")
def configuration(configuration_text: str) -> dict[str, Any]:
    return tomllib.loads(configuration_text)


@pytest.fixture(scope="session")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return document


@pytest.fixture(scope="session")
def manifests() -> dict[str, dict[str, Any]]:
    """The Kubernetes objects by `kind/name`."""
    documents = yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in documents}


@pytest.fixture(scope="session")
def unit() -> list[Directive]:
    return _directives((DEPLOY / "stepraft.service").read_text())


@pytest.fixture(scope="session")
def instructions() -> list[Instruction]:
    return _instructions((DEPLOY / "Dockerfile").read_text())


@pytest.fixture
def schema(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The JSON schema that the test's module names as SCHEMA."""
    text = (SCHEMAS / request.module.SCHEMA).read_text()
    document: dict[str, Any] = json.loads(text)
    return document


@pytest.fixture
def rendered_nodes(configuration: dict[str, Any], tmp_path: Path) -> list[RenderedNode]:
    """Three configurations made from stepraft.toml: free loopback ports, temporary folders."""
    members = _on_loopback(configuration["cluster"]["members"])
    return [_render(configuration, members, node_id, tmp_path) for node_id in members]


def _on_loopback(members: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return the same members with a free port of this machine for each address."""
    ports = _free_ports(2 * len(members))
    return {
        node_id: {role: f"127.0.0.1:{next(ports)}" for role in ("raft", "grpc")}
        for node_id in members
    }


def _free_ports(count: int) -> Iterator[int]:
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        ports = [each.getsockname()[1] for each in sockets]
    return iter(ports)


def _render(
    configuration: dict[str, Any],
    members: dict[str, dict[str, str]],
    node_id: str,
    folder: Path,
) -> RenderedNode:
    own = members[node_id]
    rendered = configuration | {
        "node": {"id": node_id, "data_dir": str(folder / node_id)},
        "cluster": {"id": configuration["cluster"]["id"], "members": members},
        "grpc": configuration["grpc"] | {"listen": own["grpc"]},
        "raft": configuration["raft"] | {"listen": own["raft"], "insecure_network": False},
    }
    config = folder / f"{node_id}.toml"
    config.write_text("".join(_toml_section(name, keys) for name, keys in rendered.items()))
    return RenderedNode(node_id, config, own["grpc"])


def _toml_section(name: str, keys: Mapping[str, Any]) -> str:
    lines = [f"{key} = {_toml_value(value)}\n" for key, value in keys.items()]
    return f"[{name}]\n{''.join(lines)}\n"


def _toml_value(value: Any) -> str:
    """Return `value` in TOML, which writes scalars and arrays as JSON does."""
    if isinstance(value, dict):
        return (
            "{ " + ", ".join(f"{key} = {_toml_value(each)}" for key, each in value.items()) + " }"
        )
    return json.dumps(value)


def _directives(text: str) -> list[Directive]:
    section = ""
    directives = []
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            directives.append(Directive(section, key, value))
    return directives


def _instructions(text: str) -> list[Instruction]:
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [Instruction(*line.split(maxsplit=1)) for line in joined.splitlines()]
