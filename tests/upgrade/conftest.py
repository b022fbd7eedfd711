"""What the tests of upgrades share: clusters of real nodes, and other releases of this program."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stepraft.testing.cluster import LocalCluster
from tests.upgrade.programs import CARELESS_RELEASE, NEXT_RELEASE, make_program


@pytest.fixture(scope="session")
def next_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source of the release that follows this one."""
    return make_program(tmp_path_factory.mktemp("next"), NEXT_RELEASE)


@pytest.fixture(scope="session")
def careless_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source of a release that breaks the rule of released records."""
    return make_program(tmp_path_factory.mktemp("careless"), CARELESS_RELEASE)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[LocalCluster]:
    """Three nodes, not started; what runs at the end is stopped, and a failure shows their logs."""
    made = LocalCluster(tmp_path / "cluster")
    try:
        yield made
    finally:
        made.stop()
        print(made.log_tails())
