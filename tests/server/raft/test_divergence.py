"""Who is wrong when checksums differ."""

import pytest

from stepraft.server.raft.divergence import Comparison, Report

OTHERS = ("n2", "n3", "n4", "n5")
MAJORITY = 3

OWN = 100
"""The leader's checksum at every index, to keep it short."""


def compared(*reports: tuple[str, Report]) -> Comparison:
    comparison = Comparison()
    for node_id, report in reports:
        comparison.note(node_id, report, OWN)
    return comparison


def test_one_that_differs_from_a_majority_is_wrong() -> None:
    comparison = compared(("n2", (7, 5)), ("n3", (7, OWN)), ("n4", (9, OWN)))

    assert comparison.is_wrong("n2", OTHERS, MAJORITY)
    assert not comparison.is_wrong("n3", OTHERS, MAJORITY)
    assert not comparison.is_open(OTHERS, MAJORITY)


@pytest.mark.parametrize(
    "reports",
    [
        pytest.param([("n2", (7, 5)), ("n3", (7, OWN))], id="too few agree"),
        pytest.param(
            [("n3", (6, OWN)), ("n4", (6, OWN)), ("n2", (7, 5))], id="they agreed before only"
        ),
        pytest.param(
            [("n3", (8, OWN)), ("n4", (8, OWN)), ("n4", (9, 3)), ("n2", (7, 5))],
            id="one agrees no more",
        ),
    ],
)
def test_without_a_majority_nobody_is_wrong_yet(reports: list[tuple[str, Report]]) -> None:
    comparison = compared(*reports)

    assert not comparison.is_wrong("n2", OTHERS, MAJORITY)
    assert comparison.is_open(OTHERS, MAJORITY)
    assert comparison.right_ones(OTHERS, MAJORITY) == frozenset()


def test_it_differs_since_the_first_report_that_did() -> None:
    comparison = compared(("n2", (7, 5)), ("n2", (20, 6)), ("n3", (8, OWN)), ("n4", (9, OWN)))

    assert comparison.is_wrong("n2", OTHERS, MAJORITY)


def test_a_majority_with_one_checksum_at_one_index_is_right_against_the_leader() -> None:
    comparison = compared(("n2", (7, 5)), ("n3", (6, 1)), ("n3", (7, 5)))
    assert comparison.right_ones(OTHERS, MAJORITY) == frozenset()

    comparison.note("n4", (7, 5), OWN)

    assert comparison.right_ones(OTHERS, MAJORITY) == {"n2", "n3", "n4"}


def test_those_who_differ_from_one_another_are_right_about_nothing() -> None:
    comparison = compared(("n2", (7, 1)), ("n3", (7, 2)), ("n4", (7, 3)), ("n5", (8, 1)))

    assert comparison.right_ones(OTHERS, MAJORITY) == frozenset()


def test_a_learner_is_judged_and_does_not_count() -> None:
    comparison = compared(("n9", (7, 5)), ("n3", (7, OWN)), ("n8", (9, OWN)))

    assert not comparison.is_wrong("n9", OTHERS, MAJORITY)
    comparison.note("n4", (9, OWN), OWN)
    assert comparison.is_wrong("n9", OTHERS, MAJORITY)


def test_the_first_difference_is_news_and_the_next_is_not() -> None:
    comparison = Comparison()

    assert comparison.note("n2", (7, 5), OWN)
    assert not comparison.note("n2", (8, 5), OWN)


def test_a_new_state_is_judged_anew() -> None:
    comparison = compared(("n2", (7, 5)), ("n3", (7, OWN)), ("n4", (9, OWN)))
    comparison.forget("n2")

    assert not comparison.is_wrong("n2", OTHERS, MAJORITY)
    assert not comparison.note("n2", (12, OWN), OWN)
