"""A node's configuration: where it comes from, and what is said about a wrong one."""

from pathlib import Path
from typing import Any

import pytest

from stepraft.server import config as configuration
from stepraft.server.config import ConfigError, load, parse
from stepraft.server.settings import LogSection, Member

ROOT = Path(__file__).parents[2]
FILE = """
[node]
id = "n1"
data_dir = "/data"
[cluster.members]
n1 = { raft = "127.0.0.1:1", grpc = "127.0.0.1:2" }
[limits]
payload_bytes = 1000
"""


def values(**sections: dict[str, Any]) -> configuration.Values:
    """Return a right configuration with some keys of some sections set."""
    right: configuration.Values = {
        "node": {"id": "n1", "data_dir": "/data"},
        "cluster": {"members": {"n1": {"raft": "127.0.0.1:1", "grpc": "127.0.0.1:2"}}},
    }
    for name, keys in sections.items():
        right[name] = right.get(name, {}) | keys
    return right


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "stepraft.toml"
    found.write_text(FILE)
    return found


def test_a_key_that_is_left_out_has_its_default(path: Path) -> None:
    config = load(path, {}, {})

    assert (config.limits.payload_bytes, config.limits.definition_bytes) == (1000, 1_048_576)
    assert config.cluster.members == {"n1": Member(raft="127.0.0.1:1", grpc="127.0.0.1:2")}
    assert (config.cluster.id, config.log, config.faults.points) == ("stepraft", LogSection(), ())


def test_the_environment_wins_over_the_file_and_a_flag_over_both(path: Path) -> None:
    environment = {"STEPRAFT_NODE_DATA_DIR": "/environment", "STEPRAFT_GRPC_LISTEN": "0.0.0.0:9"}

    config = load(path, environment, {("node", "data_dir"): "/flag"})

    assert (config.node.data_dir, config.grpc.listen) == ("/flag", "0.0.0.0:9")


@pytest.mark.parametrize(
    ("variable", "text", "section", "key", "value"),
    [
        pytest.param("LIMITS_PAYLOAD_BYTES", "2_000", "limits", "payload_bytes", 2000, id="number"),
        pytest.param("RAFT_FSYNC", "false", "raft", "fsync", False, id="switch"),
        pytest.param("CLUSTER_ID", "123", "cluster", "id", "123", id="text of digits"),
        pytest.param(
            "FAULTS_POINTS",
            "machine.before_apply:3, processor.after_propose",
            "faults",
            "points",
            ("machine.before_apply:3", "processor.after_propose"),
            id="list",
        ),
        pytest.param(
            "CLUSTER_MEMBERS",
            '{ n1 = { raft = "127.0.0.1:3", grpc = "127.0.0.1:4" } }',
            "cluster",
            "members",
            {"n1": Member(raft="127.0.0.1:3", grpc="127.0.0.1:4")},
            id="members",
        ),
    ],
)
def test_each_kind_of_value_can_stand_in_the_environment(
    path: Path, variable: str, text: str, section: str, key: str, value: object
) -> None:
    config = load(path, {f"STEPRAFT_{variable}": text}, {})

    assert getattr(getattr(config, section), key) == value


def test_variables_of_other_programs_are_passed_over(path: Path) -> None:
    environment = {"STEPRAFT_ADDRESS": "x", "STEPRAFT_SERVICE_HOST": "10.0.0.1", "HOME": "/"}

    assert load(path, environment, {}) == load(path, {}, {})


def test_the_commented_file_has_every_key_with_its_default() -> None:
    config = load(ROOT / "deploy/stepraft.toml", {"STEPRAFT_NODE_ID": "stepraft-0"}, {})
    bare = parse(
        {
            "node": {"id": "stepraft-0"},
            "cluster": {
                "members": {
                    node_id: {"raft": member.raft, "grpc": member.grpc}
                    for node_id, member in config.cluster.members.items()
                }
            },
            "raft": {"listen": config.raft.listen, "insecure_network": True},
            "grpc": {"listen": config.grpc.listen},
        }
    )

    assert config == bare


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        pytest.param(
            values(gprc={"listen": "x"}),
            "gprc: there is no such section; the sections are node, cluster, grpc, raft, tls, disk,"
            " limits, tasks, log, faults",
            id="unknown section",
        ),
        pytest.param(
            values(grpc={"port": 1}),
            "grpc.port: there is no such key; the keys are listen, max_message_bytes,"
            " client_certificates",
            id="unknown key",
        ),
        pytest.param(
            values(cluster={"members": {"n1": {"raft": "127.0.0.1:1", "http": ""}}}),
            "cluster.members.n1.http: there is no such key",
            id="unknown key of a member",
        ),
        pytest.param(
            values(cluster={"members": {"n1": {"raft": "127.0.0.1:1"}}}),
            "cluster.members.n1.grpc: it has to be set",
            id="missing key of a member",
        ),
        pytest.param({"cluster": values()["cluster"]}, "node.id: it has to be set", id="no node"),
        pytest.param(
            values(grpc={"listen": 7400}), "grpc.listen: expected `str`, got `int`", id="no text"
        ),
        pytest.param(
            values(raft={"fsync": 1}), "raft.fsync: expected `bool`, got `int`", id="no switch"
        ),
        pytest.param(
            values(limits={"payload_bytes": 0}),
            "limits.payload_bytes: expected `int` >= 1",
            id="too small",
        ),
        pytest.param(
            values(limits={"document_depth": 129}),
            "limits.document_depth: expected `int` <= 128",
            id="too large",
        ),
        pytest.param(
            values(log={"level": "loud"}),
            "log.level: invalid enum value 'loud'; it is one of debug, info, warning, error",
            id="none of the choices",
        ),
        pytest.param(
            values(node={"id": "n2"}), "node.id: 'n2' is none of the members, n1", id="no member"
        ),
        pytest.param(
            values(grpc={"listen": "7400"}),
            "grpc.listen: '7400' is not of the form host:port",
            id="no address",
        ),
        pytest.param(
            values(tasks={"lease_default_ms": 2000, "lease_max_ms": 1000}),
            "tasks.lease_default_ms: must not be above tasks.lease_max_ms",
            id="lease above its limit",
        ),
        pytest.param(
            values(grpc={"max_message_bytes": 1_000_000}),
            "grpc.max_message_bytes: must be at least 1114112, so that a message holds"
            " limits.definition_bytes",
            id="messages too short",
        ),
        pytest.param(
            values(raft={"election_timeout_min_ms": 100}),
            "raft.election_timeout_min_ms: must be above 3 times raft.heartbeat_ms",
            id="election too soon",
        ),
        pytest.param(
            values(cluster={"members": {"n1": {"raft": "10.0.0.1:1", "grpc": "10.0.0.1:2"}}}),
            "cluster.members.n1: 10.0.0.1:1 is not a loopback address, and plain TCP protects"
            " nothing: give the files of [tls], or set insecure_network if the network is trusted",
            id="open network",
        ),
        pytest.param(
            values(tls={"ca": "ca.crt"}),
            "tls.cert: it has to be set, since other files of [tls] are\n"
            "tls.key: it has to be set, since other files of [tls] are",
            id="half of the files",
        ),
        pytest.param(
            values(grpc={"client_certificates": "required"}),
            "grpc.client_certificates: 'required' needs the files of [tls]",
            id="client certificates without TLS",
        ),
        pytest.param(
            values(grpc={"client_certificates": "wanted"}),
            "grpc.client_certificates: invalid enum value 'wanted'; it is one of none, required",
            id="client certificates of another kind",
        ),
        pytest.param(
            values(disk={"low_bytes": 10, "critical_bytes": 11}),
            "disk.critical_bytes: must be from 0 to disk.low_bytes",
            id="critical above low",
        ),
        pytest.param(
            values(faults={"points": ["machine.explode"]}),
            "faults.points: there is no fault point 'machine.explode'; the points are"
            " processor.before_propose, processor.after_propose, processor.before_reply,"
            " machine.before_apply, machine.after_apply, snapshot.after_part,"
            " snapshot.before_install, snapshot.after_install",
            id="unknown fault point",
        ),
    ],
)
def test_what_is_wrong_is_said_by_key_and_rule(wrong: configuration.Values, text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(wrong)

    assert str(refused.value) == text


def test_certificates_make_an_open_network_safe() -> None:
    files = {"ca": "ca.crt", "cert": "n1.crt", "key": "n1.key"}
    members = {"n1": {"raft": "10.0.0.1:1", "grpc": "10.0.0.1:2"}}

    config = parse(values(cluster={"members": members}, tls=files))

    assert configuration.raft_settings(config, 0).is_encrypted


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        parse(values(grpc={"listen": 1}, raft={"fsync": 1}))

    assert str(refused.value).splitlines() == [
        "grpc.listen: expected `str`, got `int`",
        "raft.fsync: expected `bool`, got `int`",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("[node", "is not valid TOML", id="no TOML"),
        pytest.param("id = 1", "id: it stands outside of any section", id="no section"),
    ],
)
def test_a_file_that_is_none_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "stepraft.toml"
    path.write_text(text)

    with pytest.raises(ConfigError, match=message):
        load(path, {}, {})


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*missing\.toml: No such file"):
        load(tmp_path / "missing.toml", {}, {})


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        pytest.param({"STEPRAFT_GRPC_PORT": "1"}, "grpc.port: there is no such key", id="unknown"),
        pytest.param({"STEPRAFT_RAFT_FSYNC": "maybe"}, "raft.fsync: expected `bool`", id="switch"),
        pytest.param(
            {"STEPRAFT_TASKS_LEASE_MAX_MS": "1h"}, "tasks.lease_max_ms: expected `int`", id="number"
        ),
        pytest.param(
            {"STEPRAFT_CLUSTER_MEMBERS": "n1=x"},
            "cluster.members: not an inline table of TOML",
            id="members",
        ),
    ],
)
def test_a_wrong_variable_is_named_by_its_key(
    path: Path, variable: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load(path, variable, {})
