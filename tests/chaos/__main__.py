"""Three real nodes under load and faults, and a checker over all that was seen.

    make chaos SECONDS=300 SEED=7

Faults are named as in the table of faults.py; without `--faults` all are made that can be made
here: as root each node has a network and a disk of its own, else all are on loopback. The exit
code is 0 if there was no violation; else the folder of records and logs is kept and named.
`--check FOLDER` checks the records of a run again.
"""

import argparse
import asyncio
import logging
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console

from tests.chaos import namespaces
from tests.chaos.checker import violations
from tests.chaos.clusters import LoopbackCluster, NamespaceCluster
from tests.chaos.faults import KINDS, kinds_for, schedule
from tests.chaos.findings import Findings
from tests.chaos.records import read_folder
from tests.chaos.report import last_line, print_report
from tests.chaos.run import Run

REPORT: Final = "report.txt"


def main() -> int:
    """Run, or check again; return 0 if there was no violation."""
    arguments = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
    if arguments.check is not None:
        return _check(arguments.check, arguments.seconds, arguments.seed)
    folder = Path(tempfile.mkdtemp(prefix="stepraft-chaos-"))
    has_hosts = not arguments.loopback and namespaces.is_possible()
    kinds = arguments.faults or kinds_for(has_hosts=has_hosts)
    where = "each on a host of its own" if has_hosts else "on loopback"
    print(f"three nodes, {where}; seed {arguments.seed}; records and logs in {folder}", flush=True)
    if has_hosts:
        namespaces.enter_private()
    cluster = (NamespaceCluster if has_hosts else LoopbackCluster)(folder / "cluster")
    code = 1
    try:
        plan = list(schedule(arguments.seconds, arguments.seed, kinds))
        asyncio.run(Run(cluster, folder, arguments.seed).go(arguments.seconds, plan))
        code = _check(folder, arguments.seconds, arguments.seed)
    finally:
        cluster.close(keep_data=code != 0)
        if code:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder)
    return code


def _check(folder: Path, seconds: float, seed: int) -> int:
    found = Findings(read_folder(folder))
    broken = violations(found)
    with (folder / REPORT).open("w") as file:
        for name, texts in broken.items():
            file.writelines(f"{name}: {text}\n" for text in texts)
    print_report(Console(width=120), found, broken)
    print(last_line(found, broken, seconds, seed), flush=True)
    return 1 if any(broken.values()) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the load lasts (60)")
    parser.add_argument("--seed", type=int, default=1, help="what the faults are drawn from (1)")
    parser.add_argument("--faults", nargs="+", choices=KINDS, help="make only these")
    parser.add_argument("--loopback", action="store_true", help="no hosts, even where they can be")
    parser.add_argument("--check", type=Path, help="check the records in this folder again")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
