"""What the node says, for people and for machines."""

import json
import logging
from collections.abc import Iterator

import pytest

from stepraft.server import log
from stepraft.server.settings import LogSection


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_for_people_a_record_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(LogSection(level="info"))

    logging.getLogger("a.b").info("node %s", "n1")
    logging.getLogger("a.b").debug("not at this level")

    [line] = capsys.readouterr().err.splitlines()
    assert line.partition(" ")[2] == "INFO a.b node n1"


def test_for_machines_a_record_is_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(LogSection(format="json"))

    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("a.b").exception("failed", extra={"node": "n1"})

    [line] = capsys.readouterr().err.splitlines()
    record = json.loads(line)
    assert (record["level"], record["logger"], record["message"], record["node"]) == (
        "error",
        "a.b",
        "failed",
        "n1",
    )
    assert record["exception"].endswith("ValueError: two\nlines")
    assert record["time"].endswith("Z")
