"""Run seeds: `python tests/simulation/run.py --seeds 1-100`. Prints each that fails, and how."""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.simulation.cluster import simulate  # noqa: E402 - the path comes first
from tests.simulation.oracle import Violation  # noqa: E402


def main() -> int:
    """Return 1 when a seed failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", required=True, help="FIRST-LAST, or one number")
    first, _, last = parser.parse_args().seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
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


if __name__ == "__main__":
    sys.exit(main())
