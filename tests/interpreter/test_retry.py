"""Retry: whether and when a failed state is tried again."""

import pytest

from stepraft.interpreter.definition import Retrier
from stepraft.interpreter.retry import delay_ms
from stepraft.testing import InProcessEngine
from tests.interpreter.conftest import Begin, LinesOf
from tests.interpreter.machines import catcher, parallel, retrier, scope, task, wait

HALF = (1 << 55).to_bytes(7) + bytes(9)


@pytest.mark.parametrize(
    ("retrier", "attempts_made", "entropy", "expected_ms"),
    [
        pytest.param(Retrier(errors=("E",)), 0, HALF, 1000, id="default interval"),
        pytest.param(Retrier(errors=("E",)), 2, HALF, 4000, id="default rate doubles"),
        pytest.param(
            Retrier(errors=("E",), interval_s=3, backoff_rate=1.5),
            3,
            HALF,
            10125,
            id="fractions of a second",
        ),
        pytest.param(Retrier(errors=("E",), backoff_rate=1.0), 50, HALF, 1000, id="rate of one"),
        pytest.param(Retrier(errors=("E",), max_delay_s=5), 2, HALF, 4000, id="below the maximum"),
        pytest.param(
            Retrier(errors=("E",), max_delay_s=5), 3, HALF, 5000, id="at most the maximum"
        ),
        pytest.param(
            Retrier(errors=("E",), backoff_rate=10.0),
            5000,
            HALF,
            99_999_999_000,
            id="overflow is the longest delay",
        ),
        pytest.param(Retrier(errors=("E",), jitter="FULL"), 1, bytes(16), 0, id="lowest draw"),
        pytest.param(Retrier(errors=("E",), jitter="FULL"), 1, HALF, 1000, id="middle draw"),
        pytest.param(
            Retrier(errors=("E",), jitter="FULL"), 1, b"\xff" * 16, 2000, id="highest draw"
        ),
    ],
)
def test_delay(retrier: Retrier, attempts_made: int, entropy: bytes, expected_ms: int) -> None:
    assert delay_ms(retrier, attempts_made, entropy) == expected_ms


def fail_next(engine: InProcessEngine, error: str) -> None:
    taken = engine.take("work")
    assert taken is not None
    engine.fail(taken, error)


def delay_until_next_task(engine: InProcessEngine) -> float:
    """Seconds until another task is offered; 0 when one is already."""
    start_s = engine.loop.time()
    while (taken := engine.take("work")) is None:
        assert engine.skip_wait()
    engine.hand_back(taken)
    return engine.loop.time() - start_s


def test_backs_off_longer_each_time(engine: InProcessEngine, begin: Begin) -> None:
    begin(
        scope(
            T=task(
                "work", Retry=[retrier("E", IntervalSeconds=2, BackoffRate=3, MaxDelaySeconds=10)]
            )
        )
    )

    delays = []
    for _ in range(3):
        fail_next(engine, "E")
        delays.append(delay_until_next_task(engine))

    assert delays == [2.0, 6.0, 10.0]


def test_an_exhausted_retrier_fails_the_state(
    engine: InProcessEngine, begin: Begin, lines_of: LinesOf
) -> None:
    execution = begin(
        scope(T=task("work", Retry=[retrier("E", MaxAttempts=1), retrier("States.ALL")]))
    )

    fail_next(engine, "E")
    delay_until_next_task(engine)
    fail_next(engine, "E")

    assert lines_of(execution)[-1] == "ExecutionCompleted FAILED E"


def test_a_retrier_of_no_attempts_never_retries(
    engine: InProcessEngine, begin: Begin, lines_of: LinesOf
) -> None:
    execution = begin(scope(T=task("work", Retry=[retrier("E", MaxAttempts=0)])))

    fail_next(engine, "E")

    assert lines_of(execution)[-1] == "ExecutionCompleted FAILED E"


def test_each_retrier_counts_its_own_attempts(engine: InProcessEngine, begin: Begin) -> None:
    begin(
        scope(
            T=task(
                "work",
                Retry=[
                    retrier("A", IntervalSeconds=1, BackoffRate=2),
                    retrier("B", IntervalSeconds=10, BackoffRate=2),
                ],
            )
        )
    )

    delays = []
    for error in ("A", "B", "A", "B"):
        fail_next(engine, error)
        delays.append(delay_until_next_task(engine))

    assert delays == [1.0, 10.0, 2.0, 20.0]


def test_the_retry_count_is_that_of_all_retriers(engine: InProcessEngine, begin: Begin) -> None:
    begin(scope(T=task("work", Retry=[retrier("A"), retrier("B")])))

    fail_next(engine, "A")
    delay_until_next_task(engine)
    fail_next(engine, "B")
    delay_until_next_task(engine)

    taken = engine.take("work")
    assert taken is not None
    assert taken.retry_count == 2


def test_all_does_not_retry_runtime(
    engine: InProcessEngine, begin: Begin, lines_of: LinesOf
) -> None:
    execution = begin(scope(T=task("work", Retry=[retrier("States.ALL")])))

    fail_next(engine, "States.Runtime")

    assert lines_of(execution)[-1] == "ExecutionCompleted FAILED States.Runtime"


def test_all_retries_a_task_that_put_out_too_much(engine: InProcessEngine, begin: Begin) -> None:
    begin(scope(T=task("work", Retry=[retrier("States.ALL")])))

    fail_next(engine, "States.DataLimitExceeded")

    assert delay_until_next_task(engine) == 1.0


def test_all_does_not_retry_a_state_that_puts_out_too_much(
    engine: InProcessEngine, begin: Begin, lines_of: LinesOf
) -> None:
    execution = begin(
        scope(T=task("work", ResultPath="$.r", Retry=[retrier("States.ALL")])), {"x": "y" * 200_000}
    )
    taken = engine.take("work")
    assert taken is not None

    engine.complete(taken, "z" * 100_000)

    assert lines_of(execution)[-1] == (
        "ExecutionCompleted FAILED States.DataLimitExceeded: The state/task 'T' returned a result "
        "with a size exceeding the maximum number of bytes service limit."
    )


def test_runtime_is_not_retried_even_by_name(
    engine: InProcessEngine, begin: Begin, lines_of: LinesOf
) -> None:
    execution = begin(
        scope(
            T=task(
                "work",
                Retry=[retrier("States.Runtime")],
                Catch=[catcher("R", "States.Runtime")],
            ),
            R={"Type": "Succeed"},
        )
    )

    fail_next(engine, "States.Runtime")

    assert lines_of(execution)[-1] == "ExecutionCompleted FAILED States.Runtime"


def test_a_retried_parallel_runs_all_its_branches_again(
    engine: InProcessEngine, begin: Begin, lines_of: LinesOf
) -> None:
    execution = begin(
        scope(P=parallel(scope(T=task("work")), scope(W=wait(Seconds=9)), Retry=[retrier("E")]))
    )

    fail_next(engine, "E")
    assert delay_until_next_task(engine) == 1.0
    taken = engine.take("work")
    assert taken is not None
    engine.complete(taken, 1)
    engine.advance(9)

    lines = lines_of(execution)
    assert [line for line in lines if line.startswith(("Parallel", "FanOut", "Execution"))] == [
        "ExecutionStarted null",
        "ParallelStarted 2",
        "ParallelStarted 2",
        "FanOutSucceeded Parallel",
        "ExecutionCompleted SUCCEEDED [1,null]",
    ]


def test_jitter_draws_another_delay_each_time(engine: InProcessEngine, begin: Begin) -> None:
    begin(
        scope(
            T=task(
                "work",
                Retry=[retrier("E", IntervalSeconds=100, BackoffRate=1, JitterStrategy="FULL")],
            )
        )
    )

    delays = []
    for _ in range(3):
        fail_next(engine, "E")
        delays.append(delay_until_next_task(engine))

    assert len(set(delays)) == 3
    assert all(0 <= delay <= 100 for delay in delays)
