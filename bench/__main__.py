"""Run the benchmark.

python -m bench --nodes 1,3 --workloads W1,W2,W3,W4 --in-flight 1,64,256 --seconds 4 --json FILE
"""

import argparse
import json
import statistics
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Final

import uvloop

from bench import measure, report
from bench.measure import Point
from bench.workloads import WORKLOADS, Workload
from stepraft.testing.cluster import LocalCluster

_W3_IN_FLIGHT_MAX: Final = 16


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", default="1,3")
    parser.add_argument("--workloads", default="W1,W2,W3,W4")
    parser.add_argument("--in-flight", default="1,64,256")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--repeat", type=int, default=1, help="runs per point; the median is given")
    parser.add_argument("--json", type=Path, help="write the points to this file, too")
    arguments = parser.parse_args()
    chosen = [workload for workload in WORKLOADS if workload.name in arguments.workloads.split(",")]
    points: list[Point] = []
    for size in _numbers(arguments.nodes):
        with (
            tempfile.TemporaryDirectory(prefix="stepraft-bench-") as folder,
            measure.cluster_with_worker(Path(folder), size) as (cluster, worker),
        ):
            for workload in chosen:
                for in_flight in _in_flight(workload, arguments.in_flight):
                    point = _measure(cluster, worker, workload, in_flight, arguments)
                    points.append(point)
                    print(report.line(point), flush=True)
    print(report.table(points))
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(point) for point in points], indent=1))


def _in_flight(workload: Workload, text: str) -> list[int]:
    """Return how many at once; a work of many items is not done by hundreds at a time."""
    numbers = _numbers(text)
    if workload.units > 1:
        numbers = sorted({min(number, _W3_IN_FLIGHT_MAX) for number in numbers})
    return numbers


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _measure(
    cluster: LocalCluster,
    worker: int,
    workload: Workload,
    in_flight: int,
    arguments: argparse.Namespace,
) -> Point:
    runs = [
        uvloop.run(measure.point(cluster, worker, workload, in_flight, arguments.seconds))
        for _ in range(arguments.repeat)
    ]
    middle = statistics.median_low(sorted(run.per_second for run in runs))
    return next(run for run in runs if run.per_second == middle)


if __name__ == "__main__":
    main()
