"""The files that hold, for each feature level, what programs of that level write."""

from pathlib import Path
from typing import Final

import msgspec

from tests.upgrade.recording import Recording
from tests.upgrade.shapes import Shapes

GOLDEN: Final = Path(__file__).parent / "golden"
_SHAPES: Final = "shapes.json"
_RECORDING: Final = "recording.json"
_DATA: Final = "data.tar.xz"


def levels() -> list[int]:
    """Return the levels that something was kept of."""
    return sorted(int(folder.name.removeprefix("level_")) for folder in GOLDEN.glob("level_*"))


def folder_of(level: int) -> Path:
    """Return the folder of what was kept of a level."""
    return GOLDEN / f"level_{level}"


def kept_shapes() -> dict[int, Shapes]:
    """Return the shapes that were kept, by level."""
    return {
        level: msgspec.json.decode((folder_of(level) / _SHAPES).read_bytes(), type=Shapes)
        for level in levels()
    }


def keep_shapes(level: int, shapes: Shapes) -> None:
    """Write the shapes of a level."""
    _write(folder_of(level) / _SHAPES, shapes)


def kept_recording(level: int) -> Recording:
    """Return what was recorded at a level."""
    return msgspec.json.decode((folder_of(level) / _RECORDING).read_bytes(), type=Recording)


def keep_recording(level: int, recording: Recording) -> None:
    """Write what was recorded at a level."""
    _write(folder_of(level) / _RECORDING, recording)


def data_of(level: int) -> Path:
    """Return the packed folder of a node of a level."""
    return folder_of(level) / _DATA


def _write(path: Path, value: object) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n")
