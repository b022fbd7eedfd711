"""The Compose file: valid, and three nodes that find each other by the configuration's names."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

SCHEMA = "compose.json"
NODES = ("stepraft-0", "stepraft-1", "stepraft-2")
WORKERS = ("worker-0", "worker-1")


def test_the_file_keeps_to_the_schema(compose: dict[str, Any], schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)

    problems = [error.message for error in Draft202012Validator(schema).iter_errors(compose)]

    assert problems == []


def test_a_misspelt_key_would_be_seen(compose: dict[str, Any], schema: dict[str, Any]) -> None:
    service = compose["services"]["worker-0"] | {"depend_on": {}}

    problems = list(Draft202012Validator(schema).iter_errors({"services": {"worker-0": service}}))

    assert [error.message for error in problems] == [
        "Additional properties are not allowed ('depend_on' was unexpected)"
    ]


def test_there_are_three_nodes_and_two_workers(compose: dict[str, Any]) -> None:
    assert tuple(compose["services"]) == NODES + WORKERS


@pytest.mark.parametrize("node", NODES)
def test_a_node_is_the_member_whose_name_it_bears(
    compose: dict[str, Any], configuration: dict[str, Any], node: str
) -> None:
    service = compose["services"][node]
    member = configuration["cluster"]["members"][node]
    hosts = {address.split(":")[0] for address in member.values()}

    assert service["environment"] == {"STEPRAFT_NODE_ID": node}
    assert set(service["networks"]["default"]["aliases"]) == hosts


@pytest.mark.parametrize("node", NODES)
def test_a_node_keeps_its_data_in_a_volume_of_its_own(
    compose: dict[str, Any], configuration: dict[str, Any], node: str
) -> None:
    assert compose["services"][node]["volumes"] == [f"{node}:{configuration['node']['data_dir']}"]
    assert node in compose["volumes"]


def test_the_ports_are_open_to_this_machine_alone_and_only_those_for_clients(
    compose: dict[str, Any],
) -> None:
    ports = [compose["services"][node]["ports"] for node in NODES]

    assert ports == [[f"127.0.0.1:{port}:7400"] for port in (7400, 7410, 7420)]


@pytest.mark.parametrize("node", NODES)
def test_a_node_is_healthy_when_it_says_so_over_grpc(compose: dict[str, Any], node: str) -> None:
    assert compose["services"][node]["healthcheck"]["test"] == [
        "CMD",
        "stepraft",
        "health",
        "--address",
        "127.0.0.1:7400",
    ]


@pytest.mark.parametrize("worker", WORKERS)
def test_a_worker_waits_for_the_nodes_and_knows_them_all(
    compose: dict[str, Any], configuration: dict[str, Any], worker: str
) -> None:
    service = compose["services"][worker]
    addresses = [each["grpc"] for each in configuration["cluster"]["members"].values()]

    assert service["depends_on"] == {node: {"condition": "service_healthy"} for node in NODES}
    assert service["environment"] == {"STEPRAFT_ADDRESS": ",".join(addresses)}


@pytest.mark.parametrize("name", NODES + WORKERS)
def test_every_container_has_few_rights(compose: dict[str, Any], name: str) -> None:
    service: dict[str, Any] = compose["services"][name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
