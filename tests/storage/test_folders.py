"""The folder of a store: one of two is in use, whole, wherever a crash comes; readers are safe."""

import gc
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread

import pytest
from google_crc32c import value as crc32c

from stepraft.storage import files, leveldb
from stepraft.storage.folders import FolderStore
from stepraft.storage.kv import Row, StoreError
from stepraft.storage.leveldb import LevelDbStore

OLD: list[Row] = [(b"c%04d" % number, b"old") for number in range(50)]
NEW: list[Row] = [(b"c%04d" % number, b"new") for number in range(80)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FolderStore]:
    """A store with the old rows."""
    made = FolderStore(tmp_path / "store")
    made.write(OLD)
    made.sync()
    yield made
    made.close()


def _replace(store: FolderStore, rows: list[Row] = NEW) -> None:
    staged = store.stage()
    staged.write(rows[:40])
    store.mark(b"half")
    staged.write(rows[40:])
    store.mark(b"whole")
    store.switch()


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _rows(folder: Path) -> list[Row]:
    found = FolderStore(folder)
    try:
        return list(found.scan(b""))
    finally:
        found.close()


# One of the two, whole


def test_a_store_that_was_replaced_has_the_new_rows_and_only_their_folder(
    store: FolderStore, tmp_path: Path
) -> None:
    _replace(store)

    assert list(store.scan(b"")) == NEW
    assert _names(tmp_path / "store") == ["0000000002", "active", "lock"]
    assert store.staged() is None


def test_a_crash_anywhere_leaves_the_old_rows_or_the_new_ones(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, images = tmp_path / "store", list[Path]()

    def crash_before(owner: object, name: str) -> None:
        """Keep what a crash would leave before each call."""
        function = getattr(owner, name)

        def kept(*arguments: object, **named: object) -> object:
            images.append(tmp_path / f"image {len(images):02d}")
            shutil.copytree(folder, images[-1])
            return function(*arguments, **named)

        monkeypatch.setattr(owner, name, kept)

    for owner, name in (
        (files, "sync_path"),
        (leveldb, "sync_path"),
        (LevelDbStore, "__init__"),
        (LevelDbStore, "close"),
        (LevelDbStore, "write"),
        (shutil, "rmtree"),
        (Path, "rename"),
        (Path, "unlink"),
    ):
        crash_before(owner, name)
    store.stage().write([(b"of no use", b"")])
    _replace(store)
    monkeypatch.undo()

    found = [
        "old" if rows == OLD else "new" if rows == NEW else rows for rows in map(_rows, images)
    ]
    switched_at = found.index("new")
    assert found == ["old"] * switched_at + ["new"] * (len(images) - switched_at)
    assert len(images) > 25
    for image in images:
        # Whatever a crash has left, the next replacement is not hindered by it.
        again = FolderStore(image)
        _replace(again, OLD)
        assert list(again.scan(b"")) == OLD
        again.close()


def test_rows_reach_the_disk_before_the_name_of_their_folder_and_that_before_the_old_one_goes(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged = store.stage()
    staged.write(NEW)
    events = list[str]()

    def note(owner: object, name: str, verb: str) -> None:
        function = getattr(owner, name)

        def noted(path: Path, *arguments: object, **named: object) -> object:
            events.append(f"{verb} {path.relative_to(tmp_path / 'store')}")
            return function(path, *arguments, **named)

        monkeypatch.setattr(owner, name, noted)

    note(files, "sync_path", "sync")
    note(leveldb, "sync_path", "sync")
    note(Path, "rename", "rename")
    note(shutil, "rmtree", "remove")
    store.switch()

    logs = [event for event in events if event.endswith(".log")]
    assert len(logs) == 1
    assert events == [
        *logs,
        "sync 0000000002",
        "sync .",
        "sync active.new",
        "rename active.new",
        "sync .",
        "remove 0000000001",
    ]


def test_a_store_that_is_being_filled_is_found_again_with_its_mark(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    first = FolderStore(folder)
    first.stage().write(NEW[:40])
    first.mark(b"half")
    first.close()

    second = FolderStore(folder)
    found = second.staged()
    assert found is not None
    staged, mark = found
    assert (list(staged.scan(b"")), mark) == (NEW[:40], b"half")
    assert second.bytes_on_disk() > staged.bytes_on_disk()
    staged.write(NEW[40:])
    second.switch()

    assert list(second.scan(b"")) == NEW
    second.close()


def _flip_mark(folder: Path) -> None:
    content = bytearray((folder / "mark").read_bytes())
    content[-1] ^= 1
    (folder / "mark").write_bytes(content)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda folder: (folder / "mark").unlink(), id="no mark"),
        pytest.param(_flip_mark, id="mark damaged"),
        pytest.param(
            lambda folder: (folder / "0000000002" / "CURRENT").unlink(), id="LevelDB damaged"
        ),
        pytest.param(lambda folder: shutil.rmtree(folder / "0000000002"), id="LevelDB missing"),
    ],
)
def test_a_store_that_cannot_be_filled_further_is_begun_anew(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    folder = tmp_path / "store"
    first = FolderStore(folder)
    first.write(OLD)
    first.stage().write(NEW[:40])
    first.mark(b"half")
    first.close()
    damage(folder)

    second = FolderStore(folder)

    assert second.staged() is None
    assert list(second.stage().scan(b"")) == []
    assert list(second.scan(b"")) == OLD
    second.close()


def test_a_store_that_has_no_mark_goes_at_the_start(tmp_path: Path) -> None:
    first = FolderStore(tmp_path / "store")
    first.stage().write(NEW)
    first.close()

    FolderStore(tmp_path / "store").close()

    assert _names(tmp_path / "store") == ["0000000001", "active", "lock"]


def test_a_store_that_is_no_longer_wanted_goes(store: FolderStore, tmp_path: Path) -> None:
    store.stage()
    store.mark(b"")

    store.unstage()

    assert _names(tmp_path / "store") == ["0000000001", "active", "lock"]


def test_what_crashes_left_over_is_removed_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    made = FolderStore(folder)
    _replace(made)
    made.close()
    for name in ("0000000001", "0000000003.gone", "0000000009", "lost+found"):
        (folder / name).mkdir()
    (folder / "notes.txt").write_text("an operator's")

    FolderStore(folder).close()

    assert _names(folder) == ["0000000002", "active", "lock", "lost+found", "notes.txt"]


# Readers


def test_a_snapshot_and_a_scan_go_on_with_the_old_rows_whose_folder_goes_when_they_end(
    store: FolderStore, tmp_path: Path
) -> None:
    view, scan = store.snapshot(), store.scan(b"")
    swept = view.sweep(b"", None)
    next(scan)

    _replace(store)

    assert (tmp_path / "store" / "0000000001").exists()
    assert [*scan] == OLD[1:]
    assert [*swept] == OLD
    with view:
        assert view.get(b"c0000") == b"old"
    del view, scan, swept
    gc.collect()
    assert not (tmp_path / "store" / "0000000001").exists()


def test_readers_in_other_threads_see_one_store_or_the_other(store: FolderStore) -> None:
    is_over, wrong = Event(), list[object]()

    def read() -> None:
        try:
            while not is_over.is_set():
                value = store.get(b"c0001")
                with store.snapshot() as view:
                    seen = {row[1] for row in view.scan(b"")}
                scanned = {row[1] for row in store.scan(b"", reverse=True)}
                if value is None or len(seen) != 1 or len(scanned) != 1:
                    wrong.append((value, seen, scanned))
        except BaseException as error:  # noqa: BLE001
            wrong.append(error)

    readers = [Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(12):
        _replace(store, [(key, b"%d" % number) for key, _ in NEW])
    is_over.set()
    for reader in readers:
        reader.join()

    assert wrong == []


# Folders that are not to be opened


def _pointer(text: str) -> bytes:
    return f"{text} ({crc32c(text.encode()):08x})\n".encode()


def _lose_pointer(folder: Path) -> None:
    (folder / "active").unlink()


def _lose_pointer_and_first(folder: Path) -> None:
    _lose_pointer(folder)
    (folder / "0000000001").rename(folder / "0000000007")


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        pytest.param(_lose_pointer, "is damaged: its file active is missing", id="no pointer"),
        pytest.param(
            _lose_pointer_and_first,
            "is damaged: its file active is missing",
            id="no pointer, later folder",
        ),
        pytest.param(
            lambda folder: (folder / "active").write_text("0000000001"),
            "is damaged: its file active is no name",
            id="no name",
        ),
        pytest.param(
            lambda folder: (folder / "active").write_bytes(
                _pointer("stepraft store 1: 0000000001").replace(b"1 (", b"2 (")
            ),
            "is damaged: its file active is no name",
            id="flipped",
        ),
        pytest.param(
            lambda folder: (folder / "active").write_bytes(
                _pointer("stepraft store 1: 0000000004")
            ),
            "is damaged: its folder 0000000004 is missing",
            id="no folder",
        ),
        pytest.param(
            lambda folder: (folder / "active").write_bytes(
                _pointer("stepraft store 2: 0000000001")
            ),
            "has layout 2, and this program knows layout 1: use the version of the program that "
            "wrote it, or a newer one",
            id="newer layout",
        ),
    ],
)
def test_a_damaged_or_newer_folder_is_refused(
    tmp_path: Path, damage: Callable[[Path], object], text: str
) -> None:
    folder = tmp_path / "store"
    made = FolderStore(folder)
    made.write(OLD)
    made.close()
    damage(folder)

    with pytest.raises(StoreError) as caught:
        FolderStore(folder)

    assert str(caught.value) == f"the store in {folder} {text}"


def test_the_layout_before_the_first_release_is_refused(tmp_path: Path) -> None:
    LevelDbStore(tmp_path / "store").close()

    with pytest.raises(StoreError, match="has the layout of versions before the first release"):
        FolderStore(tmp_path / "store")


def test_a_crash_while_a_folder_is_made_does_no_harm(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    FolderStore(folder).close()
    _lose_pointer(folder)

    assert _rows(folder) == []


def test_a_folder_in_use_is_refused(store: FolderStore, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"is in use: another process has it$"):
        FolderStore(tmp_path / "store")

    store.close()
    store.close()
    FolderStore(tmp_path / "store").close()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    with pytest.raises(StoreError, match=f"^cannot open the store in {tmp_path}/file/store: "):
        FolderStore(tmp_path / "file" / "store")
