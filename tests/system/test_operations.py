"""What operators do with a cluster of real processes: nodes come, go and are replaced, lost and
damaged folders are rebuilt, everything is backed up and restored.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from stepraft.client import (
    Execution,
    ExecutionStatus,
    NodeCondition,
    NodeStanding,
    SyncClient,
    UnavailableError,
)
from stepraft.server.raft.segment import HEAD_BYTES, is_segment
from stepraft.testing.cluster import LocalCluster
from tests.system.conftest import Load, assert_done_once, run_while, wait_until_equal

pytestmark = pytest.mark.system

COMMAND_TIMEOUT_S = 60.0
REMOVED = 3

ECHO: dict[str, object] = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
HOLD: dict[str, object] = {
    "StartAt": "A",
    "States": {"A": {"Type": "Task", "Resource": "hold", "End": True}},
}


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str


def stepraft(cluster: LocalCluster, *arguments: str, node_id: str = "n1") -> Ran:
    """Run the command line against a cluster, in the environment of one of its nodes."""
    environment = cluster.environment(node_id)
    environment["STEPRAFT_ADDRESS"] = ",".join(
        node.grpc_address for node in cluster.nodes.values() if node.is_running
    )
    done = subprocess.run(
        [sys.executable, "-c", "from stepraft.cli.main import app; app()", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def addresses_of(cluster: LocalCluster, node_id: str) -> list[str]:
    node = cluster.nodes[node_id]
    return ["--raft", node.raft_address, "--grpc", node.grpc_address]


def succeeded(ran: Ran) -> Ran:
    assert ran.code == 0, ran
    return ran


def others_than(cluster: LocalCluster, node_id: str) -> list[str]:
    return [each for each in cluster.nodes if each != node_id]


def members(cluster: LocalCluster, by: str) -> dict[str, tuple[NodeStanding, NodeCondition]]:
    """Return the members as a node sees them."""
    with SyncClient(cluster.nodes[by].grpc_address) as client:
        nodes = client.cluster_status().nodes
    return {node.node_id: (node.standing, node.condition) for node in nodes}


WELL = (NodeStanding.VOTER, NodeCondition.NORMAL)


def wait_until_well(cluster: LocalCluster, node_id: str) -> None:
    """Wait until a node is a voter in step, as its own words are."""
    wait_until_equal(cluster)
    with SyncClient(cluster.nodes[node_id].grpc_address) as client:
        while members(cluster, node_id)[node_id] != WELL:
            client.cluster_status()


def put(cluster: LocalCluster, **definitions: dict[str, object]) -> None:
    with SyncClient(cluster.addresses) as client:
        for name, definition in definitions.items():
            client.put_workflow(name, json.dumps(definition))


def test_a_fourth_node_joins_under_load_and_the_leader_goes(cluster: LocalCluster) -> None:
    cluster.start()
    leader = cluster.wait_for_leader()
    cluster.new_node("n4")

    def change() -> None:
        cluster.start("n4")
        added = stepraft(cluster, "cluster", "add", "n4", *addresses_of(cluster, "n4"), "--wait")
        assert succeeded(added).out == "n4 has caught up and has a vote\n"
        removed = stepraft(cluster, "cluster", "remove", leader)
        assert succeeded(removed).out == f"{leader} is no member any more\n"

    ended = run_while(Load(cluster), change)

    assert_done_once(ended, len(ended))
    assert cluster.wait_for_exit(leader) == REMOVED
    assert f"node {leader} was removed from cluster local" in cluster.log_tails()
    assert members(cluster, cluster.wait_for_leader()) == dict.fromkeys(
        others_than(cluster, leader), WELL
    )


def test_a_removed_node_does_not_start_again(cluster: LocalCluster) -> None:
    cluster.start()
    leader = cluster.wait_for_leader()
    gone = others_than(cluster, leader)[0]
    succeeded(stepraft(cluster, "cluster", "remove", gone))
    assert cluster.wait_for_exit(gone) == REMOVED

    cluster.start(gone)

    assert cluster.wait_for_exit(gone) == REMOVED


def test_a_dead_node_is_replaced(cluster: LocalCluster) -> None:
    cluster.start()
    leader = cluster.wait_for_leader()
    put(cluster, echo=ECHO)
    dead = others_than(cluster, leader)[0]
    cluster.kill(dead)
    cluster.new_node("n4")
    cluster.start("n4")

    replaced = stepraft(cluster, "cluster", "replace", dead, "n4", *addresses_of(cluster, "n4"))

    assert succeeded(replaced).out == f"n4 has taken the place of {dead}\n"
    del cluster.nodes[dead]
    assert members(cluster, "n4") == dict.fromkeys(cluster.nodes, WELL)
    wait_until_equal(cluster)


def test_a_node_with_a_lost_folder_catches_up_and_votes_again(cluster: LocalCluster) -> None:
    cluster.start()
    leader = cluster.wait_for_leader()
    put(cluster, echo=ECHO)
    lost = others_than(cluster, leader)[0]
    cluster.kill(lost)
    (cluster.nodes[lost].data_dir / "partition-0").rename(cluster.folder / "lost")

    cluster.start(lost)

    wait_until_well(cluster, lost)
    assert f"node {lost} is readmitted" in cluster.log_tails()


def test_a_damaged_journal_is_refused_and_rebuilt_by_rejoining(cluster: LocalCluster) -> None:
    cluster.start()
    leader = cluster.wait_for_leader()
    put(cluster, echo=ECHO)
    damaged = others_than(cluster, leader)[0]
    folder = cluster.nodes[damaged].data_dir / "partition-0"
    cluster.terminate(damaged)
    damage(folder / "raft")

    cluster.start(damaged)
    assert cluster.wait_for_exit(damaged) == 1
    log = cluster.nodes[damaged].log_path.read_text()
    assert "damaged at offset" in log
    assert "`stepraft server --rejoin`" in log

    cluster.start(damaged, rejoin=True)
    wait_until_well(cluster, damaged)
    assert (folder.parent / "partition-0.aside" / "raft").is_dir()


def damage(folder: Path) -> None:
    """Change a byte of the first record, with sound ones behind it: no crash leaves that."""
    first = min(path for path in folder.iterdir() if is_segment(path.name))
    content = bytearray(first.read_bytes())
    content[HEAD_BYTES + 20] ^= 0xFF
    first.write_bytes(content)


@pytest.mark.parametrize("size", [3, 1], ids=["into three nodes", "into one node"])
def test_a_backup_of_a_live_cluster_goes_on_in_a_new_one(
    cluster: LocalCluster, tmp_path: Path, size: int
) -> None:
    cluster.start()
    cluster.wait_for_leader()
    put(cluster, hold=HOLD)
    file = tmp_path / "all.backup"
    identifiers: list[str] = []

    def save() -> None:
        with SyncClient(cluster.addresses) as client:
            identifiers.extend(client.start_execution("hold", n).execution_id for n in range(5))
        saved = succeeded(stepraft(cluster, "backup", str(file)))
        assert "read again and found whole" in saved.out

    run_while(Load(cluster), save)
    cluster.stop()

    new = LocalCluster(tmp_path / "new", size=size)
    for node_id in new.nodes:
        restored = stepraft(
            new, "restore", str(file), "--config", str(new.config_path), node_id=node_id
        )
        assert "next: " in succeeded(restored).out
    try:
        with new:
            new.wait_for_leader()
            wait_until_equal(new)
            ended = [finished(new, identifier) for identifier in identifiers]
    finally:
        print(new.log_tails())
    assert [(each.status, each.output) for each in ended] == [
        (ExecutionStatus.SUCCEEDED, number) for number in range(5)
    ]


def finished(cluster: LocalCluster, execution_id: str) -> Execution:
    """Do the tasks that wait until an execution has ended."""
    with SyncClient(cluster.addresses) as client:
        while not (execution := client.get_execution(execution_id)).status.is_ended:
            for task in client.poll_tasks(["hold"], worker_id="w", max_tasks=10, wait_s=0.2):
                client.complete_task(task.token, task.input)
        return execution


def test_a_restore_does_not_touch_a_folder_that_holds_anything(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    cluster.start()
    cluster.wait_for_leader()
    file = tmp_path / "all.backup"
    succeeded(stepraft(cluster, "backup", str(file)))
    cluster.stop()

    refused = stepraft(cluster, "restore", str(file), "--config", str(cluster.config_path))

    assert refused.code == 1
    assert "is not empty" in refused.err


def test_a_follower_answers_stale_reads_while_there_is_no_leader(cluster: LocalCluster) -> None:
    cluster.start()
    leader = cluster.wait_for_leader()
    put(cluster, echo=ECHO)
    with SyncClient(cluster.addresses) as client:
        started = client.start_execution("echo", {"a": 1})
        client.wait_execution(started.execution_id)
    wait_until_equal(cluster)
    left, *gone = others_than(cluster, leader)
    for node_id in (leader, *gone):
        cluster.kill(node_id)

    with SyncClient(cluster.nodes[left].grpc_address, timeout_s=1.0) as client:
        stale = client.get_execution(started.execution_id, stale=True)
        watched = [event.type for event in client.watch(started.execution_id, stale=True)]
        listed = [each.execution_id for each in client.list_executions(stale=True)]
        with pytest.raises(UnavailableError):
            client.get_execution(started.execution_id)

    assert (stale.status, stale.output) == (ExecutionStatus.SUCCEEDED, {"a": 1})
    assert (watched[0], watched[-1]) == ("ExecutionStarted", "ExecutionCompleted")
    assert listed == [started.execution_id]
