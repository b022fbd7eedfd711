"""The Kubernetes objects: valid, and referring to each other and to the configuration rightly."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

SCHEMA = "kubernetes.json"
OBJECTS = (
    "Service/stepraft-nodes",
    "Service/stepraft",
    "PodDisruptionBudget/stepraft",
    "NetworkPolicy/stepraft",
    "StatefulSet/stepraft",
)
LABELS = {"app.kubernetes.io/name": "stepraft"}
READY, ALIVE = "", "liveness"


@pytest.fixture
def stateful_set(manifests: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = manifests["StatefulSet/stepraft"]["spec"]
    return spec


@pytest.fixture
def pod(stateful_set: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = stateful_set["template"]["spec"]
    return spec


@pytest.fixture
def container(pod: dict[str, Any]) -> dict[str, Any]:
    (only,) = pod["containers"]
    found: dict[str, Any] = only
    return found


def test_the_objects_are_these(manifests: dict[str, Any]) -> None:
    assert tuple(manifests) == OBJECTS


@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_keeps_to_the_schema(
    manifests: dict[str, Any], schema: dict[str, Any], name: str
) -> None:
    Draft202012Validator.check_schema(schema)

    Draft202012Validator(schema).validate(manifests[name])


def test_a_misspelt_field_would_be_seen(manifests: dict[str, Any], schema: dict[str, Any]) -> None:
    stateful_set = manifests["StatefulSet/stepraft"]
    misspelt = stateful_set | {"spec": stateful_set["spec"] | {"podManagmentPolicy": "Parallel"}}

    assert not Draft202012Validator(schema).is_valid(misspelt)


def test_every_selector_finds_the_pods(
    manifests: dict[str, Any], stateful_set: dict[str, Any]
) -> None:
    assert stateful_set["template"]["metadata"]["labels"] == LABELS
    assert stateful_set["selector"]["matchLabels"] == LABELS
    assert manifests["Service/stepraft"]["spec"]["selector"] == LABELS
    assert manifests["Service/stepraft-nodes"]["spec"]["selector"] == LABELS
    assert manifests["PodDisruptionBudget/stepraft"]["spec"]["selector"]["matchLabels"] == LABELS
    assert manifests["NetworkPolicy/stepraft"]["spec"]["podSelector"]["matchLabels"] == LABELS


def test_the_pods_have_the_names_and_addresses_of_the_members(
    manifests: dict[str, Any], stateful_set: dict[str, Any], configuration: dict[str, Any]
) -> None:
    pods = [f"stepraft-{index}" for index in range(stateful_set["replicas"])]
    members = configuration["cluster"]["members"]

    assert list(members) == pods
    assert {each["raft"] for each in members.values()} == {
        f"{pod}.{stateful_set['serviceName']}:7401" for pod in pods
    }
    assert f"Service/{stateful_set['serviceName']}" in manifests


def test_a_pod_is_the_member_whose_name_it_bears(container: dict[str, Any]) -> None:
    (node_id,) = [each for each in container["env"] if each["name"] == "STEPRAFT_NODE_ID"]

    assert node_id["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}


def test_nodes_find_each_other_before_they_are_ready(manifests: dict[str, Any]) -> None:
    headless = manifests["Service/stepraft-nodes"]["spec"]

    assert headless["clusterIP"] == "None"
    assert headless["publishNotReadyAddresses"] is True


def test_all_nodes_start_at_once_for_one_alone_never_becomes_ready(
    stateful_set: dict[str, Any],
) -> None:
    assert stateful_set["podManagementPolicy"] == "Parallel"


def test_a_majority_stays_when_machines_are_taken_out_of_service(
    manifests: dict[str, Any], stateful_set: dict[str, Any]
) -> None:
    gone = manifests["PodDisruptionBudget/stepraft"]["spec"]["maxUnavailable"]

    assert 2 * (stateful_set["replicas"] - gone) > stateful_set["replicas"]


@pytest.mark.parametrize(
    ("probe", "service"),
    [
        pytest.param("startupProbe", ALIVE, id="startup: it answers"),
        pytest.param("livenessProbe", ALIVE, id="liveness: it answers, leader or not"),
        pytest.param("readinessProbe", READY, id="readiness: it can serve"),
    ],
)
def test_a_probe_asks_for_the_right_health(
    container: dict[str, Any], probe: str, service: str
) -> None:
    assert {"service": READY} | container[probe]["grpc"] == {"port": 7400, "service": service}


def test_the_ports_are_those_of_the_configuration(
    manifests: dict[str, Any], container: dict[str, Any], configuration: dict[str, Any]
) -> None:
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}

    assert ports == {
        name: int(configuration[name]["listen"].rpartition(":")[2]) for name in ("grpc", "raft")
    }
    assert _service_ports(manifests["Service/stepraft-nodes"]) == ports
    assert _service_ports(manifests["Service/stepraft"]) == {"grpc": ports["grpc"]}


def test_the_port_between_the_nodes_is_closed_to_others(manifests: dict[str, Any]) -> None:
    rules = manifests["NetworkPolicy/stepraft"]["spec"]["ingress"]

    (raft,) = [rule for rule in rules if {"port": "raft", "protocol": "TCP"} in rule["ports"]]

    assert raft == {
        "from": [{"podSelector": {"matchLabels": LABELS}}],
        "ports": [{"port": "raft", "protocol": "TCP"}],
    }


def test_the_container_runs_without_rights(pod: dict[str, Any], container: dict[str, Any]) -> None:
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_what_is_mounted_is_there_and_holds_configuration_and_data(
    stateful_set: dict[str, Any],
    pod: dict[str, Any],
    container: dict[str, Any],
    configuration: dict[str, Any],
) -> None:
    claims = [each["metadata"]["name"] for each in stateful_set["volumeClaimTemplates"]]
    volumes = [each["name"] for each in pod["volumes"]]
    mounts = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}

    assert sorted(mounts.values()) == sorted(claims + volumes)
    assert mounts[configuration["node"]["data_dir"]] in claims
    assert f"{_folder_of(container['args'])}" in mounts


def test_the_configuration_map_is_made_from_the_one_file(root: Path, pod: dict[str, Any]) -> None:
    kustomization = yaml.safe_load((root / "deploy/kustomization.yaml").read_text())
    (generated,) = kustomization["configMapGenerator"]

    assert generated["files"] == ["stepraft.toml"]
    assert {"configMap": {"name": generated["name"]}, "name": "configuration"} in pod["volumes"]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kubectl_renders_the_objects_with_the_configuration(
    root: Path, manifests: dict[str, Any]
) -> None:
    rendered = subprocess.run(
        ["kubectl", "kustomize", str(root / "deploy")],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    kinds = [each["kind"] for each in yaml.safe_load_all(rendered.stdout)]

    expected = [each["kind"] for each in manifests.values()]
    assert sorted(kinds) == sorted([*expected, "ConfigMap"])


def _service_ports(service: dict[str, Any]) -> dict[str, int]:
    return {each["name"]: each["port"] for each in service["spec"]["ports"]}


def _folder_of(arguments: list[str]) -> str:
    """Return the folder of the configuration file that the arguments name."""
    return str(Path(arguments[arguments.index("--config") + 1]).parent)
