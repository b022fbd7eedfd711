"""Run seeds: `python tests/simulation/run.py --seeds 1-100`. Prints each that fails, and how.

`--defects` instead looks for a seed that shows each of the defects on purpose.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.simulation.cluster import simulate
from tests.simulation.defects import DEFECTS, show
from tests.simulation.oracle import Violation


def main() -> int:
    """Return 1 when a seed failed, or a defect was not seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="1-100", help="FIRST-LAST, or one number")
    parser.add_argument("--defects", action="store_true", help="look for seeds that show them")
    arguments = parser.parse_args()
    first, _, last = arguments.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    return find_defects(seeds) if arguments.defects else run(seeds)


def run(seeds: range) -> int:
    """Run each seed as it is."""
    failed = []
    begin_s = time.monotonic()
    for seed in seeds:
        try:
            report = simulate(seed)
        except Violation as violation:
            failed.append(seed)
            print(violation)
        else:
            print(f"seed {seed}: {report}")
    print(f"{len(seeds)} seeds in {time.monotonic() - begin_s:.1f} s, failed: {failed or 'none'}")
    return 1 if failed else 0


def find_defects(seeds: range) -> int:
    """Print for each defect the first seed that shows it."""
    unseen = 0
    for defect in DEFECTS:
        seed = next(
            (seed for seed in seeds if defect.seen_as in (show(defect, seed) or "\0")), None
        )
        print(f"{defect.name}: {seed}")
        unseen += seed is None
    return 1 if unseen else 0


if __name__ == "__main__":
    sys.exit(main())
