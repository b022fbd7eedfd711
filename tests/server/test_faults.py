"""Fault points: armed by name, and only those that exist."""

import subprocess
import sys

import pytest

from stepraft.server.faults import POINTS, Faults

_REACH = """
import sys
from stepraft.server.faults import Faults
faults = Faults((sys.argv[1],))
for number in range(5):
    print(number, flush=True)
    faults.reach("processor.after_propose")
"""


@pytest.mark.parametrize(
    ("armed", "reached"),
    [
        pytest.param("processor.after_propose", "0\n", id="the first time"),
        pytest.param("processor.after_propose:3", "0\n1\n2\n", id="the third time"),
        pytest.param("processor.before_reply", "0\n1\n2\n3\n4\n", id="another point"),
    ],
)
def test_the_process_dies_at_an_armed_point(armed: str, reached: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _REACH, armed], capture_output=True, text=True, check=False
    )

    assert done.stdout == reached
    assert done.returncode == (-9 if reached != "0\n1\n2\n3\n4\n" else 0)


@pytest.mark.parametrize("point", POINTS)
def test_every_point_may_be_armed(point: str) -> None:
    Faults((f"{point}:2",)).reach(point)


@pytest.mark.parametrize(
    ("armed", "text"),
    [
        pytest.param("processor.nowhere", "there is no fault point 'processor.nowhere'", id="name"),
        pytest.param("machine.after_apply:0", "must be a positive integer", id="count of nought"),
        pytest.param("machine.after_apply:x", "must be a positive integer", id="count of letters"),
    ],
)
def test_what_cannot_be_armed_is_refused(armed: str, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Faults((armed,))
