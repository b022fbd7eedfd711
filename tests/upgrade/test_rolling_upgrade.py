"""Real nodes of two releases in one cluster: the newer ones write nothing that the older do not
know, until the last one is upgraded.
"""

import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stepraft.client import StepraftError, SyncClient
from stepraft.interpreter.features import SUPPORTED
from stepraft.storage import queries
from stepraft.storage.kv import Row
from stepraft.testing.cluster import LocalCluster
from tests.system.conftest import Load, assert_done_once, run_while, wait_until_equal
from tests.upgrade.programs import NEXT_LEVEL, TAG_PREFIX
from tests.upgrade.recording import opened_store

pytestmark = pytest.mark.system

WAIT_S = 20.0
LOAD_S = 240.0
COULD_NOT_START = 1
ENGINE_FAILED = 70
RESTARTS = 6
DEFINITION = {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}


class Rolling:
    """A cluster whose nodes are restarted one by one, and what is asked of it meanwhile."""

    def __init__(self, cluster: LocalCluster) -> None:
        self.cluster = cluster

    def restart(self, node_id: str, release: Path | None = None) -> None:
        """Stop a node, start it with another release or this one, and wait until it is in step."""
        self.cluster.terminate(node_id)
        process = self.cluster.nodes[node_id].process
        assert process is not None
        assert process.returncode == 0
        self.cluster.programs.pop(node_id, None)
        if release is not None:
            self.cluster.programs[node_id] = release
        self.cluster.start(node_id)
        until(lambda: self.is_in_step(node_id))

    def is_in_step(self, node_id: str) -> bool:
        status = self.cluster.status(self.cluster.wait_for_leader(), WAIT_S)
        applied = {node.node_id: node.applied_index for node in status.nodes if node.reachable}
        return node_id in applied and applied[node_id] + 100 > max(applied.values())

    def levels(self) -> tuple[int, dict[str, int]]:
        """The cluster's level, and what each node supports."""
        status = self.cluster.status(self.cluster.wait_for_leader(), WAIT_S)
        return status.feature_level, {node.node_id: node.feature_level for node in status.nodes}

    def put(self, name: str) -> None:
        """Put a workflow; the same again where it is not known whether it is there."""
        with SyncClient(self.cluster.addresses) as client:
            until(lambda: succeeds(client.put_workflow, name, DEFINITION))

    def lead(self, node_id: str) -> None:
        """Have a node lead."""
        with SyncClient(self.cluster.addresses) as client:
            while self.cluster.wait_for_leader() != node_id:
                succeeds(client.transfer_leadership, node_id)


def succeeds(call: Callable[..., object], *arguments: object) -> bool:
    """Whether a call does what it says: while leaders change it may not."""
    try:
        call(*arguments)
    except StepraftError:
        return False
    return True


def until(is_so: Callable[[], bool]) -> None:
    """Ask again and again until something is so.

    Errors: TimeoutError.
    """
    deadline_s = time.monotonic() + WAIT_S
    while not is_so():
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"not so within {WAIT_S} s")
        time.sleep(0.1)


def rows_of(cluster: LocalCluster) -> dict[str, list[Row]]:
    """The replicated rows of each node, none of which runs."""
    found = {}
    for node_id, node in cluster.nodes.items():
        with opened_store(node.data_dir) as store:
            found[node_id] = list(queries.replicated_rows(store))
    return found


def tags(rows: list[Row]) -> list[str]:
    prefix = TAG_PREFIX
    return [key.removeprefix(prefix).decode() for key, _ in rows if key.startswith(prefix)]


def test_a_cluster_is_upgraded_under_load_and_uses_what_is_new_when_all_nodes_know_it(
    cluster: LocalCluster, next_release: Path
) -> None:
    cluster.start()
    nodes = Rolling(cluster)
    last = cluster.wait_for_leader()
    first, second = (node_id for node_id in cluster.nodes if node_id != last)
    seen = []

    def node_by_node() -> None:
        nodes.restart(first, next_release)
        nodes.restart(first)
        nodes.restart(first, next_release)
        nodes.restart(second, next_release)
        # With the lead at a node that would write what is new, if it were allowed to.
        nodes.lead(second)
        nodes.put("before")
        seen.append(nodes.levels())
        nodes.restart(last, next_release)
        until(lambda: nodes.levels()[0] == NEXT_LEVEL)
        nodes.put("after")
        seen.append(nodes.levels())

    ended = run_while(Load(cluster, timeout_s=LOAD_S), node_by_node)

    assert_done_once(ended, len(ended))
    assert seen == [
        (SUPPORTED, {first: NEXT_LEVEL, second: NEXT_LEVEL, last: SUPPORTED}),
        (NEXT_LEVEL, dict.fromkeys(sorted(cluster.nodes), NEXT_LEVEL)),
    ]
    wait_until_equal(cluster)
    cluster.stop()
    rows = rows_of(cluster)
    assert rows["n1"] == rows["n2"] == rows["n3"]
    assert tags(rows["n1"]) == ["after/1"]


def test_a_node_that_goes_back_after_the_level_was_raised_does_not_start(
    cluster: LocalCluster, next_release: Path
) -> None:
    cluster.programs.update(dict.fromkeys(cluster.nodes, next_release))
    cluster.start()
    nodes = Rolling(cluster)
    until(lambda: nodes.levels()[0] == NEXT_LEVEL)
    wait_until_equal(cluster)
    node = cluster.nodes["n1"]
    cluster.terminate("n1")
    del cluster.programs["n1"]

    cluster.start("n1")

    assert node.process is not None
    assert node.process.wait(WAIT_S) == COULD_NOT_START
    [text] = [
        line for line in node.log_path.read_text().splitlines() if line.startswith("stepraft: ")
    ]
    assert text == (
        f"stepraft: node.data_dir: {node.data_dir}: the store is at feature level {NEXT_LEVEL}, "
        f"and this program supports levels up to {SUPPORTED}: use the version of the program that "
        "wrote it, or a newer one"
    )


def test_a_node_of_the_older_release_stops_where_the_log_raises_the_level(
    cluster: LocalCluster, next_release: Path
) -> None:
    """The log is as far as its own release took it; then what it gets is not for it."""
    data_dir = cluster.nodes["n1"].data_dir
    cluster.start()
    wait_until_equal(cluster)
    cluster.stop()
    older = shutil.copytree(data_dir, cluster.folder / "older")
    cluster.programs.update(dict.fromkeys(cluster.nodes, next_release))
    cluster.start()
    nodes = Rolling(cluster)
    until(lambda: nodes.levels()[0] == NEXT_LEVEL)
    cluster.terminate("n1")
    data_dir.rename(cluster.folder / "newer")
    older.rename(data_dir)
    del cluster.programs["n1"]

    cluster.start("n1")

    process = cluster.nodes["n1"].process
    assert process is not None
    assert process.wait(WAIT_S) == ENGINE_FAILED
    assert re.search(
        rf"entry \d+ raises the feature level to {NEXT_LEVEL}, and this program supports levels up "
        rf"to {SUPPORTED}: use the version of the program that the other nodes run",
        cluster.nodes["n1"].log_path.read_text(),
    )
    with opened_store(data_dir) as store:
        assert queries.feature_level(store) == SUPPORTED
    assert nodes.levels()[0] == NEXT_LEVEL


def test_a_rolling_restart_under_load_hands_leadership_over_each_time(
    cluster: LocalCluster,
) -> None:
    cluster.start()
    cluster.wait_for_leader()
    nodes = Rolling(cluster)
    handed_over: list[str] = []

    def each_leader() -> None:
        for _ in range(RESTARTS):
            leader = cluster.wait_for_leader()
            nodes.restart(leader)
            handed_over.append(successor(cluster.nodes[leader].log_path))

    ended = run_while(Load(cluster, timeout_s=LOAD_S), each_leader)

    assert_done_once(ended, len(ended))
    assert [node_id in cluster.nodes for node_id in handed_over] == [True] * RESTARTS
    wait_until_equal(cluster)


def successor(log_path: Path) -> str:
    """The leader that a node knew in its last moments, after it was asked to stop and before it was
    started again.
    """
    [after] = re.findall(r" stops\n(.*?)(?= serves on|\Z)", log_path.read_text(), re.DOTALL)[-1:]
    found = re.findall(r"role follower, term \d+, leader (n\d)", after)
    return found[-1] if found else "none"
