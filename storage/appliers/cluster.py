"""Appliers of the events of the cluster itself."""

from stepraft.interpreter.contexts import FeatureLevel
from stepraft.interpreter.events import ClusterSecretCreated, FeatureLevelRaised
from stepraft.storage import keys
from stepraft.storage.batch import Batch


def cluster_secret_created(event: ClusterSecretCreated, batch: Batch) -> None:
    """Write the key that task tokens are signed with."""
    batch.put(keys.SECRET, event.secret)


def feature_level_raised(event: FeatureLevelRaised, batch: Batch) -> None:
    """Write the level of the cluster."""
    batch.put(keys.FEATURE_LEVEL, FeatureLevel(level=event.level))
