"""Restoring: a backup becomes the folders of a new cluster, the same bytes on each node."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from stepraft.interpreter import features
from stepraft.server import config as configuration
from stepraft.server.raft.disk import Folder
from stepraft.server.raft.journal import Journal
from stepraft.server.raft.membership import Membership
from stepraft.server.raft.vote import Admission, Identity
from stepraft.server.restore import Restored, RestoreError, restore
from stepraft.server.settings import ClusterSection, Config, Member, NodeSection
from stepraft.storage import format as store_format
from stepraft.storage import keys, queries
from stepraft.storage.backup import write_backup
from stepraft.storage.folders import FolderStore
from stepraft.storage.kv import Row
from stepraft.storage.machine import Machine
from stepraft.storage.memory import MemoryStore
from stepraft.storage.outgoing import StoreSource
from stepraft.storage.snapshot import SnapshotHead

NODES = ("n1", "n2", "n3")
MEMBERS = {
    node_id: Member(raft=f"127.0.0.1:74{number}1", grpc=f"127.0.0.1:74{number}0")
    for number, node_id in enumerate(NODES)
}
MEMBERSHIP = Membership.of_voters(
    {node_id: member.raft for node_id, member in MEMBERS.items()},
    {node_id: member.grpc for node_id, member in MEMBERS.items()},
)


@pytest.fixture
def old_store() -> MemoryStore:
    """The store of a node of the old cluster, whose log ends at entry 40 of term 6."""
    store = MemoryStore()
    store_format.claim(store, cluster_id="old", node_id="lost")
    machine = Machine(store)
    store.write([(b"c%05d" % number, b"row %d" % number * 9) for number in range(3000)])
    for index in range(1, 40):
        machine.apply(index, 5, b"")
    machine.apply_membership(40, 6, b"the old members")
    return store


@pytest.fixture
def backup(old_store: MemoryStore, tmp_path: Path) -> Path:
    """A backup of it."""
    path = tmp_path / "backup"
    with path.open("wb") as file:
        write_backup(StoreSource(old_store.snapshot()), file)
    return path


@pytest.fixture
def config(tmp_path: Path) -> Callable[[str], Config]:
    """Makes the configuration of a node of the new cluster."""

    def config(node_id: str) -> Config:
        return Config(
            node=NodeSection(id=node_id, data_dir=str(tmp_path / node_id)),
            cluster=ClusterSection(id="new", members=MEMBERS),
        )

    return config


def _store_rows(config: Config) -> list[Row]:
    store = FolderStore(configuration.partition_folder(config, 0) / "store")
    try:
        store_format.claim(store, cluster_id="new", node_id=config.node.id)
        machine = Machine(store)
        assert (machine.applied_index, machine.applied_term) == (40, 6)
        assert (machine.installed_index, machine.membership) == (40, MEMBERSHIP.encode())
        return list(queries.replicated_rows(store))
    finally:
        store.close()


def test_restored_nodes_hold_the_rows_of_the_backup_with_the_new_members(
    old_store: MemoryStore, backup: Path, config: Callable[[str], Config]
) -> None:
    for node_id in NODES:
        restore(config(node_id), backup)

    one, *others = [_store_rows(config(node_id)) for node_id in NODES]
    assert others == [one, one]
    expected = dict(queries.replicated_rows(old_store)) | {keys.MEMBERS: MEMBERSHIP.encode()}
    assert dict(one) == expected


def test_a_restored_log_goes_on_behind_the_backup(
    backup: Path, config: Callable[[str], Config]
) -> None:
    restored = restore(config("n2"), backup)

    settings = configuration.raft_settings(config("n2"), 0)
    journal = Journal(
        Folder(settings.folder, fsync=False),
        Identity(cluster_id="new", node_id="n2"),
        segment_bytes=settings.segment_bytes,
        tail_bytes=settings.tail_bytes,
    )
    assert (journal.last_index, journal.last_term, journal.first_replayable_index) == (40, 6, 41)
    assert (journal.term, journal.vote, journal.admission) == (6, None, Admission.ADMITTED)
    newest = journal.memberships.newest
    assert newest is not None
    assert (newest.index, newest.data) == (40, MEMBERSHIP.encode())
    assert not journal.is_fresh
    journal.close()
    assert restored.head.cluster_id == "old"
    assert restored == Restored(restored.head, configuration.partition_folder(config("n2"), 0))


def test_a_folder_that_is_not_empty_is_left_alone(
    backup: Path, config: Callable[[str], Config]
) -> None:
    folder = configuration.partition_folder(config("n1"), 0)
    folder.mkdir(parents=True)
    (folder / "something").write_text("precious")

    with pytest.raises(RestoreError) as caught:
        restore(config("n1"), backup)

    assert str(caught.value) == (
        f"node.data_dir: {folder} is not empty: a backup makes the folder of a new node only"
    )
    assert [path.name for path in folder.iterdir()] == ["something"]


def test_an_empty_folder_is_taken(backup: Path, config: Callable[[str], Config]) -> None:
    configuration.partition_folder(config("n1"), 0).mkdir(parents=True)

    restore(config("n1"), backup)

    assert len(_store_rows(config("n1"))) > 3000


def _cut(content: bytes) -> bytes:
    return content[:-3]


def _damaged(content: bytes) -> bytes:
    return content[: len(content) // 2] + b"\0\0\0\0" + content[len(content) // 2 + 4 :]


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        pytest.param(_cut, "the backup was cut: it ends within frame 2", id="cut"),
        pytest.param(
            _damaged,
            "the backup is damaged at frame 1: its bytes do not match their checksum",
            id="damaged",
        ),
        pytest.param(
            lambda _: b"no backup", "the file is no backup: it does not begin as one", id="none"
        ),
    ],
)
def test_a_damaged_backup_leaves_no_node_and_is_no_hindrance(
    backup: Path,
    config: Callable[[str], Config],
    damage: Callable[[bytes], bytes],
    text: str,
) -> None:
    content = backup.read_bytes()
    backup.write_bytes(damage(content))

    with pytest.raises(RestoreError) as caught:
        restore(config("n1"), backup)

    assert str(caught.value) == f"{backup}: {text}"
    assert not configuration.partition_folder(config("n1"), 0).exists()
    backup.write_bytes(content)
    restore(config("n1"), backup)


def test_a_backup_of_a_higher_feature_level_is_refused(
    old_store: MemoryStore, tmp_path: Path, config: Callable[[str], Config]
) -> None:
    class Newer(StoreSource):
        @property
        def head(self) -> SnapshotHead:
            return replace(self._head, feature_level=features.SUPPORTED + 1)

        @head.setter
        def head(self, head: SnapshotHead) -> None:
            self._head = head

    path = tmp_path / "newer"
    with path.open("wb") as file:
        write_backup(Newer(old_store.snapshot()), file)

    with pytest.raises(RestoreError, match="the snapshot is at feature level "):
        restore(config("n1"), path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path, config: Callable[[str], Config]) -> None:
    with pytest.raises(RestoreError, match=f"No such file or directory: '{tmp_path}/missing'$"):
        restore(config("n1"), tmp_path / "missing")
