"""What all tests share: none leaves the process otherwise than it found it."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Undo what a command, a node or a tool that ran in this process did to the loggers."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    loggers = [
        each for each in root.manager.loggerDict.values() if isinstance(each, logging.Logger)
    ]
    enabled = [logger for logger in loggers if not logger.disabled]
    yield
    for logger in enabled:
        logger.disabled = False
    own = [
        each
        for each in root.handlers
        if each not in handlers and not type(each).__module__.startswith("_pytest")
    ]
    for handler in own:
        root.removeHandler(handler)
    root.setLevel(level)
