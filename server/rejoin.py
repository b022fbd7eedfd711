"""Setting a node's folder aside, so that it begins anew and takes everything from the other nodes.

A node that has lost what it kept may have forgotten votes and acknowledgements: it counts for
nothing until a leader readmits it (server/raft/formation.py). Nothing is removed here. What the
folder held can be looked at, and removed once the node is in step again.
"""

import logging
from pathlib import Path
from typing import Final

from stepraft.server import config as configuration
from stepraft.server.raft.consensus import open_journal
from stepraft.server.raft.contract import DamageError, StartError
from stepraft.server.raft.vote import Admission
from stepraft.server.settings import Config
from stepraft.storage.files import sync_path
from stepraft.storage.folders import FolderStore
from stepraft.storage.kv import StoreDamagedError

_log = logging.getLogger(__name__)

ASIDE: Final = ".aside"
"""The end of the new name."""


REJOIN_HINT: Final = (
    "`stepraft server --rejoin` sets what this node has aside, and takes everything anew from the "
    "other nodes"
)
"""What to do about a DamageError."""


def set_aside(config: Config, partition: int) -> Path | None:
    """Give the folder of a partition another name, and return it.

    None when there is nothing to set aside, or the node is about to rejoin already with a folder
    that is sound: a restart meanwhile goes on where it was.

    Errors: StartError when no other node has the data, another process uses the folder, or one was
    set aside before and is still there.
    """
    if len(config.cluster.members) == 1:
        raise StartError(
            "--rejoin: the cluster has one member, so nobody has its data; restore a backup instead"
        )
    folder = configuration.partition_folder(config, partition)
    if not folder.exists() or _is_rejoining(config, partition):
        return None
    aside = folder.with_name(folder.name + ASIDE)
    if aside.exists():
        raise StartError(
            f"--rejoin: {aside} is there already, so the folder was set aside before: start "
            "without --rejoin, or remove it first"
        )
    folder.rename(aside)
    sync_path(folder.parent)
    _log.warning("%s is now %s; it may be removed when the node is in step again", folder, aside)
    return aside


def _is_rejoining(config: Config, partition: int) -> bool:
    """Whether the folder was begun to rejoin with, and is sound.

    Errors: StartError when another process uses it, or it is another node's.
    """
    settings = configuration.raft_settings(config, partition)
    try:
        journal = open_journal(settings)
        admission = journal.admission
        journal.close()
        FolderStore(configuration.partition_folder(config, partition) / "store").close()
    except (DamageError, StoreDamagedError):
        return False
    return admission is Admission.ABSTAINING
