"""Makes a node's folder from a backup: the first step of a new cluster that goes on where the old
one was.

Run it once on each node of the new cluster, with the same file. What is replicated becomes the
same bytes on all of them: the rows of the backup, with the members of the configuration in place of
the old ones. The folder appears in one step, so that what a crash leaves is not taken for one.
"""

import shutil
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from stepraft.server import config as configuration
from stepraft.server.raft.contract import StartError
from stepraft.server.raft.disk import Folder
from stepraft.server.raft.journal import Journal
from stepraft.server.raft.membership import Membership
from stepraft.server.raft.settings import RaftSettings
from stepraft.server.raft.vote import Admission, Identity
from stepraft.server.settings import Config
from stepraft.storage import format as store_format
from stepraft.storage import keys
from stepraft.storage.backup import Backup, BackupError
from stepraft.storage.files import sync_path
from stepraft.storage.folders import FolderStore
from stepraft.storage.kv import StoreError
from stepraft.storage.machine import Machine
from stepraft.storage.snapshot import SnapshotError, SnapshotHead

_PARTITION: Final = 0
"""The partition that a backup holds: a cluster has one."""


class RestoreError(Exception):
    """The folder was not made: the text says which file, folder or setting is wrong, and why."""


class Restored(Struct, frozen=True):
    """What was restored. `head`: the moment of the backup. `folder`: where it is now."""

    head: SnapshotHead
    folder: Path


def restore(config: Config, backup: Path) -> Restored:
    """Make the folder of the node that `config` describes from the file `backup`.

    Errors: RestoreError: the node has a folder that is not empty, the file is no sound backup or a
    newer program's, or the disk fails. Nothing is left then but a folder `….restoring`, which the
    next try removes.
    """
    folder = configuration.partition_folder(config, _PARTITION)
    if folder.exists() and any(folder.iterdir()):
        raise RestoreError(
            f"node.data_dir: {folder} is not empty: a backup makes the folder of a new node only"
        )
    try:
        head = _build(config, backup, folder.with_name(folder.name + ".restoring"), folder)
    except (BackupError, SnapshotError) as error:
        raise RestoreError(f"{backup}: {error}") from error
    except (StoreError, StartError) as error:
        raise RestoreError(f"node.data_dir: {config.node.data_dir}: {error}") from error
    except OSError as error:
        raise RestoreError(str(error)) from error
    return Restored(head, folder)


def _build(config: Config, backup: Path, building: Path, folder: Path) -> SnapshotHead:
    members = config.cluster.members
    membership = Membership.of_voters(
        {node_id: member.raft for node_id, member in members.items()},
        {node_id: member.grpc for node_id, member in members.items()},
    ).encode()
    if building.exists():
        shutil.rmtree(building)
    with backup.open("rb") as file:
        head = _build_store(config, Backup(file), building / "store", membership)
    settings = configuration.raft_settings(config, _PARTITION)
    _build_journal(settings, building / "raft", head, membership)
    sync_path(building)
    building.rename(folder)
    sync_path(folder.parent)
    return head


def _build_store(config: Config, backup: Backup, folder: Path, membership: bytes) -> SnapshotHead:
    """Make the store: what a snapshot would make, then the new members."""
    store = FolderStore(folder)
    try:
        store_format.claim(store, cluster_id=config.cluster.id, node_id=config.node.id)
        machine = Machine(store)
        target = machine.begin_install(replace(backup.head, cluster_id=config.cluster.id))
        for part in backup.parts():
            target.write(part)
        target.install()
        store.write([(keys.MEMBERS, membership)])
        store.sync()
    finally:
        store.close()
    return backup.head


def _build_journal(
    settings: RaftSettings, folder: Path, head: SnapshotHead, membership: bytes
) -> None:
    """Make a log that goes on behind the backup. In its term nobody has got this node's vote."""
    disk = Folder(folder, fsync=True)
    identity = Identity(cluster_id=settings.cluster_id, node_id=settings.node_id)
    journal = Journal(
        disk,
        identity,
        segment_bytes=settings.segment_bytes,
        tail_bytes=settings.tail_bytes,
    )
    journal.reset(head.index, head.term, membership)
    journal.save_admission(Admission.ADMITTED)
    journal.close()
