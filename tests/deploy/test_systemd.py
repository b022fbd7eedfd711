"""The systemd unit: known directives, few rights, the paths of the configuration."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

KNOWN = {
    "Unit": {"Description", "Wants", "After", "StartLimitIntervalSec", "StartLimitBurst"},
    "Service": {
        "AmbientCapabilities",
        "CapabilityBoundingSet",
        "EnvironmentFile",
        "ExecStart",
        "Group",
        "KillSignal",
        "LimitNOFILE",
        "LockPersonality",
        "MemoryDenyWriteExecute",
        "NoNewPrivileges",
        "PrivateDevices",
        "PrivateIPC",
        "PrivateTmp",
        "PrivateUsers",
        "ProcSubset",
        "ProtectClock",
        "ProtectControlGroups",
        "ProtectHome",
        "ProtectHostname",
        "ProtectKernelLogs",
        "ProtectKernelModules",
        "ProtectKernelTunables",
        "ProtectProc",
        "ProtectSystem",
        "RemoveIPC",
        "Restart",
        "RestartPreventExitStatus",
        "RestartSec",
        "RestrictAddressFamilies",
        "RestrictNamespaces",
        "RestrictRealtime",
        "RestrictSUIDSGID",
        "StateDirectory",
        "StateDirectoryMode",
        "SystemCallArchitectures",
        "SystemCallErrorNumber",
        "SystemCallFilter",
        "TimeoutStopSec",
        "Type",
        "UMask",
        "User",
    },
    "Install": {"WantedBy"},
}
"""The directives that the unit uses. Source: systemd.unit(5), .service(5), .exec(5)."""


def test_every_directive_stands_in_the_section_that_systemd_reads_it_from(unit: list[Any]) -> None:
    found: dict[str, set[str]] = {}
    for each in unit:
        found.setdefault(each.section, set()).add(each.key)

    assert found == KNOWN


@pytest.mark.parametrize(
    ("key", "values"),
    [
        pytest.param("User", ["stepraft"], id="a user of its own"),
        pytest.param("CapabilityBoundingSet", [""], id="no capability"),
        pytest.param("NoNewPrivileges", ["yes"], id="no way to more rights"),
        pytest.param("ProtectSystem", ["strict"], id="nothing to write to but its own folder"),
        pytest.param("ProtectHome", ["yes"], id="no homes"),
        pytest.param("PrivateTmp", ["yes"], id="a temporary folder of its own"),
        pytest.param("UMask", ["0077"], id="files for itself alone"),
        pytest.param(
            "SystemCallFilter",
            ["@system-service", "~@privileged @resources"],
            id="the calls of a plain service",
        ),
    ],
)
def test_the_node_has_few_rights(unit: list[Any], key: str, values: list[str]) -> None:
    assert _service(unit, key) == values


def test_the_folder_that_systemd_makes_is_the_configured_one(
    unit: list[Any], configuration: dict[str, Any]
) -> None:
    (name,) = _service(unit, "StateDirectory")

    assert f"/var/lib/{name}" == configuration["node"]["data_dir"]


def test_the_server_starts_from_the_configuration_file(unit: list[Any]) -> None:
    assert _service(unit, "ExecStart") == [
        "/opt/stepraft/bin/stepraft server --config /etc/stepraft/stepraft.toml"
    ]


def test_a_wrong_configuration_and_a_removed_node_are_not_tried_again(unit: list[Any]) -> None:
    assert _service(unit, "Restart") == ["on-failure"]
    assert _service(unit, "RestartPreventExitStatus") == ["2 3"]


def test_the_user_of_the_unit_is_made_by_sysusers(root: Path, unit: list[Any]) -> None:
    lines = (root / "deploy/stepraft.sysusers").read_text().splitlines()
    users = [line.split()[1] for line in lines if line.startswith("u ")]

    assert users == _service(unit, "User")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_itself_finds_nothing_to_say(root: Path, tmp_path: Path) -> None:
    text = (root / "deploy/stepraft.service").read_text()
    unit = tmp_path / "stepraft.service"
    unit.write_text(text.replace("/opt/stepraft/bin/stepraft", str(shutil.which("true"))))

    verified = subprocess.run(
        ["systemd-analyze", "verify", str(unit)],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")


def _service(unit: list[Any], key: str) -> list[str]:
    return [each.value for each in unit if (each.section, each.key) == ("Service", key)]
