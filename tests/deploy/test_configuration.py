"""The one configuration file: all keys, explained, with values that a cluster can start from."""

from typing import Any

import pytest

KEYS = {
    "node": {"data_dir"},
    "cluster": {"id", "members"},
    "grpc": {"listen", "max_message_bytes"},
    "raft": {
        "listen",
        "election_timeout_min_ms",
        "election_timeout_max_ms",
        "heartbeat_ms",
        "fsync",
        "insecure_network",
    },
    "limits": {
        "payload_bytes",
        "definition_bytes",
        "history_events",
        "document_depth",
        "group_events",
        "group_bytes",
        "map_start_chunk",
    },
    "tasks": {"lease_default_ms", "lease_max_ms", "poll_wait_max_ms", "leader_wait_ms"},
    "log": {"level", "format"},
    "faults": {"points"},
}
"""Every section with its keys. node.id is not set: it differs between the nodes."""


def test_the_file_holds_every_key_and_no_other(configuration: dict[str, Any]) -> None:
    assert {section: set(keys) for section, keys in configuration.items()} == KEYS


@pytest.mark.parametrize(
    "key",
    [pytest.param(key, id=f"{name}.{key}") for name, keys in KEYS.items() for key in sorted(keys)],
)
def test_every_key_is_explained_above_it(configuration_text: str, key: str) -> None:
    paragraphs = configuration_text.split("\n\n")
    (paragraph,) = [
        each for each in paragraphs if f"\n{key} =" in each or f"[cluster.{key}]" in each
    ]

    before, _, _ = paragraph.partition(f"\n{key} =")

    assert "# " in before


def test_a_majority_can_be_lost_by_no_single_node(configuration: dict[str, Any]) -> None:
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


def test_what_is_acknowledged_is_on_the_disk(configuration: dict[str, Any]) -> None:
    assert configuration["raft"]["fsync"] is True


def test_a_heartbeat_comes_several_times_within_an_election_timeout(
    configuration: dict[str, Any],
) -> None:
    raft = configuration["raft"]

    assert (
        3 * raft["heartbeat_ms"] < raft["election_timeout_min_ms"] < raft["election_timeout_max_ms"]
    )


def test_no_fault_is_armed(configuration: dict[str, Any]) -> None:
    assert configuration["faults"]["points"] == []
