"""What a power cut takes from a node's files, and what its dials do to it."""

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from stepraft.storage import keys
from stepraft.storage.folders import FolderStore
from stepraft.storage.keys import Family
from stepraft.storage.restart import writes_of, written_position
from stepraft.storage.rows import Position
from tests.chaos.spoiling import spoil
from tests.chaos.worse import Dials, Ledger, cut_power

SEEDS = range(20)


@pytest.mark.parametrize(
    ("synced_bytes", "kept"),
    [
        pytest.param(0, [], id="nothing is sure"),
        pytest.param(1024, [0, 1], id="what was synced is sure"),
        pytest.param(2048, [0, 1, 2, 3], id="all is sure"),
    ],
)
def test_a_power_cut_takes_sectors_that_were_not_synced(
    synced_bytes: int, kept: list[int], tmp_path: Path
) -> None:
    left = set()
    for seed in SEEDS:
        path, ledger = tmp_path / "journal", Ledger(tmp_path)
        path.write_bytes(b"x" * 2048)
        ledger.written(str(path), 0, synced_bytes)
        ledger.synced(str(path), synced_bytes)
        ledger.written(str(path), synced_bytes, 2048 - synced_bytes)
        cut_power(tmp_path, tmp_path, Random(seed))
        content = path.read_bytes()
        left |= {(sector, content[512 * sector] == ord("x")) for sector in range(4)}

    always_kept = [sector for sector in range(4) if (sector, False) not in left]
    assert always_kept == kept


def test_a_power_cut_takes_the_end_of_the_stores_logs(tmp_path: Path) -> None:
    log = tmp_path / "partition-0" / "store" / "0000000001" / "000007.log"
    log.parent.mkdir(parents=True)
    sizes = set()
    for seed in SEEDS:
        ledger = Ledger(tmp_path)
        log.write_bytes(b"x" * 100)
        ledger.synced(str(log), 90)
        cut_power(tmp_path, tmp_path, Random(seed))
        sizes.add(log.stat().st_size)

    assert (min(sizes) >= 90, max(sizes) <= 100, len(sizes) > 1) == (True, True, True)


def test_a_node_notes_what_it_writes_and_sees_the_wrong_time(tmp_path: Path) -> None:
    Dials(tmp_path).set(clock_ms=7_200_000)
    program = f"""
import os, time
from pathlib import Path
real_s = time.time
from tests.chaos.node import tamper
tamper(Path({str(tmp_path)!r}))
descriptor = os.open({str(tmp_path / "file")!r}, os.O_RDWR | os.O_CREAT)
os.pwrite(descriptor, b"abc", 5)
os.fsync(descriptor)
os.pwrite(descriptor, b"d", 8)
print(round((time.time() - real_s()) / 3600))
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )

    path = tmp_path / "file"
    assert ended.stdout == "2\n"
    assert (tmp_path / "unsynced").read_text().splitlines() == [
        f"W\t{path}\t5\t3",
        f"S\t{path}\t8",
        f"W\t{path}\t8\t1",
    ]


def test_a_spoiled_store_has_another_checksum_and_lacks_an_execution(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    listed = Family.BY_WORKFLOW.value + b"one"
    position = Position(applied_index=3, checksum=77)
    store.write([(listed, b"1"), *writes_of(position)])
    store.close()

    spoil(tmp_path)

    store = FolderStore(tmp_path)
    found = written_position(store)
    assert (found.applied_index, found.checksum, store.get(listed)) == (3, 76, None)
    assert store.get(keys.POSITION) is not None
    store.close()
