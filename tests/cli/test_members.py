"""The commands that change the cluster, against a cluster of one, which refuses most of them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from stepraft.testing.cluster import free_ports

pytestmark = pytest.mark.system


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(
            ["remove", "n1"], 5, "n1 is the only voter (MEMBERSHIP_REFUSED)", id="the last one"
        ),
        pytest.param(["remove", "n 1"], 1, "node_id must have 1 to 80 of", id="no id"),
        pytest.param(
            ["add", "n1", "--raft", "127.0.0.1:1", "--grpc", "127.0.0.1:2"],
            5,
            "n1 is a member already",
            id="a member",
        ),
        pytest.param(
            ["add", "n2", "--raft", "nowhere", "--grpc", "127.0.0.1:2"],
            1,
            "raft_address: 'nowhere' is not of the form host:port",
            id="no address",
        ),
        pytest.param(
            ["add", "n2", "--raft", "x:1", "--grpc", "x:2", "--timeout", "1"],
            2,
            "--timeout: only --wait reads it",
            id="a timeout without waiting",
        ),
        pytest.param(
            ["update", "n1"], 2, "--raft, --grpc: give at least one of them", id="nothing new"
        ),
        pytest.param(
            ["update", "n9", "--raft", "127.0.0.1:1"],
            3,
            "n9 is no member of the cluster; the members are n1",
            id="no member",
        ),
        pytest.param(
            ["replace", "n9", "n2", "--raft", "127.0.0.1:1", "--grpc", "127.0.0.1:2"],
            3,
            "n9 is no member of the cluster; the members are n1",
            id="no member to replace",
        ),
        pytest.param(
            ["replace", "n1", "n1", "--raft", "127.0.0.1:1", "--grpc", "127.0.0.1:2"],
            2,
            "NEW: must be another id than OLD's",
            id="a node by itself",
        ),
        pytest.param(["transfer", "n9"], 5, "(TRANSFER_REFUSED)", id="to no member"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    run: Callable[..., Any], arguments: list[str], code: int, said: str
) -> None:
    result = run("cluster", *arguments)

    assert result.exit_code == code, result.stderr
    assert said in result.stderr.splitlines()[0]


def test_removing_who_is_no_member_is_no_error(run: Callable[..., Any]) -> None:
    result = run("cluster", "remove", "n9")

    assert (result.exit_code, result.stdout) == (0, "n9 is no member any more\n")


def test_a_member_that_is_not_there_is_waited_for_and_may_be_removed_again(
    run: Callable[..., Any],
) -> None:
    grpc, raft = free_ports(2)
    places = ["--raft", f"127.0.0.1:{raft}", "--grpc", f"127.0.0.1:{grpc}"]

    waited = run("cluster", "add", "n2", *places, "--wait", "--timeout", "0")
    standing = json.loads(run("cluster", "add", "n2", *places, "--json").stdout)["standing"]
    removed = run("cluster", "remove", "n2")

    assert waited.exit_code == 9
    assert waited.stderr.splitlines()[:2] == [
        "n2 cannot be reached yet: is it started?",
        "error: n2 cannot be reached yet: is it started?; the time to wait is over",
    ]
    assert (standing, removed.exit_code) == ("LEARNER", 0)
