"""The server as a process: its exit codes, and what it says to whoever started it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from stepraft.server import config as configuration
from stepraft.server.__main__ import main
from stepraft.server.config import single_node
from stepraft.server.raft.consensus import open_journal
from stepraft.server.raft.membership import Member, Membership, Standing
from stepraft.server.raft.segment import HEAD_BYTES, is_segment
from stepraft.server.raft.vote import NAMES, Admission
from stepraft.server.settings import LogSection
from stepraft.storage.folders import FolderStore

MEMBERS = '{ n1 = { raft = "127.0.0.1:0", grpc = "127.0.0.1:0" } }'
HINT = "`stepraft server --rejoin` sets what this node has aside"


def arguments(folder: Path) -> list[str]:
    return [
        *("--node-id", "dev", "--node-data-dir", str(folder), "--cluster-id", "dev"),
        *("--cluster-members", MEMBERS.replace("n1", "dev")),
        *("--grpc-listen", "127.0.0.1:0", "--raft-listen", "127.0.0.1:0"),
    ]


def make_folder(folder: Path) -> Path:
    """Make what a node has kept: an admitted vote, a few entries, a store."""
    settings = configuration.raft_settings(single_node(folder, "127.0.0.1:0", LogSection()), 0)
    journal = open_journal(settings)
    journal.save_admission(Admission.ADMITTED)
    for index in (1, 2):
        journal.append(index, [(1, b"\1")])
        journal.sync()
    journal.close()
    FolderStore(settings.folder.parent / "store").close()
    return settings.folder.parent


def damage_votes(folder: Path) -> None:
    for name in NAMES:
        (folder / "raft" / name).write_bytes(b"rotten")


def damage_journal(folder: Path) -> None:
    (segment,) = (path for path in (folder / "raft").iterdir() if is_segment(path.name))
    content = bytearray(segment.read_bytes())
    content[HEAD_BYTES + 20] ^= 0xFF
    segment.write_bytes(content)


def damage_store(folder: Path) -> None:
    (folder / "store" / "active").write_bytes(b"rotten")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        pytest.param(damage_votes, "so this node cannot know how it voted", id="votes"),
        pytest.param(damage_journal, "damaged at offset", id="journal"),
        pytest.param(damage_store, "is damaged: its file active is no name", id="store"),
    ],
)
def test_damage_names_the_command_that_helps(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[Path], None],
    said: str,
) -> None:
    damage(make_folder(tmp_path))

    code = main(arguments(tmp_path))

    told = capsys.readouterr().err.splitlines()[-1]
    assert code == 1
    assert said in told
    assert HINT in told


def test_a_node_that_was_removed_has_an_exit_code_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    others = Membership({"n2": Member("127.0.0.1:1", "127.0.0.1:2", Standing.VOTER)})
    settings = configuration.raft_settings(single_node(tmp_path, "127.0.0.1:0", LogSection()), 0)
    journal = open_journal(settings)
    journal.save_admission(Admission.ADMITTED)
    journal.append(1, [(1, b"\2" + others.encode())])
    journal.sync()
    journal.close()

    code = main(arguments(tmp_path))

    assert code == 3
    assert "node dev was removed from cluster dev" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("wrong", "code", "said"),
    [
        pytest.param(["--node-id", "n9"], 2, "node.id: 'n9' is none of the members", id="no id"),
        pytest.param(["--rejoin"], 1, "the cluster has one member", id="nobody to rejoin"),
    ],
)
def test_what_keeps_it_from_starting_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: list[str], code: int, said: str
) -> None:
    make_folder(tmp_path)

    assert main([*arguments(tmp_path), *wrong]) == code
    assert said in capsys.readouterr().err.splitlines()[-1]
