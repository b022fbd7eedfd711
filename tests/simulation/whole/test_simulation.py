"""Whole clusters of real code: no promise is broken, all heals, and each remedy is needed."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.defects import Defect, show
from tests.simulation.oracle import Violation
from tests.simulation.whole.defects import DEFECTS
from tests.simulation.whole.runs import run

ROOT = Path(__file__).parents[3]
FRESH = [random.SystemRandom().randrange(1_000_000, 1_000_000_000) for _ in range(3)]


@pytest.mark.parametrize("seed", range(1, 25))
def test_no_promise_is_broken_and_the_cluster_heals(seed: int) -> None:
    report = run(seed)

    assert report.acknowledged > 0


def test_no_promise_is_broken_in_runs_that_nobody_has_seen() -> None:
    for seed in FRESH:
        try:
            run(seed)
        except Violation as violation:
            again = f"python tests/simulation/run.py --part whole --seeds {seed}"
            pytest.fail(f"seed {seed}: {violation}; again: {again}")


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_a_seed_is_one_run_in_every_process(hash_seed: str) -> None:
    program = "from tests.simulation.whole.runs import run; print(run(3))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == f"{run(3)}\n"


@pytest.mark.parametrize("seed", [2, 3])
def test_disks_that_ignore_syncs_are_noticed(seed: int) -> None:
    with pytest.raises(Violation):
        run(seed, keeps_sync=False)


@pytest.mark.parametrize("defect", DEFECTS, ids=[defect.name for defect in DEFECTS])
def test_a_cluster_without_one_remedy_breaks_a_promise(defect: Defect) -> None:
    for seed in defect.seeds:
        said = show(defect, seed, run)

        assert said, f"seed {seed} shows nothing; find others by run.py --part whole --defects"
        assert defect.seen_as in said
