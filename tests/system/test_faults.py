"""Three real processes, and what happens when some of them die."""

import asyncio
import json
from collections.abc import Callable

import pytest

from stepraft.server.faults import COMMAND_POINTS
from stepraft.testing.cluster import LocalCluster
from stepraft.v1 import executions_pb2 as executions
from tests.system.conftest import Ended, Load, assert_done_once, wait_until_equal

pytestmark = pytest.mark.system

EXECUTIONS = 30
NTH_TIME = 25
TRIES_MAX = 10

ENTRY_AMID_THE_MAP = 4
"""The secret is in the first entry of a new cluster, the workflow in the second, the beginning of
the execution in the third: it leaves a command pending, as an entry holds 4096 events.
"""

WIDE: dict[str, object] = {
    "StartAt": "Wide",
    "States": {
        "Wide": {
            "Type": "Map",
            "ItemProcessor": {
                "StartAt": "Keep",
                "States": {"Keep": {"Type": "Pass", "End": True}},
            },
            "End": True,
        }
    },
}


@pytest.mark.parametrize("point", COMMAND_POINTS)
def test_what_was_acknowledged_finishes_once_when_the_leader_dies(
    cluster: LocalCluster, point: str
) -> None:
    cluster.armed["n1"] = [f"{point}:{NTH_TIME}"]
    start_with_leader(cluster, "n1")

    ended = asyncio.run(Load(cluster).run(EXECUTIONS))

    assert not cluster.nodes["n1"].is_running, f"{point} was not reached"
    assert_done_once(ended, EXECUTIONS)
    cluster.armed.clear()
    cluster.start("n1")
    wait_until_equal(cluster)


def test_a_map_larger_than_one_entry_goes_on_where_its_leader_died(cluster: LocalCluster) -> None:
    cluster.armed["n1"] = [f"processor.before_propose:{ENTRY_AMID_THE_MAP}"]
    start_with_leader(cluster, "n1")
    items = list(range(3000))

    ended = asyncio.run(Load(cluster).run_one(WIDE, json.dumps(items)))

    assert not cluster.nodes["n1"].is_running
    assert ended.execution.status == executions.EXECUTION_STATUS_SUCCEEDED
    assert json.loads(ended.execution.output) == items


def test_a_killed_follower_is_not_missed_and_catches_up(cluster: LocalCluster) -> None:
    cluster.start()
    leader = cluster.wait_for_leader()
    follower = next(node_id for node_id in cluster.nodes if node_id != leader)

    ended = run_and_meanwhile(cluster, lambda: cluster.kill(follower))

    assert_done_once(ended, EXECUTIONS)
    cluster.start(follower)
    wait_until_equal(cluster)


def test_all_nodes_killed_at_once_go_on_where_they_were(cluster: LocalCluster) -> None:
    cluster.start()
    cluster.wait_for_leader()

    def kill_all_and_start() -> None:
        for node_id in cluster.nodes:
            cluster.kill(node_id)
        cluster.start()

    ended = run_and_meanwhile(cluster, kill_all_and_start)

    assert_done_once(ended, EXECUTIONS)
    wait_until_equal(cluster)


def test_a_leader_that_is_asked_to_stop_leaves_nothing_undone(cluster: LocalCluster) -> None:
    cluster.start()
    leader = cluster.wait_for_leader()

    ended = run_and_meanwhile(cluster, lambda: cluster.terminate(leader))

    process = cluster.nodes[leader].process
    assert process is not None
    assert process.returncode == 0
    assert_done_once(ended, EXECUTIONS)
    cluster.start(leader)
    wait_until_equal(cluster)


def start_with_leader(cluster: LocalCluster, node_id: str) -> None:
    """Start the cluster so that one node leads: whoever leads in its place is restarted."""
    cluster.start()
    for _ in range(TRIES_MAX):
        leader = cluster.wait_for_leader()
        if leader == node_id:
            return
        cluster.terminate(leader)
        cluster.start(leader)
    pytest.fail(f"{node_id} did not become the leader in {TRIES_MAX} tries")


def run_and_meanwhile(cluster: LocalCluster, action: Callable[[], object]) -> list[Ended]:
    """Run a load, and do something once a third of it is started."""

    async def both() -> list[Ended]:
        load = Load(cluster, notice_after=EXECUTIONS // 3)
        running = asyncio.create_task(load.run(EXECUTIONS))
        noticed = asyncio.create_task(load.noticed.wait())
        await asyncio.wait({running, noticed}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.to_thread(action)
        return await running

    return asyncio.run(both())
