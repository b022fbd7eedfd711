"""Ends the process when the engine itself fails: a node that stops is replaced, one that goes on
half broken would lead and refuse everything.

What a call raises is answered to its caller. What a callback of the engine raises in the event loop
has nobody to answer to: it says that this program is wrong.
"""

import asyncio
import logging
import traceback
from collections.abc import Callable
from typing import Any, Final

from stepraft.server.raft.consensus import exit_process

_log = logging.getLogger(__name__)

_ENGINE: Final = ("stepraft.server.engine", "stepraft.storage", "stepraft.interpreter")


def install(
    loop: asyncio.AbstractEventLoop, stop_process: Callable[[], object] = exit_process
) -> None:
    """Watch `loop`; errors from elsewhere (a library's callback, a forgotten task) are logged."""

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is not None and "handle" in context and _passed_through_engine(error):
            _log.critical("the engine failed: the node stops", exc_info=error)
            stop_process()
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(handle)


def _passed_through_engine(error: BaseException) -> bool:
    return any(
        frame.f_globals.get("__name__", "").startswith(_ENGINE)
        for frame, _ in traceback.walk_tb(error.__traceback__)
    )
