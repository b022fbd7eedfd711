"""A node's folder is set aside once, and never under a process that uses it."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from stepraft.server import config as configuration
from stepraft.server.config import single_node
from stepraft.server.raft.consensus import open_journal
from stepraft.server.raft.contract import StartError
from stepraft.server.raft.disk import Folder
from stepraft.server.raft.vote import NAMES, Admission
from stepraft.server.rejoin import set_aside
from stepraft.server.settings import Config, LogSection, Member


def config_of(folder: Path, *others: str) -> Config:
    config = single_node(folder, "127.0.0.1:7400", LogSection())
    members = dict.fromkeys(others, Member(raft="127.0.0.1:1", grpc="127.0.0.1:2"))
    cluster = replace(config.cluster, members=dict(config.cluster.members) | members)
    return replace(config, cluster=cluster)


def make_folder(config: Config, admission: Admission) -> Path:
    """Make what a node has kept; return where its journal is."""
    journal = open_journal(configuration.raft_settings(config, 0))
    journal.save_admission(admission)
    journal.close()
    return configuration.raft_settings(config, 0).folder


def test_the_folder_gets_another_name(tmp_path: Path) -> None:
    config = config_of(tmp_path, "n2")
    make_folder(config, Admission.ADMITTED)

    aside = set_aside(config, 0)

    assert aside == tmp_path / "partition-0.aside"
    assert [path.name for path in tmp_path.iterdir()] == ["partition-0.aside"]


def test_a_folder_that_is_not_there_is_no_error(tmp_path: Path) -> None:
    assert set_aside(config_of(tmp_path, "n2"), 0) is None


def test_a_node_that_rejoins_already_goes_on(tmp_path: Path) -> None:
    config = config_of(tmp_path, "n2")
    make_folder(config, Admission.ABSTAINING)

    assert set_aside(config, 0) is None


def test_what_was_damaged_while_it_rejoined_is_set_aside(tmp_path: Path) -> None:
    config = config_of(tmp_path, "n2")
    folder = make_folder(config, Admission.ABSTAINING)
    for name in NAMES:
        (folder / name).write_bytes(b"rotten")

    assert set_aside(config, 0) == tmp_path / "partition-0.aside"


def test_a_second_folder_is_not_set_aside_on_top_of_the_first(tmp_path: Path) -> None:
    config = config_of(tmp_path, "n2")
    make_folder(config, Admission.ADMITTED)
    set_aside(config, 0)
    make_folder(config, Admission.ADMITTED)

    with pytest.raises(StartError, match=r"partition-0\.aside is there already"):
        set_aside(config, 0)


def test_the_folder_of_a_running_process_is_left_alone(tmp_path: Path) -> None:
    config = config_of(tmp_path, "n2")
    held = Folder(make_folder(config, Admission.ADMITTED), fsync=False)

    with pytest.raises(StartError, match="another process uses this folder"):
        set_aside(config, 0)

    held.close()
    assert (tmp_path / "partition-0").is_dir()


def test_a_cluster_of_one_has_nobody_to_take_its_data_from(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    make_folder(config, Admission.ADMITTED)

    with pytest.raises(StartError, match="the cluster has one member"):
        set_aside(config, 0)
