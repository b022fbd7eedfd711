"""Backup files: read as they were written, and refused when anything is not as it was."""

from collections.abc import Callable
from io import BytesIO

import msgspec
import pytest

from stepraft.storage import backup
from stepraft.storage.backup import FORMAT, Backup, BackupError, write_backup
from stepraft.storage.memory import MemoryStore
from stepraft.storage.outgoing import StoreSource
from stepraft.storage.snapshot import SnapshotPart, SnapshotSource

FORMAT_AT = len(b"STEPRAFT")
FRAMES_AT = FORMAT_AT + 4
FRAME_HEADER_BYTES = 12


@pytest.fixture
def source(fill: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> SnapshotSource:
    """A snapshot that a backup has in several parts."""
    monkeypatch.setattr(backup, "PART_BYTES", 1000)
    store = MemoryStore()
    fill(store)
    return StoreSource(store.snapshot())


@pytest.fixture
def content(source: SnapshotSource) -> bytes:
    """The bytes of a backup."""
    file = BytesIO()
    write_backup(source, file)
    return file.getvalue()


def _read(content: bytes) -> list[SnapshotPart]:
    return list(Backup(BytesIO(content)).parts())


def _frames(content: bytes) -> list[bytes]:
    """Return the frames of a backup, with their headers."""
    frames, at = list[bytes](), FRAMES_AT
    while at < len(content):
        length = int.from_bytes(content[at : at + 4])
        frames.append(content[at : at + FRAME_HEADER_BYTES + length])
        at += len(frames[-1])
    return frames


def test_a_backup_holds_the_head_and_the_parts(
    source: SnapshotSource,
    read_parts: Callable[..., list[SnapshotPart]],
    content: bytes,
) -> None:
    assert Backup(BytesIO(content)).head == source.head
    assert _read(content) == read_parts(source, 1000)
    assert len(_read(content)) > 3


def test_two_backups_of_one_moment_are_equal(source: SnapshotSource, content: bytes) -> None:
    assert b"".join(backup.backup_chunks(source)) == content


def test_a_backup_that_was_cut_anywhere_is_refused(content: bytes) -> None:
    texts = set[str]()
    for length in range(len(content)):
        with pytest.raises(BackupError) as caught:
            _read(content[:length])
        texts.add(str(caught.value))

    frames = len(_frames(content))
    assert texts == {
        "the file is no backup: it does not begin as one",
        "the backup was cut: it ends before its format",
        *(f"the backup was cut: it ends within frame {number}" for number in range(frames)),
    }


def test_a_byte_flipped_anywhere_is_refused(content: bytes) -> None:
    for place in range(len(content)):
        for bit in (0x01, 0x80):
            flipped = content[:place] + bytes((content[place] ^ bit,)) + content[place + 1 :]
            with pytest.raises(BackupError):
                _read(flipped)


@pytest.mark.parametrize(
    ("order", "number"),
    [
        pytest.param([0, 1, 3, 4, 5], 2, id="left out"),
        pytest.param([0, 1, 1, 2, 3], 2, id="repeated"),
        pytest.param([0, 2, 1, 3], 1, id="out of order"),
        pytest.param([0, 1, -1], 2, id="ended early"),
        pytest.param([1], 0, id="without a head"),
    ],
)
def test_a_frame_in_another_place_is_refused(content: bytes, order: list[int], number: int) -> None:
    frames = _frames(content)
    file = content[:FRAMES_AT] + b"".join(frames[place] for place in order)

    with pytest.raises(BackupError, match=f"^the backup is damaged at frame {number}: "):
        _read(file)


def test_an_end_that_speaks_of_other_parts_is_refused(content: bytes) -> None:
    *frames, _ = _frames(content)
    number = len(frames)
    end = backup._frame(number, msgspec.msgpack.encode([number, 0]))
    file = content[:FRAMES_AT] + b"".join(frames) + end

    with pytest.raises(BackupError, match=rf"it ends {number} parts, and there are {number - 1}$"):
        _read(file)


def test_bytes_behind_the_end_are_refused(content: bytes) -> None:
    with pytest.raises(BackupError, match=r"^the backup is damaged: bytes follow its end$"):
        _read(content + b"\0")


@pytest.mark.parametrize(
    ("version", "text"),
    [
        pytest.param(
            FORMAT + 1,
            f"the backup has format {FORMAT + 1}, and this program knows formats up to {FORMAT}: "
            "use the version of the program that wrote it, or a newer one",
            id="newer",
        ),
        pytest.param(0, "the backup is damaged: it says that its format is 0", id="none"),
    ],
)
def test_another_format_is_refused(content: bytes, version: int, text: str) -> None:
    file = content[:FORMAT_AT] + version.to_bytes(4) + content[FRAMES_AT:]

    with pytest.raises(BackupError) as caught:
        Backup(BytesIO(file))

    assert str(caught.value) == text


def test_a_length_that_is_damaged_is_not_read(content: bytes) -> None:
    class Meter(BytesIO):
        most = 0

        def read(self, size: int | None = -1, /) -> bytes:
            self.most = max(self.most, size or 0)
            return super().read(size)

    file = Meter(content[:FRAMES_AT] + b"\xff" + content[FRAMES_AT + 1 :])

    with pytest.raises(BackupError, match=r"its length does not match its checksum$"):
        Backup(file)

    assert file.most == FRAME_HEADER_BYTES
