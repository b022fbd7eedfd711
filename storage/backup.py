"""A backup: one file that holds a snapshot.

    file    "STEPRAFT" | format u32 | frames
    frame   length u32 | crc u32 of the length | crc u32 of the body | body
    bodies  the head; each part; the end: how many parts, and the digest of all

The CRCs are CRC-32C, and those of frame n are seeded with n: a frame that is cut, damaged, left
out, repeated or in another place is refused where it stands. The length has a CRC of its own, so
that a damaged one is not taken for an order to read gigabytes. Numbers are big-endian.
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO, Final

import msgspec
from google_crc32c import extend
from msgspec import Struct

from stepraft.storage.snapshot import SnapshotHead, SnapshotPart, SnapshotSource

FORMAT: Final = 1
"""The format that this program writes. It grows when an older program would misread a file."""

PART_BYTES: Final = 256 << 10
"""About how much one part of a backup holds."""

_MAGIC: Final = b"STEPRAFT"
_FORMAT: Final = struct.Struct(">I")
_FRAME: Final = struct.Struct(">III")
_LENGTH: Final = struct.Struct(">I")

_encode = msgspec.msgpack.Encoder().encode


class BackupError(Exception):
    """A file is no backup that can be used: the text says why, and where."""


class _End(Struct, frozen=True, array_like=True):
    """The last frame: without it the file was cut."""

    parts: int
    digest: int


_decode_head = msgspec.msgpack.Decoder(SnapshotHead).decode
_decode_part = msgspec.msgpack.Decoder(SnapshotPart).decode
_decode_end = msgspec.msgpack.Decoder(_End).decode


def backup_chunks(source: SnapshotSource) -> Iterator[bytes]:
    """Give the bytes of a backup, a part at a time; joined they are the file.

    Errors: StoreError.
    """
    yield _MAGIC + _FORMAT.pack(FORMAT) + _frame(0, _encode(source.head))
    number, part = 1, source.read(b"", PART_BYTES)
    yield _frame(number, _encode(part))
    while not part.is_last:
        number, part = number + 1, source.read(part.next_cursor, PART_BYTES)
        yield _frame(number, _encode(part))
    yield _frame(number + 1, _encode(_End(number, part.digest)))


def write_backup(source: SnapshotSource, file: BinaryIO) -> None:
    """Write a snapshot to a file, which the caller syncs and closes.

    Errors: StoreError, OSError.
    """
    file.writelines(backup_chunks(source))


def verify(file: BinaryIO) -> SnapshotHead:
    """Read a backup from the first byte to the last, and return what moment it is of.

    Errors: BackupError, OSError.
    """
    backup = Backup(file)
    for _ in backup.parts():
        pass
    return backup.head


class Backup:
    """A backup that is read from `file`, part by part.

    Errors: BackupError when it is none, is damaged, or has a newer format.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._frames = 0
        self._check_format()
        try:
            self.head: SnapshotHead = _decode_head(self._read_frame())
        except msgspec.MsgspecError as error:
            raise BackupError("the backup is damaged: it does not say what it holds") from error

    def parts(self) -> Iterator[SnapshotPart]:
        """Give the parts, in order, once. Only when all are given the file is known to be whole.

        Errors: BackupError.
        """
        part: SnapshotPart | None = None
        while part is None or not part.is_last:
            part = self._read_part()
            yield part
        self._check_end(_End(self._frames - 1, part.digest))

    def _check_format(self) -> None:
        magic = self._file.read(len(_MAGIC))
        if magic != _MAGIC:
            raise BackupError("the file is no backup: it does not begin as one")
        found = self._file.read(_FORMAT.size)
        if len(found) < _FORMAT.size:
            raise BackupError("the backup was cut: it ends before its format")
        (version,) = _FORMAT.unpack(found)
        if version < 1:
            raise BackupError(f"the backup is damaged: it says that its format is {version}")
        if version > FORMAT:
            raise BackupError(
                f"the backup has format {version}, and this program knows formats up to {FORMAT}: "
                "use the version of the program that wrote it, or a newer one"
            )

    def _read_part(self) -> SnapshotPart:
        body = self._read_frame()
        try:
            return _decode_part(body)
        except msgspec.MsgspecError as error:
            raise self._damaged("it holds no part of a snapshot") from error

    def _check_end(self, expected: _End) -> None:
        try:
            end = _decode_end(self._read_frame())
        except msgspec.MsgspecError as error:
            raise self._damaged("it is not the end that has to follow") from error
        if end != expected:
            raise self._damaged(f"it ends {end.parts} parts, and there are {expected.parts}")
        if self._file.read(1):
            raise BackupError("the backup is damaged: bytes follow its end")

    def _read_frame(self) -> bytes:
        header = self._read(_FRAME.size)
        length, length_crc, body_crc = _FRAME.unpack(header)
        if extend(self._frames, header[: _LENGTH.size]) != length_crc:
            raise self._damaged("its length does not match its checksum")
        body = self._read(length)
        if extend(self._frames, body) != body_crc:
            raise self._damaged("its bytes do not match their checksum")
        self._frames += 1
        return body

    def _read(self, length: int) -> bytes:
        found = self._file.read(length)
        if len(found) < length:
            raise BackupError(f"the backup was cut: it ends within frame {self._frames}")
        return found

    def _damaged(self, why: str) -> BackupError:
        return BackupError(f"the backup is damaged at frame {self._frames}: {why}")


def _frame(number: int, body: bytes) -> bytes:
    length = _LENGTH.pack(len(body))
    return _FRAME.pack(len(body), extend(number, length), extend(number, body)) + body
