"""How the cluster stands, on a console of 80 characters and on a wide one."""

from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text

from stepraft.cli.standing import lag_of, notes, print_status
from stepraft.client import ClusterStatus, NodeCondition, NodeRole, NodeStanding, NodeStatus

NARROW, WIDE = 80, 160


def node(number: int, **fields: Any) -> NodeStatus:
    """Return a follower that is in step."""
    host = f"stepraft-{number}.stepraft-nodes"
    known: dict[str, Any] = {
        "node_id": f"stepraft-{number}",
        "address": f"{host}:7400",
        "raft_address": f"{host}:7401",
        "role": NodeRole.FOLLOWER,
        "reachable": True,
        "applied_index": 1_234_567,
        "commit_index": 1_234_567,
        "last_index": 1_234_567,
        "checksum": 1,
        "hlc": 1,
        "software_version": "0.1.0",
        "standing": NodeStanding.VOTER,
        "condition": NodeCondition.NORMAL,
        "match_index": 1_234_567,
        "agrees": True,
        "snapshot_bytes": 0,
        "feature_level": 1,
        "waits_for": (),
    }
    return NodeStatus(**(known | fields))


LEADER = node(0, role=NodeRole.LEADER, agrees=None)
GONE = node(
    2,
    reachable=False,
    role=NodeRole.UNKNOWN,
    condition=NodeCondition.UNKNOWN,
    applied_index=0,
    agrees=None,
    software_version="",
)


def cluster(*nodes: NodeStatus) -> ClusterStatus:
    return ClusterStatus(
        cluster_id="shop",
        node_id="stepraft-0",
        leader_id="stepraft-0",
        term=3,
        epoch=12,
        feature_level=1,
        nodes=nodes,
    )


def printed(found: ClusterStatus, width: int) -> list[str]:
    screen = Console(width=width, highlight=False, record=True, file=open_nowhere())
    print_status(screen, found)
    return [line.rstrip() for line in screen.export_text().splitlines()]


def open_nowhere() -> Any:
    class Nowhere:
        def write(self, text: str) -> int:
            return len(text)

        def flush(self) -> None:
            """Nothing is kept."""

    return Nowhere()


def test_it_is_read_on_80_characters() -> None:
    behind = node(1, applied_index=1_234_500, agrees=False)

    assert printed(cluster(LEADER, behind, GONE), NARROW) == [
        "cluster shop, leader stepraft-0, as stepraft-0 sees it",
        "term 3, epoch 12, features 1",
        "NODE        ROLE         STANDING  CONDITION    APPLIED  LAG  CHECKSUM",
        "stepraft-0  leader       voter     normal     1,234,567    0",
        "stepraft-1  follower     voter     normal     1,234,500   67  DIFFERENT",
        "stepraft-2  unreachable  voter",
        "",
        "NODE        ADDRESS                         RAFT   VERSION",
        "stepraft-0  stepraft-0.stepraft-nodes:7400  :7401  0.1.0",
        "stepraft-1  stepraft-1.stepraft-nodes:7400  :7401  0.1.0",
        "stepraft-2  stepraft-2.stepraft-nodes:7400  :7401",
        "stepraft-1: its checksum at entry 1,234,500 is not stepraft-0's: one is wrong",
    ]


def test_on_a_wide_console_each_node_has_one_line() -> None:
    lines = printed(cluster(LEADER, node(1)), WIDE)

    assert [line.split() for line in lines[3:]] == [
        ["stepraft-0", "leader", "voter", "normal", "1,234,567", "0", *place(0)],
        ["stepraft-1", "follower", "voter", "normal", "1,234,567", "0", "same", *place(1)],
    ]


def place(number: int) -> list[str]:
    host = f"stepraft-{number}.stepraft-nodes"
    return [f"{host}:7400", f"{host}:7401", "0.1.0"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        pytest.param({}, [], id="in step"),
        pytest.param(
            {"condition": NodeCondition.FORMING, "waits_for": ("n1", "n2")},
            ["it waits for the other members of a new cluster: n1, n2"],
            id="forming",
        ),
        pytest.param(
            {"condition": NodeCondition.RECEIVING, "snapshot_bytes": 1_234_567},
            ["it receives a snapshot, 1.23 MB so far"],
            id="receiving",
        ),
        pytest.param(
            {"condition": NodeCondition.LEARNER, "snapshot_bytes": 999},
            [
                "it receives a snapshot, 999 bytes so far",
                "it is new, catches up, and has no vote yet",
            ],
            id="a newcomer that is sent a snapshot",
        ),
        pytest.param(
            {"condition": NodeCondition.DIVERGED},
            ["its state differed from that of the others, and is being replaced"],
            id="diverged",
        ),
        pytest.param(
            {"condition": NodeCondition.NO_ROOM},
            ["its disk is nearly full: it takes no entries until there is room"],
            id="no room",
        ),
        pytest.param(
            {"feature_level": 2},
            ["its software knows features 2: used once that of all nodes does"],
            id="upgraded before others",
        ),
    ],
)
def test_what_is_amiss_is_said_in_words(fields: dict[str, Any], said: list[str]) -> None:
    assert notes(cluster(LEADER, node(1, **fields))) == [f"stepraft-1: {text}" for text in said]


@pytest.mark.parametrize("condition", NodeCondition)
def test_every_condition_but_the_good_ones_is_explained(condition: NodeCondition) -> None:
    is_good = condition in (NodeCondition.NORMAL, NodeCondition.UNKNOWN)

    assert (notes(cluster(node(1, condition=condition))) == []) is is_good


def test_the_lag_is_counted_from_the_newest_commit() -> None:
    found = cluster(node(0, commit_index=1_234_570), node(1), GONE)

    assert [lag_of(found, each) for each in found.nodes] == [3, 3, None]


@pytest.mark.system
def test_the_program_fits_a_terminal_of_80_characters(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")

    lines = Text.from_ansi(run("cluster", "status").stdout).plain.splitlines()

    assert len(lines) > len(["cluster", "term", "table", "node"])
    assert max(map(len, lines)) <= NARROW
