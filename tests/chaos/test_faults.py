"""The schedule of faults follows from its seed, and what they cost is measured."""

from itertools import pairwise

import pytest

from tests.chaos.faults import EVERY_S, FIRST_AT_S, KINDS, LASTS_S, kinds_for, schedule, targets
from tests.chaos.records import FaultRecord
from tests.chaos.report import AFTERMATH_S, longest_gaps_s

HOUR_S = 3600.0
NODES = ["n1", "n2", "n3"]
DRAW = 5


def test_a_seed_always_gives_the_same_faults() -> None:
    kinds = list(KINDS)

    assert list(schedule(HOUR_S, 7, kinds)) == list(schedule(HOUR_S, 7, kinds))
    assert list(schedule(HOUR_S, 7, kinds)) != list(schedule(HOUR_S, 8, kinds))


def test_faults_keep_their_times_and_every_kind_comes() -> None:
    plan = list(schedule(HOUR_S, 7, list(KINDS)))

    assert plan[0].at_s == FIRST_AT_S
    assert {planned.kind for planned in plan} == set(KINDS)
    assert {planned.kind for planned in plan[: len(KINDS)]} == set(KINDS)
    for planned, following in pairwise(plan):
        assert EVERY_S[0] <= following.at_s - planned.at_s <= EVERY_S[1]
        assert LASTS_S[0] <= planned.lasts_s <= LASTS_S[1]
        assert planned.at_s + planned.lasts_s < following.at_s
        assert planned.aim in KINDS[planned.kind].aims
    assert plan[-1].at_s + plan[-1].lasts_s <= HOUR_S


def test_loopback_has_the_faults_that_need_no_hosts() -> None:
    left_out = set(kinds_for(has_hosts=True)) - set(kinds_for(has_hosts=False))

    assert left_out == {name for name, kind in KINDS.items() if kind.needs_hosts}


@pytest.mark.parametrize(
    ("aim", "leader", "hit"),
    [
        pytest.param("leader", "n2", ["n2"], id="the leader"),
        pytest.param("follower", "n3", ["n2"], id="a follower"),
        pytest.param("random", "n2", ["n3"], id="any node"),
        pytest.param("majority", "n2", ["n2", "n3"], id="two of three"),
        pytest.param("all", "n2", NODES, id="all"),
    ],
)
def test_a_fault_hits_whom_it_aims_at(aim: str, leader: str, hit: list[str]) -> None:
    assert targets(aim, DRAW, NODES, leader) == hit


def fault(began_s: float, ended_s: float) -> FaultRecord:
    return FaultRecord(kind="kill", aim="leader", targets=("n1",), began_s=began_s, ended_s=ended_s)


@pytest.mark.parametrize(
    ("faults", "accepted_s", "gaps_s"),
    [
        pytest.param([fault(10, 12)], [9.0, 10.5, 11.0, 13.5, 14.0], [2.5], id="in the midst"),
        pytest.param([fault(10, 12)], [9.0, 13.0], [3.0], id="from the beginning of the fault"),
        pytest.param(
            [fault(10, 12)], [10.0, 11.0, 12.0, 16.5, 21.0], [4.5], id="begun in the aftermath"
        ),
        pytest.param(
            [fault(10, 12)],
            [10.0, 11.0, 12.0, 12.0 + AFTERMATH_S + 1, 30.0],
            [AFTERMATH_S + 1],
            id="what comes after the aftermath is of no account",
        ),
        pytest.param(
            [fault(10, 12), fault(14, 16)],
            [10.0, 11.0, 14.0, 19.0],
            [3.0, 5.0],
            id="each fault has its own",
        ),
        pytest.param(
            [fault(10, 12), fault(14, 24)],
            [10.0, 11.0, 13.9, 23.0],
            [2.9, 9.0],
            id="what the next fault causes is its own",
        ),
        pytest.param([fault(10, 12)], [], [0.0], id="no load"),
        pytest.param([], [1.0, 2.0], [], id="no fault"),
    ],
)
def test_the_longest_time_without_a_write_is_found(
    faults: list[FaultRecord], accepted_s: list[float], gaps_s: list[float]
) -> None:
    assert longest_gaps_s(faults, accepted_s) == pytest.approx(gaps_s)
