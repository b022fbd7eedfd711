"""What a program of each feature level kept, this program reads, replays and goes on with."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from stepraft.client import ExecutionStatus, SyncClient
from stepraft.interpreter.events import Event
from stepraft.interpreter.features import SUPPORTED
from stepraft.server.config import single_node
from stepraft.server.raft import kinds
from stepraft.server.restore import restore
from stepraft.server.settings import LogSection
from stepraft.storage import keys, queries
from stepraft.storage.entry import EntryKind, decode_groups, decode_header
from stepraft.storage.folders import FolderStore
from stepraft.storage.kv import Row
from stepraft.storage.machine import Machine
from stepraft.storage.memory import MemoryStore
from stepraft.testing.cluster import LocalCluster
from tests.upgrade import replaying
from tests.upgrade.kept import data_of, kept_recording, levels
from tests.upgrade.programs import output_of
from tests.upgrade.recording import BACKUP, NODE, journal_folder, opened_store, unpack
from tests.upgrade.replaying import replayed

WAIT_S = 20.0
UNRECORDED_EVENTS = {"FeatureLevelRaised"}
"""A cluster of the first level was never raised."""

each_level = pytest.mark.parametrize("level", levels())


@pytest.fixture
def data_dir(level: int, tmp_path: Path) -> Path:
    """The folder of a node of that level, as it was left."""
    return unpack(data_of(level), tmp_path)


def test_there_is_a_recording_of_every_level() -> None:
    assert levels() == list(range(1, SUPPORTED + 1))


@each_level
def test_a_store_is_read_as_it_was_left(level: int, data_dir: Path) -> None:
    recording = kept_recording(level)
    with opened_store(data_dir) as store:
        machine = Machine(store)
        executions, _ = queries.list_executions(store, "default", "default", None, (), 1000)

        assert (machine.applied_index, machine.checksum, machine.feature_level) == (
            recording.applied_index,
            recording.checksum,
            recording.feature_level,
        )
        assert {each.execution_id: each.status.upper() for each in executions} == recording.statuses
        assert {
            execution_id: output.decode()
            for execution_id in recording.outputs
            if (output := queries.execution_output(store, execution_id)) is not None
        } == recording.outputs


@each_level
def test_a_log_leads_to_the_recorded_checksum_and_the_same_rows(level: int, data_dir: Path) -> None:
    recording = kept_recording(level)
    store = MemoryStore()

    machine = replayed(journal_folder(data_dir), store)

    assert (machine.applied_index, machine.checksum) == (
        recording.applied_index,
        recording.checksum,
    )
    with opened_store(data_dir) as kept:
        assert replicated(store) == replicated(kept)


def replicated(store: MemoryStore | FolderStore) -> list[Row]:
    return list(queries.replicated_rows(store))


@each_level
def test_a_backup_is_restored_to_the_recorded_state(
    level: int, data_dir: Path, tmp_path: Path
) -> None:
    recording = kept_recording(level)
    config = single_node(tmp_path / "restored", "127.0.0.1:0", LogSection())

    head = restore(config, data_dir.with_name(BACKUP)).head

    assert (head.index, head.checksum, head.feature_level) == (
        recording.applied_index,
        recording.checksum,
        recording.feature_level,
    )
    with opened_store(tmp_path / "restored") as restored, opened_store(data_dir) as kept:
        assert without_members(restored) == without_members(kept)


def without_members(store: FolderStore) -> list[Row]:
    """The replicated rows but one: a restored node is of a new cluster."""
    return [row for row in replicated(store) if row[0] != keys.MEMBERS]


@each_level
def test_a_node_goes_on_where_the_recording_ends(level: int, data_dir: Path) -> None:
    recording = kept_recording(level)
    with LocalCluster(data_dir.parent, size=1) as cluster:
        cluster.wait_for_leader()
        with SyncClient(cluster.addresses) as client:
            [task] = client.poll_tasks(["later"], worker_id="w", wait_s=WAIT_S, lease_s=WAIT_S)
            client.complete_task(task.token, "done")
            ended = client.wait_execution(recording.waiting, timeout_s=WAIT_S)

    assert cluster.nodes[NODE].data_dir == data_dir
    assert (ended.status, ended.output) == (ExecutionStatus.SUCCEEDED, ["done", {"left": "open"}])


def test_the_newest_recording_has_every_event(tmp_path: Path) -> None:
    data_dir = unpack(data_of(SUPPORTED), tmp_path)

    found = set(events_of(data_dir))

    assert found | UNRECORDED_EVENTS == {kind.__name__ for kind in get_args(Event)}


def events_of(data_dir: Path) -> Iterator[str]:
    """Name the events in the log."""
    for _, data in replaying.entries(journal_folder(data_dir)):
        proposal = data[1:]
        if data[:1] == kinds.REGULAR and decode_header(proposal).kind is EntryKind.GROUPS:
            for group in decode_groups(proposal):
                yield from (type(event).__name__ for event in group.events)


def test_the_next_release_replays_what_this_one_wrote(next_release: Path, tmp_path: Path) -> None:
    assert led_to_by(next_release, tmp_path) == recorded()


def test_a_record_with_a_field_more_makes_replicas_differ(
    careless_release: Path, tmp_path: Path
) -> None:
    """Why released records never change: the field has a default, and all of the log decodes."""
    index, checksum = led_to_by(careless_release, tmp_path)

    assert index == recorded()[0]
    assert checksum != recorded()[1]


def recorded() -> tuple[int, int]:
    recording = kept_recording(SUPPORTED)
    return recording.applied_index, recording.checksum


def led_to_by(program: Path, folder: Path) -> tuple[int, int]:
    data_dir = unpack(data_of(SUPPORTED), folder)
    printed = output_of(program, Path(replaying.__file__), journal_folder(data_dir))
    index, checksum = printed.split()
    return int(index), int(checksum)
