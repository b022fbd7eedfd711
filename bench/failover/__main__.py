"""Measure what failures cost, and hold it against the bars.

python -m bench.failover --only kill,stop,transfer,cut-off,state,fsync --kills 20 --state-gb 1

The exit code is 0 if every bar holds. `cut-off` needs Linux and root: each node gets a network of
its own.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final

from bench.failover import big_state, followers, leaders
from bench.failover.bars import Figure
from bench.failover.fsync_cost import fsync_cost
from stepraft.testing.cluster import LocalCluster
from tests.chaos import namespaces
from tests.chaos.clusters import NamespaceCluster

SIZE: Final = 3


def main() -> int:
    """Measure, print, write; return 0 if every bar holds."""
    arguments = _arguments()
    chosen = list(MEASURES) if arguments.only is None else arguments.only.split(",")
    if "cut-off" in chosen and not namespaces.is_possible():
        print("cut-off: left out, no network namespaces can be made here")
        chosen.remove("cut-off")
    if "cut-off" in chosen:
        namespaces.enter_private()
    figures: list[Figure] = []
    for name in chosen:
        for figure in MEASURES[name](arguments):
            figures.append(figure)
            print(figure.line, flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(figure) for figure in figures], indent=1))
    return 0 if all(figure.holds for figure in figures) else 1


def _kill(arguments: argparse.Namespace) -> Iterator[Figure]:
    with (
        tempfile.TemporaryDirectory(prefix="stepraft-failover-") as folder,
        _cluster(folder) as each,
    ):
        yield from asyncio.run(leaders.killed(each, arguments.kills))


def _stop(arguments: argparse.Namespace) -> Iterator[Figure]:
    with (
        tempfile.TemporaryDirectory(prefix="stepraft-failover-") as folder,
        _cluster(folder) as each,
    ):
        yield from asyncio.run(leaders.stopped(each, arguments.stops))


def _transfer(arguments: argparse.Namespace) -> Iterator[Figure]:
    with (
        tempfile.TemporaryDirectory(prefix="stepraft-failover-") as folder,
        _cluster(folder) as each,
    ):
        yield from asyncio.run(leaders.transferred(each, arguments.stops))


def _cut_off(arguments: argparse.Namespace) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="stepraft-failover-") as folder:
        cluster = NamespaceCluster(Path(folder) / "cluster")
        try:
            cluster.start()
            yield from asyncio.run(followers.cut_off(cluster, arguments.cut_off_s))
        finally:
            cluster.close(keep_data=False)


def _state(arguments: argparse.Namespace) -> Iterator[Figure]:
    """Restart and snapshot, with as much state as is asked for."""
    with (
        tempfile.TemporaryDirectory(prefix="stepraft-failover-") as folder,
        _cluster(folder) as each,
    ):
        state_bytes = asyncio.run(big_state.fill(each, int(arguments.state_gb * 1e9)))
        yield from followers.restarted(each, state_bytes)
        yield from asyncio.run(followers.replaced(each, state_bytes))


def _fsync(arguments: argparse.Namespace) -> Iterator[Figure]:
    yield from fsync_cost(arguments.seconds, arguments.rounds)


MEASURES: Final[dict[str, Callable[[argparse.Namespace], Iterator[Figure]]]] = {
    "kill": _kill,
    "stop": _stop,
    "transfer": _transfer,
    "cut-off": _cut_off,
    "state": _state,
    "fsync": _fsync,
}
"""What can be measured, by the name that `--only` takes."""


def _cluster(folder: str) -> LocalCluster:
    return LocalCluster(Path(folder), SIZE)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="some of: " + ",".join(MEASURES))
    parser.add_argument("--kills", type=int, default=20, help="how often the leader is killed (20)")
    parser.add_argument("--stops", type=int, default=10, help="how often it hands over (10)")
    parser.add_argument("--cut-off-s", type=float, default=45.0, help="how long a node is alone")
    parser.add_argument("--state-gb", type=float, default=1.0, help="for restart and snapshot (1)")
    parser.add_argument("--seconds", type=float, default=4.0, help="for each point of fsync (4)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of fsync on and off (3)")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
