"""Appliers of the events of the cluster itself."""

from stepraft.interpreter.events import ClusterSecretCreated
from stepraft.storage import keys
from stepraft.storage.batch import Batch


def cluster_secret_created(event: ClusterSecretCreated, batch: Batch) -> None:
    """Write the key that task tokens are signed with."""
    batch.put(keys.SECRET, event.secret)
