"""Whole clusters on virtual time: no promise is broken, and a broken one is seen."""

import pytest

from tests.simulation.cluster import simulate
from tests.simulation.defects import DEFECTS, Defect, show


@pytest.mark.parametrize("seed", range(1, 61))
def test_no_promise_is_broken(seed: int) -> None:
    report = simulate(seed)

    assert sum(report.statuses.values()) >= 3


def test_the_outcomes_are_checked_against_the_reference() -> None:
    reports = [simulate(seed) for seed in range(1, 11)]

    assert sum(report.checked for report in reports) >= 30


@pytest.mark.parametrize("seed", [7, 35])
def test_a_seed_is_one_run(seed: int) -> None:
    assert simulate(seed) == simulate(seed)


@pytest.mark.parametrize("defect", DEFECTS, ids=[defect.name for defect in DEFECTS])
def test_a_defect_is_seen(defect: Defect) -> None:
    for seed in defect.seeds:
        said = show(defect, seed)

        assert said, f"seed {seed} shows nothing; find another by run.py --defects"
        assert defect.seen_as in said
