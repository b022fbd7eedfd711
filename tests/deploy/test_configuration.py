"""The one configuration file: all keys, explained, with values that a cluster can start from."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from stepraft.server import config
from stepraft.server.settings import Config

KEYS = list(config.all_keys())
SET_PER_NODE = ("node", "id")
UNLIKE_THE_DEFAULT = {
    ("cluster", "members"),
    ("grpc", "listen"),
    ("raft", "listen"),
    ("raft", "insecure_network"),
}
"""The file serves nodes on machines of their own; the defaults serve one on loopback."""


@pytest.fixture
def loaded(root: Path) -> dict[str, Any]:
    """The configuration of stepraft-1 as the server reads it."""
    environment = {"STEPRAFT_NODE_ID": "stepraft-1"}
    return _as_document(config.load(root / "deploy/stepraft.toml", environment, {}))


def test_the_server_reads_from_it_what_it_says(
    loaded: dict[str, Any], configuration: dict[str, Any]
) -> None:
    node = configuration["node"] | {"id": "stepraft-1"}

    assert loaded == configuration | {"node": node}


def test_it_holds_every_key_and_no_other(
    configuration: dict[str, Any],
) -> None:
    found = [(section, key) for section, keys in configuration.items() for key in keys]

    assert sorted(found) == sorted(set(KEYS) - {SET_PER_NODE})


@pytest.mark.parametrize(
    ("section", "key"),
    [
        pytest.param(section, key, id=f"{section}.{key}")
        for section, key in KEYS
        if (section, key) != SET_PER_NODE
    ],
)
def test_every_key_is_explained_above_it(configuration_text: str, section: str, key: str) -> None:
    paragraphs = _section(configuration_text, section).split("\n\n")
    (paragraph,) = [each for each in paragraphs if _declares(each, key)]

    comment, *_ = paragraph.partition(key)

    assert comment.startswith("# ")


def test_a_key_that_is_left_out_has_the_value_shown(loaded: dict[str, Any]) -> None:
    members = {"stepraft-1": {"raft": "127.0.0.1:7401", "grpc": "127.0.0.1:7400"}}
    defaults = _as_document(
        config.parse({"node": {"id": "stepraft-1"}, "cluster": {"members": members}})
    )
    different = {
        (section, key) for section, key in KEYS if loaded[section][key] != defaults[section][key]
    }

    assert different == UNLIKE_THE_DEFAULT


def test_no_single_node_takes_the_majority_with_it(configuration: dict[str, Any]) -> None:
    assert len(configuration["cluster"]["members"]) == 3


def test_each_member_has_two_addresses_of_its_own(configuration: dict[str, Any]) -> None:
    members = configuration["cluster"]["members"]

    assert members == {
        node_id: {
            "raft": f"{node_id}.stepraft-nodes:7401",
            "grpc": f"{node_id}.stepraft-nodes:7400",
        }
        for node_id in ("stepraft-0", "stepraft-1", "stepraft-2")
    }


def _as_document(value: Config) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(value))
    return document


def _section(text: str, name: str) -> str:
    """Return the text between a section's header and the next one, without blank lines around."""
    _, _, after = text.partition(f"\n[{name}]\n")
    own, _, _ = after.partition("\n\n\n")
    return own.strip()


def _declares(paragraph: str, key: str) -> bool:
    lines = paragraph.splitlines()
    return any(line.startswith((f"{key} =", f"[cluster.{key}]")) for line in lines)
