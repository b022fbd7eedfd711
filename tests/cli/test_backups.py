"""`backup` and `restore`: a file appears whole or not at all, and what is refused says why."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stepraft.client import BackupHead, SyncClient
from stepraft.testing.cluster import LocalCluster

pytestmark = pytest.mark.system


def test_a_backup_says_what_it_holds(run: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "all.backup"

    document = json.loads(run("backup", str(file), "--json").stdout)

    assert (document["file"], document["bytes"]) == (str(file), file.stat().st_size)
    assert (document["cluster_id"], document["node_id"]) == ("local", "n1")
    assert document["applied_index"] > 0
    assert [path.name for path in tmp_path.iterdir()] == ["all.backup"]


def test_a_backup_is_readable_by_its_owner_alone(run: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "all.backup"
    run("backup", str(file))

    assert file.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_there_is_kept_unless_it_is_to_be_replaced(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    file = tmp_path / "all.backup"
    file.write_text("precious")

    refused = run("backup", str(file))
    assert (refused.exit_code, file.read_text()) == (5, "precious")
    assert refused.stderr.splitlines() == [
        f"error: {file} is there already",
        "hint: --force replaces it",
    ]

    assert run("backup", str(file), "--force").exit_code == 0
    assert file.stat().st_size > len("precious")


def test_a_backup_that_nobody_answers_leaves_nothing_behind(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stepraft.cli.options.CALL_TIMEOUT_S", 0.3)

    result = run("backup", str(tmp_path / "all.backup"), "--address", "127.0.0.1:1")

    assert result.exit_code == 4
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        pytest.param(lambda data: data[:-1], "the backup was cut", id="cut"),
        pytest.param(lambda data: data[:-1] + b"x", "the backup is damaged", id="damaged"),
    ],
)
def test_a_backup_that_does_not_arrive_whole_leaves_nothing_behind(
    run: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[bytes], bytes],
    said: str,
) -> None:
    send = SyncClient.backup

    def spoilt(client: SyncClient) -> Iterator[BackupHead | bytes]:
        head, *chunks = send(client)
        yield head
        yield spoil(b"".join(chunk for chunk in chunks if isinstance(chunk, bytes)))

    monkeypatch.setattr(SyncClient, "backup", spoilt)

    result = run("backup", str(tmp_path / "all.backup"))

    assert result.exit_code == 1
    assert said in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(run: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "no" / "all.backup"

    result = run("backup", str(file))

    assert result.exit_code == 1
    assert result.stderr.splitlines() == [f"error: cannot write {file}: No such file or directory"]


@pytest.fixture
def new_node(tmp_path: Path) -> list[str]:
    """The options of a node of a new cluster of one, which was not started."""
    new = LocalCluster(tmp_path / "new", size=1)
    folder = str(new.nodes["n1"].data_dir)
    return ["--config", str(new.config_path), "--node-id", "n1", "--data-dir", folder]


def test_a_restored_folder_says_what_to_do_next(
    run: Callable[..., Any], tmp_path: Path, new_node: list[str]
) -> None:
    file = str(tmp_path / "all.backup")
    run("backup", file)

    first = run("restore", file, *new_node)
    again = run("restore", file, *new_node)

    assert first.exit_code == 0, first.stderr
    assert first.stdout.splitlines()[-1] == "next: start it with `stepraft server`"
    assert again.exit_code == 1
    assert "is not empty: a backup makes the folder of a new node only" in again.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(None, "No such file", id="there is none"),
        pytest.param(b"", "is no backup", id="empty"),
        pytest.param(b"STEPRAFT\x00\x00\x00\x63", "format 99", id="newer"),
        pytest.param(b"STEPRAFT\x00\x00\x00\x01\x00", "was cut", id="cut"),
    ],
)
def test_a_file_that_is_no_sound_backup_is_refused(
    run: Callable[..., Any],
    tmp_path: Path,
    new_node: list[str],
    content: bytes | None,
    said: str,
) -> None:
    file = tmp_path / "all.backup"
    if content is not None:
        file.write_bytes(content)

    result = run("restore", str(file), *new_node)

    assert result.exit_code == 1
    assert said in result.stderr


def test_a_wrong_configuration_is_refused(run: Callable[..., Any], tmp_path: Path) -> None:
    result = run("restore", "all.backup", "--data-dir", str(tmp_path))

    assert result.exit_code == 2
    assert "node.id: it has to be set" in result.stderr
