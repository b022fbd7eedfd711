"""LevelDB's folder: in use, damaged, impossible; and that damage is never read as an answer."""

from pathlib import Path

import pytest

from stepraft.storage.kv import StoreError
from stepraft.storage.leveldb import LevelDbStore

_ROWS = [(b"key %04d" % number, b"value %04d" % number * 50) for number in range(400)]


def _make(folder: Path) -> None:
    """Leave a folder whose rows are in sorted files."""
    store = LevelDbStore(folder, write_buffer_bytes=1)
    for row in _ROWS:
        store.write([row])
    store.close()
    LevelDbStore(folder).close()


def _flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 0x10
    path.write_bytes(data)


def _falsify_values(folder: Path) -> None:
    """Flip a bit that leaves the blocks readable, but for their checksums."""
    for path in folder.glob("*.ldb"):
        _flip(path, path.read_bytes().index(b"value"))


def test_what_was_written_is_there_when_the_folder_is_opened_again(tmp_path: Path) -> None:
    _make(tmp_path)

    store = LevelDbStore(tmp_path)

    assert list(store.scan(b"")) == _ROWS
    assert store.bytes_on_disk() > 0
    store.close()


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    store = LevelDbStore(tmp_path)

    with pytest.raises(StoreError, match=f"^the store in {tmp_path} is in use: "):
        LevelDbStore(tmp_path)

    store.close()


def test_a_closed_folder_is_free_and_closing_again_does_nothing(tmp_path: Path) -> None:
    store = LevelDbStore(tmp_path)
    store.close()
    store.close()

    LevelDbStore(tmp_path).close()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    with pytest.raises(StoreError, match=f"^cannot open the store in {tmp_path}/file/store: "):
        LevelDbStore(tmp_path / "file" / "store")


def test_files_without_their_list_are_refused_rather_than_begun_anew(tmp_path: Path) -> None:
    _make(tmp_path)
    (tmp_path / "CURRENT").unlink()

    with pytest.raises(StoreError, match=r"is damaged: its file CURRENT is missing$"):
        LevelDbStore(tmp_path)


def test_a_damaged_list_of_files_is_refused(tmp_path: Path) -> None:
    _make(tmp_path)
    (manifest,) = tmp_path.glob("MANIFEST-*")
    _flip(manifest, 20)

    with pytest.raises(StoreError, match=f"^the store in {tmp_path} is damaged: "):
        LevelDbStore(tmp_path)


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "backward"])
def test_a_scan_over_a_damaged_block_fails_rather_than_leaving_rows_out(
    tmp_path: Path, reverse: bool
) -> None:
    _make(tmp_path)
    _falsify_values(tmp_path)
    store = LevelDbStore(tmp_path)

    with pytest.raises(StoreError, match=r"^cannot read from the store: "):
        list(store.scan(b"", reverse=reverse))

    store.close()


def test_a_look_up_in_a_damaged_block_fails_rather_than_finding_nothing(tmp_path: Path) -> None:
    _make(tmp_path)
    _falsify_values(tmp_path)
    store = LevelDbStore(tmp_path)

    with pytest.raises(StoreError, match=r"^cannot read from the store: "):
        list(map(store.get, dict(_ROWS)))

    store.close()


def test_a_sync_passes_over_log_files_that_compaction_drops(tmp_path: Path) -> None:
    store = LevelDbStore(tmp_path, write_buffer_bytes=1)
    for row in _ROWS:
        store.write([row])
        store.sync()

    assert list(store.scan(b"")) == _ROWS
    store.close()
