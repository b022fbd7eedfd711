"""The legal changes of an execution's status."""

from itertools import product

import pytest

from stepraft.interpreter.lifecycle import ENDED, LEGAL_CHANGES, ExecutionStatus, check_change

CHANGES = list(product(ExecutionStatus, ExecutionStatus))


@pytest.mark.parametrize(("old", "new"), CHANGES, ids=[f"{old}-{new}" for old, new in CHANGES])
def test_a_change_is_legal_or_an_assertion(old: ExecutionStatus, new: ExecutionStatus) -> None:
    if new in LEGAL_CHANGES[old]:
        assert check_change(old, new) is new
    else:
        with pytest.raises(AssertionError, match=f"cannot go from {old} to {new}"):
            check_change(old, new)


def test_every_status_has_its_row() -> None:
    assert set(LEGAL_CHANGES) == set(ExecutionStatus)


def test_an_end_is_followed_by_deletion_alone() -> None:
    assert {LEGAL_CHANGES[end] for end in ENDED} == {frozenset({ExecutionStatus.DELETING})}


def test_every_status_is_reached_from_the_first_one() -> None:
    reached = {ExecutionStatus.PENDING}
    while more := {new for old in reached for new in LEGAL_CHANGES[old]} - reached:
        reached |= more

    assert reached == set(ExecutionStatus)
