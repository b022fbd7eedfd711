"""Whole groups under faults: what was promised holds, and each remedy is needed for it."""

import pytest

from tests.simulation.raft.defects import REMEDIES, Defect
from tests.simulation.raft.history import Violation
from tests.simulation.raft.runs import run


@pytest.mark.parametrize("seed", range(40))
def test_a_group_keeps_its_promises_and_heals(seed: int) -> None:
    report = run(seed)

    assert report.acknowledged > 0


@pytest.mark.parametrize("seed", range(15))
def test_a_group_that_changes_keeps_its_promises_and_heals(seed: int) -> None:
    report = run(seed, is_changing=True)

    assert report.acknowledged > 0


@pytest.mark.parametrize("seed", range(15))
def test_a_group_whose_disks_fill_up_keeps_its_promises_and_heals(seed: int) -> None:
    report = run(seed, has_full_disks=True)

    assert report.acknowledged > 0


def test_a_run_is_a_function_of_its_seed() -> None:
    assert run(5) == run(5)


@pytest.mark.parametrize("seed", [2, 4, 5, 6])
def test_a_disk_that_ignores_syncs_is_noticed(seed: int) -> None:
    with pytest.raises(Violation):
        run(seed, keeps_sync=False)


@pytest.mark.parametrize("defect", REMEDIES, ids=lambda defect: defect.name)
def test_a_group_without_one_remedy_breaks_a_promise(
    defect: Defect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(defect.target, defect.attribute, defect.replacement)

    for seed in defect.seeds:
        with pytest.raises(Violation):
            run(seed)
    for seed in defect.changing_seeds:
        with pytest.raises(Violation):
            run(seed, is_changing=True)
