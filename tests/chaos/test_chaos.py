"""A short run with a fixed seed: the leader is killed twice under load, and nothing is amiss."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

ROOT = Path(__file__).parent.parent.parent
TIMEOUT_S = 180


def test_two_killed_leaders_do_no_harm() -> None:
    options = ["--seconds", "18", "--seed", "8", "--faults", "kill"]
    ended = subprocess.run(
        [sys.executable, "-m", "tests.chaos", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    last_line = ended.stdout.splitlines()[-1]
    assert re.fullmatch(r"chaos: 2 faults in 18 s, seed 8, .*, violations 0", last_line), last_line
