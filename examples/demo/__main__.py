"""The course of the demonstration; see the package's docstring."""

import argparse
import asyncio
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from examples.demo import show
from examples.demo.traffic import WORKFLOW, Traffic, count_ended, start_orders
from examples.demo.verdict import judge
from examples.orders.orders import make_orders
from stepraft.client import Client, NodeStatus, StepraftError
from stepraft.testing.cluster import LocalCluster

DEFINITION: Final = Path(__file__).parent.parent / "orders" / "workflow.asl.json"
SEED: Final = 7
STARTING_S: Final = 12.0
"""The orders are started over this time, so that some are acknowledged before, during and after."""
KILL_AFTER_S: Final = 5.0
DOWN_S: Final = 4.0
END_WITHIN_S: Final = 60.0
_POLL_S: Final = 0.05


def main() -> int:
    """Run the demonstration; return 0 if nothing was lost, stuck, wrong or done twice."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the cluster running")
    parser.add_argument("--executions", type=int, default=200, help="how many orders (200)")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="stepraft-demo-"))
    cluster = LocalCluster(folder)
    workers: list[subprocess.Popen[bytes]] = []
    is_good = is_kept = False
    try:
        show.say(f"Three servers on {', '.join(cluster.addresses)}")
        cluster.start()
        leader = cluster.wait_for_leader()
        show.say(f"{leader} leads. Two workers, one of which fails now and then on purpose.")
        workers += [_start_worker(cluster, "shop-1"), _start_worker(cluster, "shop-2", "--flaky")]
        is_good = asyncio.run(_run(cluster, arguments.executions))
        is_kept = arguments.keep
        if is_kept:
            show.how_to_talk(cluster, [worker.pid for worker in workers])
        return 0 if is_good else 1
    finally:
        if not is_kept:
            _stop(cluster, workers)
            _tidy(folder, is_good=is_good)


def _start_worker(cluster: LocalCluster, worker_id: str, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "examples.orders.workers", "--worker-id", worker_id, *options]
    for address in cluster.addresses:
        command += ["--address", address]
    with (cluster.folder / f"{worker_id}.log").open("ab") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _stop(cluster: LocalCluster, workers: list[subprocess.Popen[bytes]]) -> None:
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.wait()
    cluster.stop()


def _tidy(folder: Path, *, is_good: bool) -> None:
    """Remove what a good run wrote; after another, say where its logs are."""
    if is_good:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        show.say(f"The data and logs are in {folder}.")


async def _run(cluster: LocalCluster, count: int) -> bool:
    """Run the orders through the failure; return whether all is as it should be."""
    async with Client(cluster.addresses) as client:
        await client.put_workflow(WORKFLOW, DEFINITION.read_text())
        traffic = Traffic()
        orders = list(make_orders(count, SEED))
        show.say(f"{count} orders, started over {STARTING_S:.0f} s; the leader dies in the middle.")
        with show.progress_bar() as bars:
            started = bars.add_task("started", total=count)
            ended = bars.add_task("ended", total=count)
            starting = asyncio.create_task(start_orders(client, orders, STARTING_S, traffic))
            killing = asyncio.create_task(_kill_the_leader(cluster))
            deadline_s = time.monotonic() + STARTING_S + END_WITHIN_S
            while time.monotonic() < deadline_s:
                bars.update(started, completed=len(traffic.orders))
                done = await count_ended(client, traffic)
                bars.update(ended, completed=done)
                if starting.done() and done == count:
                    break
                await asyncio.sleep(_POLL_S * 4)
        await starting
        await killing
        result = await judge(client, traffic.orders)
        replicas, are_equal = await _replicas(client)
        show.say("")
        show.tree([event async for event in client.history(result.most_retried)])
        show.say("")
        show.verdict(result, traffic.longest_gap_s(), replicas)
        return result.is_good and are_equal


async def _kill_the_leader(cluster: LocalCluster) -> None:
    """Kill the leader, and bring it back some seconds later."""
    await asyncio.sleep(KILL_AFTER_S)
    leader = await asyncio.to_thread(cluster.wait_for_leader)
    killed_s = time.monotonic()
    await asyncio.to_thread(cluster.kill, leader)
    show.say(f"[bold red]kill -9 {leader}[/bold red], the leader")
    successor = await asyncio.to_thread(cluster.wait_for_leader)
    show.say(f"{successor} leads")
    await asyncio.sleep(max(0.0, killed_s + DOWN_S - time.monotonic()))
    cluster.start(leader)
    show.say(f"{leader} is back")


async def _replicas(client: Client) -> tuple[str, bool]:
    """Return how the replicas compare, once they are at one index, and whether they are equal."""
    deadline_s = time.monotonic() + END_WITHIN_S
    nodes: tuple[NodeStatus, ...] = ()
    while time.monotonic() < deadline_s:
        nodes = (await client.cluster_status()).nodes
        states = {(node.applied_index, node.checksum) for node in nodes}
        if len(states) == 1:
            index, checksum = states.pop()
            return f"{len(nodes)} with checksum {checksum:08x} at index {index}", True
        await asyncio.sleep(_POLL_S)
    states = {(node.applied_index, node.checksum) for node in nodes}
    seen = ", ".join(f"{checksum:08x} at index {index}" for index, checksum in states)
    return f"[bold red]differ[/bold red]: {seen}", False


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("the demonstration was interrupted")
    except (StepraftError, TimeoutError) as error:
        sys.exit(f"the demonstration failed: {error}")
