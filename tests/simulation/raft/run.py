"""Run seeds of the simulation: `python tests/simulation/raft/run.py --seeds A-B`."""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tests.simulation.raft.history import Violation
from tests.simulation.raft.runs import Report, run


def main() -> int:
    """Print each violation with its seed and a summary; 1 if there was one."""
    parser = argparse.ArgumentParser(description="Simulate Raft groups under faults.")
    parser.add_argument("--seeds", default="0-100", help="a range A-B, both included")
    parser.add_argument("--no-sync", action="store_true", help="disks ignore syncs: must fail")
    parser.add_argument("--changing", action="store_true", help="members change all the time")
    arguments = parser.parse_args()
    first, last = (int(seed) for seed in arguments.seeds.split("-"))
    began, failed = time.monotonic(), 0
    reports: list[Report] = []
    for seed in range(first, last + 1):
        try:
            reports.append(
                run(seed, keeps_sync=not arguments.no_sync, is_changing=arguments.changing)
            )
        except Violation as violation:
            failed += 1
            print(f"seed {seed}: {violation}")
    _summarise(last + 1 - first, failed, reports, time.monotonic() - began)
    return 1 if failed else 0


def _summarise(runs: int, failed: int, reports: list[Report], took_s: float) -> None:
    print(
        f"{runs} runs in {took_s:.1f} s: {failed} violations,",
        f"{sum(report.acknowledged for report in reports)} entries acknowledged,",
        f"{sum(report.barriers for report in reports)} barriers confirmed,",
        f"{sum(report.terms for report in reports)} terms,",
        f"{sum(report.crashes for report in reports)} crashes,",
        f"{sum(report.first_index > 1 for report in reports)} runs with compaction on all nodes,",
        f"{sum(report.snapshots for report in reports)} snapshots installed,",
        f"slowest healing {max((r.healed_after_s for r in reports), default=0.0):.1f} s",
    )


if __name__ == "__main__":
    sys.exit(main())
