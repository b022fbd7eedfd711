"""A failure of the engine stops the node; one of anything else does not."""

import asyncio
import logging
from collections.abc import Callable

import pytest
import uvloop

from stepraft.server import fail_stop
from stepraft.server.engine.partition import Partition
from stepraft.storage import keys


def _fail_in_the_store() -> None:
    keys.split_ready(b"no key of that kind")


def _fail_elsewhere() -> None:
    raise ValueError("not the engine's fault")


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize(
    ("callback", "stops"),
    [
        pytest.param(_fail_in_the_store, 1, id="in the engine's own code"),
        pytest.param(_fail_elsewhere, 0, id="elsewhere"),
    ],
)
def test_only_a_callback_of_the_engine_stops_the_process(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
    callback: Callable[[], None],
    stops: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop, stopped = new_loop(), []
    fail_stop.install(loop, lambda: stopped.append(True))
    loop.call_soon(callback)
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()

    assert len(stopped) == stops
    assert [record.levelno for record in caplog.records] == [
        logging.CRITICAL if stops else logging.ERROR
    ]


def test_what_a_call_raises_is_its_callers_affair() -> None:
    stopped: list[bool] = []

    async def call() -> None:
        fail_stop.install(asyncio.get_running_loop(), lambda: stopped.append(True))
        with pytest.raises(AttributeError):
            await Partition.barrier(None)  # type: ignore[arg-type]

    asyncio.run(call())

    assert stopped == []
