"""The virtual loop: order, time that moves only when told to, errors that are not lost."""

import asyncio

import pytest

from stepraft.testing import VirtualClock, VirtualLoop


@pytest.fixture
def loop() -> VirtualLoop:
    return VirtualLoop()


def test_callbacks_run_in_the_order_in_which_they_were_asked_for(loop: VirtualLoop) -> None:
    seen: list[int] = []
    for number in range(3):
        loop.call_soon(seen.append, number)

    loop.settle()

    assert seen == [0, 1, 2]


def test_timers_strike_in_order_at_their_time(loop: VirtualLoop) -> None:
    seen: list[tuple[float, str]] = []
    for delay, name in ((2, "b"), (1, "a"), (2, "c"), (9, "later")):
        loop.call_later(delay, lambda name=name: seen.append((loop.time(), name)))

    loop.advance(3)

    assert (seen, loop.time()) == ([(1, "a"), (2, "b"), (2, "c")], 3)


def test_what_a_timer_asks_for_runs_before_the_next_one(loop: VirtualLoop) -> None:
    seen: list[str] = []
    loop.call_later(1, lambda: loop.call_soon(seen.append, "asked for"))
    loop.call_later(2, seen.append, "next")

    loop.advance(2)

    assert seen == ["asked for", "next"]


def test_time_stands_still_while_callbacks_run(loop: VirtualLoop) -> None:
    loop.call_later(1, lambda: None)

    loop.settle()

    assert (loop.time(), loop.next_due_s()) == (0, 1)


def test_a_canceled_timer_never_strikes(loop: VirtualLoop) -> None:
    loop.call_later(1, pytest.fail, "it was canceled").cancel()

    loop.advance(2)

    assert loop.next_due_s() is None


def test_coroutines_sleep_and_time_out_without_waiting(loop: VirtualLoop) -> None:
    async def work() -> str:
        await asyncio.sleep(3600)
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 60)
        except TimeoutError:
            return "timed out"
        return "woken"

    assert (loop.run_until_complete(work()), loop.time()) == ("timed out", 3660)


def test_waiting_for_what_never_comes_is_an_error(loop: VirtualLoop) -> None:
    future = loop.create_future()

    with pytest.raises(RuntimeError, match="waits for what never comes"):
        loop.run_until_complete(future)


def test_an_exception_of_a_callback_is_raised(loop: VirtualLoop) -> None:
    loop.call_soon(int, "no number")

    with pytest.raises(ValueError, match="no number"):
        loop.settle()


def test_an_exception_that_nobody_asked_for_is_raised(loop: VirtualLoop) -> None:
    async def fail() -> None:
        raise ValueError("unseen")

    loop.call_soon(
        asyncio.Task,
        fail(),
    )

    with pytest.raises(ValueError, match="unseen"):
        loop.advance(1)


def test_other_threads_of_a_server_run_inline(loop: VirtualLoop) -> None:
    async def work() -> int:
        return await asyncio.get_running_loop().run_in_executor(None, pow, 2, 3)

    assert loop.run_until_complete(work()) == 8


def test_the_clock_follows_the_loop_and_never_goes_back(loop: VirtualLoop) -> None:
    clock = VirtualClock(loop, offset_ms=500)
    start_ms = clock.now_ms()

    loop.advance(1.5)
    clock.offset_ms = 0
    behind_ms = clock.now_ms()
    loop.advance(1)
    clock.offset_ms = -5000

    assert behind_ms - start_ms == 1000
    assert clock.now_ms() - start_ms == 1000
