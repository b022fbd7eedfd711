"""Other releases of this program: copies of its source with a few places changed.

They run as real processes beside this one, so that what is tried is what an upgrade does: another
program, on the same data, among nodes that run this one.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from stepraft.interpreter.features import SUPPORTED

ROOT: Final = Path(__file__).parents[2]
_PACKAGES: Final = ("cli", "client", "interpreter", "server", "storage", "stepraft", "testing")

Edits = Mapping[str, Mapping[str, str]]
"""For each file, texts that stand there once, and what stands there instead."""

NEXT_LEVEL: Final = SUPPORTED + 1

NEXT_RELEASE: Final[Edits] = {
    "interpreter/features.py": {
        "LEVELS: Final[Mapping[int, str]] = {\n": (
            "LEVELS: Final[Mapping[int, str]] = {\n"
            f'    {NEXT_LEVEL}: "a tag on each version of a workflow",\n'
        ),
    },
    "interpreter/events.py": {
        "class ExecutionStarted(": (
            "class WorkflowTagged(TaggedRecord, frozen=True, kw_only=True):\n"
            '    """A version of a workflow has a tag."""\n\n'
            "    name: str\n"
            "    version: int\n\n\n"
            "class ExecutionStarted("
        ),
        "    | WorkflowPut\n": "    | WorkflowPut\n    | WorkflowTagged\n",
    },
    "interpreter/workflows.py": {
        "import WorkflowPut\n": "import Event, WorkflowPut, WorkflowTagged\n",
        (
            "    return Decision(\n"
            "        events=(WorkflowPut(workflow=workflow, version=version),),\n"
        ): (
            "    events: tuple[Event, ...] = (WorkflowPut(workflow=workflow, version=version),)\n"
            f"    if view.feature_level >= {NEXT_LEVEL}:\n"
            "        events = (*events, WorkflowTagged(name=name, version=version.version))\n"
            "    return Decision(\n"
            "        events=events,\n"
        ),
    },
    "storage/appliers/__init__.py": {
        "    WorkflowPut,\n": "    WorkflowPut,\n    WorkflowTagged,\n",
        "        case WorkflowPut():\n": (
            "        case WorkflowTagged():\n"
            "            workflows.workflow_tagged(event, batch)\n"
            "        case WorkflowPut():\n"
        ),
    },
    "storage/appliers/workflows.py": {
        "import WorkflowPut\n": "import WorkflowPut, WorkflowTagged\n",
        "def workflow_put(": (
            "def workflow_tagged(event: WorkflowTagged, batch: Batch) -> None:\n"
            '    """Write the tag."""\n'
            '    key = keys.Family.META + f"tag/{event.name}/{event.version}".encode()\n'
            '    batch.put(key, b"tagged")\n\n\n'
            "def workflow_put("
        ),
    },
    "server/raft/messages.py": {
        "PROTOCOL_NEWEST: Final = 1\n": "PROTOCOL_NEWEST: Final = 2\n",
        '"""The vote of the sender in `term`."""\n\n    term: _Index\n': (
            '"""The vote of the sender in `term`."""\n\n    term: _Index\n'
            '    reason: str = "why not"\n'
        ),
    },
}
"""The release that follows this one: what it adds belongs to the next level."""

TAG_PREFIX: Final = b"mtag/"
"""The rows that only the next level has."""

CARELESS_RELEASE: Final[Edits] = {
    "interpreter/contexts.py": {
        "    definition: str\n    description: str\n    created_at: int\n": (
            '    definition: str\n    description: str\n    created_at: int\n    tag: str = ""\n'
        ),
    },
}
"""A release that gives a record of this one another field, with a default."""


def make_program(folder: Path, edits: Edits) -> Path:
    """Make another release in `folder`: what a process imports that is started there."""
    for package in _PACKAGES:
        shutil.copytree(
            ROOT / package,
            folder / package,
            symlinks=True,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    for name, changes in edits.items():
        file = folder / name
        text = file.read_text()
        for old, new in changes.items():
            assert text.count(old) == 1, f"{name} has {text.count(old)} times {old!r}"
            text = text.replace(old, new)
        file.write_text(text)
    return folder


def output_of(program: Path, script: Path, *arguments: str | Path) -> str:
    """Run a script with the modules of a program; return what it prints."""
    return subprocess.run(
        [sys.executable, script, *arguments],
        cwd=program,
        env=os.environ | {"PYTHONPATH": str(program)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
