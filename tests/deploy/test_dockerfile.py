"""The image: built in two stages from what the context holds, run by a user without rights."""

import json
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

KNOWN = {
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "RUN",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
}
"""Source: https://docs.docker.com/reference/dockerfile/"""


def test_every_instruction_is_one_that_docker_knows(instructions: list[Any]) -> None:
    assert {each.name for each in instructions} <= KNOWN


def test_the_last_stage_takes_the_installed_program_from_the_first(instructions: list[Any]) -> None:
    stages = [each.value.split() for each in instructions if each.name == "FROM"]

    assert [stage[1:] for stage in stages] == [["AS", "build"], []]
    assert "--from=build /opt/stepraft /opt/stepraft" in _values(last_stage(instructions), "COPY")


def test_the_base_images_are_named_to_the_version(instructions: list[Any]) -> None:
    images = {each.value.split()[0] for each in instructions if each.name == "FROM"}

    assert images == {"python:3.12-slim-bookworm"}


def test_the_dependencies_are_checked_by_their_hashes(instructions: list[Any]) -> None:
    installs = [each for each in _values(instructions, "RUN") if "pip install" in each]

    assert [each.split()[-1] for each in installs] == [
        "requirements-build.lock",
        "requirements-runtime.lock",
        ".",
    ]
    assert all("--require-hashes" in each for each in installs[:2])
    assert "--no-deps" in installs[2]


def test_the_program_runs_as_a_user_by_number_who_is_not_root(instructions: list[Any]) -> None:
    (user,) = _values(last_stage(instructions), "USER")

    assert user == "10001:10001"


def test_nothing_is_installed_or_copied_once_the_rights_are_given_up(
    instructions: list[Any],
) -> None:
    names = [each.name for each in last_stage(instructions)]

    assert set(names[names.index("USER") :]).isdisjoint({"RUN", "COPY"})


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        pytest.param("ENTRYPOINT", ["stepraft"], id="entrypoint"),
        pytest.param("CMD", ["server", "--config", "/etc/stepraft/stepraft.toml"], id="command"),
    ],
)
def test_the_server_is_started_without_a_shell_between(
    instructions: list[Any], name: str, arguments: list[str]
) -> None:
    (value,) = _values(last_stage(instructions), name)

    assert json.loads(value) == arguments


def test_the_health_check_asks_the_node_over_grpc(instructions: list[Any]) -> None:
    (value,) = _values(last_stage(instructions), "HEALTHCHECK")
    _, _, command = value.partition("CMD ")

    assert json.loads(command) == ["stepraft", "health", "--address", "127.0.0.1:7400"]


def test_the_data_folder_is_a_volume_and_the_ports_are_the_ones_of_the_configuration(
    instructions: list[Any], configuration: dict[str, Any]
) -> None:
    ports = [configuration[section]["listen"].split(":")[1] for section in ("grpc", "raft")]

    assert _values(last_stage(instructions), "VOLUME") == [configuration["node"]["data_dir"]]
    assert _values(last_stage(instructions), "EXPOSE") == [" ".join(ports)]


def test_all_that_is_copied_is_in_the_context_and_not_ignored(
    instructions: list[Any], root: Path
) -> None:
    sources = _copied(instructions)

    assert [each for each in sources if not (root / each).exists()] == []
    assert [each for each in sources if not _is_let_in(each, root)] == []


def test_whatever_is_let_into_the_context_is_copied(instructions: list[Any], root: Path) -> None:
    assert {each.rstrip("/") for each in _copied(instructions)} == set(_let_in(root))


def last_stage(instructions: list[Any]) -> list[Any]:
    """Return the instructions of the stage that becomes the image."""
    last = max(index for index, each in enumerate(instructions) if each.name == "FROM")
    return instructions[last:]


def _values(instructions: list[Any], name: str) -> list[str]:
    return [each.value for each in instructions if each.name == name]


def _copied(instructions: list[Any]) -> list[str]:
    """Return what COPY takes from the context."""
    copies = [each.split() for each in _values(instructions, "COPY") if "--from=" not in each]
    return [source for *sources, _target in copies for source in sources]


def _let_in(root: Path) -> list[str]:
    lines = (root / "deploy/Dockerfile.dockerignore").read_text().splitlines()
    return [line[1:] for line in lines if line.startswith("!")]


def _is_let_in(source: str, root: Path) -> bool:
    return any(fnmatch(source.rstrip("/"), pattern) for pattern in _let_in(root))
