"""Run seeds of the simulations: `python tests/simulation/run.py --seeds 1-100`.

Prints each violation with its seed and how to run it again, and one line for each part. See
docs/testing.md.
"""

import argparse
import logging
import os
import shlex
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.simulation import cluster, defects, oracle
from tests.simulation.defects import Defect
from tests.simulation.raft import history
from tests.simulation.raft import runs as raft_runs
from tests.simulation.whole import defects as whole_defects
from tests.simulation.whole import runs as whole_runs

_SEEDS_AT_ONCE: Final = 4
_SHOWN_MAX: Final = 2


class Figures(NamedTuple):
    """What a run did, of what all parts do."""

    acknowledged: int
    terms: int
    crashes: int
    snapshots: int
    healed_after_s: float


class Part(NamedTuple):
    """One simulation. `run(seed, keeps_sync)` raises a violation when it finds one. `defects`: what
    its seeds must find when it is put in; those of the consensus alone are found by its tests.
    """

    name: str
    run: Callable[[int, bool], Figures]
    defects: list[Defect]


class Outcome(NamedTuple):
    """How the run of a seed ended: `violation` is empty when nothing was wrong."""

    seed: int
    figures: Figures | None
    violation: str = ""
    trace: str = ""


def _run_raft(seed: int, keeps_sync: bool, *, is_changing: bool = False) -> Figures:
    report = raft_runs.run(seed, keeps_sync=keeps_sync, is_changing=is_changing)
    return Figures(
        report.acknowledged,
        report.terms,
        report.crashes,
        report.snapshots,
        report.healed_after_s,
    )


def _run_engine(seed: int, keeps_sync: bool) -> Figures:
    report = cluster.simulate(seed)
    return Figures(report.acknowledged, report.terms, report.crashes, 0, 0.0)


def _run_whole(seed: int, keeps_sync: bool) -> Figures:
    report = whole_runs.run(seed, keeps_sync=keeps_sync)
    return Figures(
        report.acknowledged,
        report.terms,
        report.crashes,
        report.snapshots,
        report.healed_after_s,
    )


PARTS: Final = {
    part.name: part
    for part in (
        Part("raft", _run_raft, []),
        Part("changing", partial(_run_raft, is_changing=True), []),
        Part("engine", _run_engine, defects.DEFECTS),
        Part("whole", _run_whole, whole_defects.DEFECTS),
    )
}


def main() -> int:
    """Return 1 when a seed failed, or a defect was not seen."""
    parser = argparse.ArgumentParser(description="Simulate clusters under faults.")
    parser.add_argument("--seeds", default="1-100", help="FIRST-LAST, both included, or one number")
    parser.add_argument("--part", choices=PARTS, action="append", help="one part; all if not given")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at once")
    parser.add_argument("--no-sync", action="store_true", help="disks ignore syncs: must fail")
    parser.add_argument("--defects", action="store_true", help="look for seeds that show defects")
    arguments = parser.parse_args()
    first, _, last = arguments.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    logging.getLogger("stepraft").addHandler(logging.NullHandler())
    parts = [PARTS[name] for name in arguments.part or PARTS]
    with ProcessPoolExecutor(arguments.jobs) as pool:
        if arguments.defects:
            unseen = [_find(part, seeds, pool) for part in parts]
            return 1 if any(unseen) else 0
        failed = [_run(part, seeds, pool, keeps_sync=not arguments.no_sync) for part in parts]
    return 1 if any(failed) else 0


def _run(part: Part, seeds: range, pool: ProcessPoolExecutor, *, keeps_sync: bool) -> int:
    """Return how many seeds of a part failed."""
    began_s = time.monotonic()
    attempt = partial(_attempt, part.name, keeps_sync=keeps_sync)
    outcomes = list(_told(part, seeds, pool.map(attempt, seeds, chunksize=_SEEDS_AT_ONCE)))
    done = [outcome.figures for outcome in outcomes if outcome.figures is not None]
    failed = len(outcomes) - len(done)
    print(
        f"{part.name:8} {len(seeds)} runs in {time.monotonic() - began_s:.0f} s:",
        f"{failed} violations;",
        f"{sum(figures.acknowledged for figures in done)} acknowledged,",
        f"{sum(figures.terms for figures in done)} terms,",
        f"{sum(figures.crashes for figures in done)} crashes,",
        f"{sum(figures.snapshots for figures in done)} snapshots,",
        f"slowest healing {max((each.healed_after_s for each in done), default=0.0):.1f} s",
        flush=True,
    )
    return failed


def _attempt(name: str, seed: int, *, keeps_sync: bool) -> Outcome:
    try:
        return Outcome(seed, PARTS[name].run(seed, keeps_sync))
    except (oracle.Violation, history.Violation) as violation:
        return Outcome(seed, None, str(violation), traceback.format_exc())


def _told(part: Part, seeds: range, outcomes: Iterable[Outcome]) -> Iterable[Outcome]:
    """Pass the outcomes on, and say of each violation how it is seen again."""
    for outcome in outcomes:
        if outcome.violation:
            again = shlex.join([*sys.argv[:1], "--part", part.name, "--seeds", str(outcome.seed)])
            print(f"{part.name} seed {outcome.seed}: {outcome.violation}")
            print(f"  again: python {again}", flush=True)
        if outcome.trace and len(seeds) == 1:
            print(outcome.trace)
        yield outcome


def _find(part: Part, seeds: range, pool: ProcessPoolExecutor) -> int:
    """Print for each defect the first seeds that show it; return how many defects none shows."""
    unseen = 0
    for number, defect in enumerate(part.defects):
        found = _first_shown(part, number, seeds, pool)
        print(f"{part.name}: {defect.name}: {found}", flush=True)
        unseen += not found
    return unseen


def _first_shown(part: Part, number: int, seeds: range, pool: ProcessPoolExecutor) -> list[int]:
    """Return the first seeds that show a defect, two of them if there are as many."""
    found: list[int] = []
    for start in range(0, len(seeds), _SEEDS_AT_ONCE):
        block = seeds[start : start + _SEEDS_AT_ONCE]
        shown = pool.map(partial(_shows, part.name, number), block)
        found += [seed for seed, is_shown in zip(block, shown, strict=True) if is_shown]
        if len(found) >= _SHOWN_MAX:
            break
    return found[:_SHOWN_MAX]


def _shows(name: str, number: int, seed: int) -> bool:
    part = PARTS[name]
    defect = part.defects[number]
    said = defects.show(defect, seed, lambda seed: part.run(seed, True))
    return bool(said) and defect.seen_as in said


if __name__ == "__main__":
    sys.exit(main())
