"""Parallel and Map: order, concurrency, failure, nesting and size."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from stepraft.interpreter.commands import CompleteTask, FailTask
from stepraft.interpreter.documents import Json
from stepraft.interpreter.errors import Reason, Rejection
from stepraft.interpreter.limits import Limits
from stepraft.server.engine.processor import Budget, ReplyFuture
from stepraft.storage import queries
from stepraft.storage.kv import Write
from stepraft.storage.memory import MemoryStore
from stepraft.testing import InProcessEngine, Task
from tests.interpreter.conftest import Begin
from tests.interpreter.machines import catcher, map_, parallel, pass_, retrier, scope, task, wait

LeftOver = Callable[[], list[bytes]]


def take_all(engine: InProcessEngine) -> list[Task]:
    tasks = []
    while (taken := engine.take("work")) is not None:
        tasks.append(taken)
    return tasks


def forms(**fields: Any) -> list[Any]:
    """Three tasks side by side, as iterations and as branches."""
    branches = [scope(**{f"T{index}": task("work")}) for index in range(3)]
    return [
        pytest.param(map_(scope(T=task("work")), **fields), id="Map"),
        pytest.param(parallel(*branches, **fields), id="Parallel"),
    ]


@pytest.mark.parametrize("state", forms())
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (2, 1, 0)])
def test_results_stand_in_order_whichever_ends_first(
    order: tuple[int, ...], state: dict[str, Any], engine: InProcessEngine, begin: Begin
) -> None:
    execution = begin(scope(S=state), [5, 6, 7])
    tasks = take_all(engine)

    for index in order:
        engine.complete(tasks[index], index)

    assert engine.outcome(execution).output == [0, 1, 2]


@pytest.mark.parametrize("state", forms(Catch=[catcher("R", "Broke")]))
def test_a_failure_takes_the_siblings_away(
    state: dict[str, Any], engine: InProcessEngine, begin: Begin, left_over: LeftOver
) -> None:
    execution = begin(scope(S=state, R={"Type": "Succeed"}), [5, 6, 7])
    first, second, third = take_all(engine)
    engine.complete(second, "fine")

    engine.fail(first, "Broke", "why")

    assert engine.outcome(execution).output == {"Error": "Broke", "Cause": "why"}
    assert refused(engine, third)
    assert left_over() == []


def refused(engine: InProcessEngine, taken: Task) -> bool:
    with pytest.raises(Rejection) as error:
        engine.complete(taken, "late")
    return error.value.reason is Reason.TASK_NOT_FOUND


@pytest.mark.parametrize("state", forms(Retry=[retrier("Broke")]))
def test_a_retry_begins_with_all_children_again(
    state: dict[str, Any], engine: InProcessEngine, begin: Begin, left_over: LeftOver
) -> None:
    execution = begin(scope(S=state), [5, 6, 7])
    first, second, third = take_all(engine)
    engine.complete(second, "of the first try")
    engine.fail(first, "Broke")
    assert take_all(engine) == []

    engine.advance(1)
    for taken in take_all(engine):
        engine.complete(taken, "again")

    assert engine.outcome(execution).output == ["again"] * 3
    assert refused(engine, third)
    assert left_over() == []


@pytest.mark.parametrize("state", forms())
def test_a_new_leader_joins_what_the_old_one_started(
    state: dict[str, Any], engine: InProcessEngine, begin: Begin
) -> None:
    execution = begin(scope(S=state), [5, 6, 7])
    tasks = take_all(engine)

    for index, taken in enumerate(tasks):
        engine.complete(taken, index)
        engine.restart()

    assert engine.outcome(execution).output == [0, 1, 2]


@pytest.mark.parametrize("limit", [1, 2, 3, 0])
def test_no_more_than_max_concurrency_iterations_run(
    limit: int, engine: InProcessEngine, begin: Begin
) -> None:
    execution = begin(scope(M=map_(scope(T=task("work")), MaxConcurrency=limit)), list(range(6)))

    windows = []
    running: list[Task] = []
    while engine.execution(execution).status == "RUNNING":
        running += take_all(engine)
        windows.append(len(running))
        taken = running.pop(0)
        engine.complete(taken, taken.input)

    assert max(windows) == (limit or 6)
    assert engine.outcome(execution).output == list(range(6))


def test_max_concurrency_comes_from_a_path(engine: InProcessEngine, begin: Begin) -> None:
    begin(
        scope(M=map_(scope(T=task("work")), ItemsPath="$.xs", MaxConcurrencyPath="$.n")),
        {"xs": [1, 2, 3], "n": 2},
    )

    assert [taken.input for taken in take_all(engine)] == [1, 2]


def test_an_item_selector_that_fails_fails_the_map(
    engine: InProcessEngine, begin: Begin, left_over: LeftOver
) -> None:
    execution = begin(
        scope(M=map_(scope(T=task("work")), ItemSelector={"v.$": "$$.Map.Item.Value.x"})),
        [{"x": 1}, {"y": 2}],
    )

    assert engine.outcome(execution).error == "States.Runtime"
    assert left_over() == []


def test_an_item_that_differs_from_the_input_stays_in_the_context(
    engine: InProcessEngine, begin: Begin
) -> None:
    inner = scope(A=pass_(Parameters={"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value"}))
    execution = begin(scope(M=map_(inner, ItemSelector={"other": True})), ["a", "b"])

    assert engine.outcome(execution).output == [{"i": 0, "v": "a"}, {"i": 1, "v": "b"}]


NESTED = scope(
    Outer=parallel(
        scope(
            M=map_(
                scope(
                    Inner=parallel(scope(A=task("work")), scope(B=pass_(Result="b"))),
                    Sum=pass_(),
                ),
                ItemsPath="$.xs",
            )
        ),
        scope(C=pass_(Result="c")),
    )
)


def test_a_parallel_in_a_map_in_a_parallel(
    engine: InProcessEngine, begin: Begin, left_over: LeftOver
) -> None:
    execution = begin(NESTED, {"xs": [1, 2]})
    tasks = take_all(engine)

    for taken in reversed(tasks):
        engine.complete(taken, {"got": taken.input})

    assert engine.outcome(execution).output == [[[{"got": 1}, "b"], [{"got": 2}, "b"]], "c"]
    assert left_over() == []


def test_an_error_goes_up_through_all_levels(
    engine: InProcessEngine, begin: Begin, left_over: LeftOver
) -> None:
    execution = begin(NESTED, {"xs": [1, 2]})

    engine.fail(take_all(engine)[1], "Broke", "deep down")

    outcome = engine.outcome(execution)
    assert (outcome.status, outcome.error, outcome.cause) == ("FAILED", "Broke", "deep down")
    assert left_over() == []


def test_reclaiming_in_chunks_leaves_nothing_running() -> None:
    engine = InProcessEngine(
        budget=Budget(group_events=2, entry_events=2),
        limits=Limits(reclaim_chunk=2, map_start_chunk=3),
    )
    work = task("work", ResultSelector={"i.$": "$$.Map.Item.Index"})
    inner = map_(scope(T=work), ItemsPath="$.xs")
    engine.put_workflow(
        "W",
        scope(
            P=parallel(
                scope(M=map_(scope(N=inner))),
                scope(F=task("fail")),
                Catch=[catcher("R", "States.ALL", ResultPath=None)],
            ),
            R={"Type": "Succeed"},
        ),
    )
    items: Json = [{"xs": [1, 2, 3, 4]}] * 5
    execution = engine.start("W", items)
    failing = engine.take("fail")
    assert failing is not None
    tasks = take_all(engine)
    assert len(tasks) == 20

    async def fail_one_and_complete_the_others() -> list[ReplyFuture]:
        processor = engine.partition.leading().processor
        fail = FailTask(task_id=failing.task_id, delivery=1, error="Broke", cause=None)
        replies = [processor.submit(fail)]
        for taken in tasks:
            complete = CompleteTask(task_id=taken.task_id, delivery=1, output=b"1")
            replies.append(processor.submit(complete))
            await asyncio.sleep(0)
        return replies

    replies = engine.loop.run_until_complete(fail_one_and_complete_the_others())
    engine.run_until_idle()

    assert {type(reply.exception()) for reply in replies} <= {type(None), Rejection}
    assert engine.outcome(execution).output == items
    assert list(queries.pending_commands(engine.store)) == []


@pytest.mark.parametrize(
    ("length", "status"),
    [
        pytest.param(87_378, "SUCCEEDED", id="at the limit"),
        pytest.param(87_379, "FAILED", id="over"),
    ],
)
def test_results_are_together_no_longer_than_the_payload_limit(
    length: int, status: str, engine: InProcessEngine, begin: Begin, left_over: LeftOver
) -> None:
    # [s,s,s] of three strings: 3 * (length + 2) + 4 bytes, against 262,144.
    execution = begin(scope(M=map_(scope(T=task("work")))), [1, 2, 3])

    for taken in take_all(engine):
        engine.complete(taken, "x" * length)

    assert engine.outcome(execution).status == status
    assert left_over() == []


class CountingStore(MemoryStore):
    """A store that counts the rows and bytes written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = 0
        self.bytes = 0

    def write(self, items: Iterable[Write]) -> None:
        rows = list(items)
        self.rows += len(rows)
        self.bytes += sum(len(key) + len(value or b"") for key, value in rows)
        super().write(rows)


def written_per_item(length: int) -> tuple[float, float]:
    """Rows and bytes written for each item of a Map of that length."""
    store = CountingStore()
    engine = InProcessEngine(store=store, budget=Budget(entry_events=256))
    engine.put_workflow("W", scope(M=map_(scope(A=pass_()))))
    execution = engine.start("W", list(range(length)))
    assert engine.outcome(execution).output == list(range(length))
    return store.rows / length, store.bytes / length


def test_a_large_map_writes_the_same_for_each_item() -> None:
    small, large = written_per_item(1_000), written_per_item(10_000)

    # A digit more in each index and number is all that comes on top.
    assert large[0] <= small[0] * 1.02
    assert large[1] <= small[1] * 1.05


def test_a_wait_in_a_branch_does_not_hold_the_others_up(
    engine: InProcessEngine, begin: Begin
) -> None:
    begin(scope(P=parallel(scope(W=wait(Seconds=60)), scope(T=task("work")))))

    assert len(take_all(engine)) == 1


@pytest.mark.parametrize(
    ("tolerance", "failing", "end"),
    [
        pytest.param({"ToleratedFailureCount": 2}, (0, 3), ["SUCCEEDED", [1, 2]], id="count kept"),
        pytest.param(
            {"ToleratedFailureCount": 1},
            (0, 3),
            ["FAILED", "States.ExceedToleratedFailureThreshold"],
            id="count crossed",
        ),
        pytest.param(
            {"ToleratedFailurePercentage": 25}, (1,), ["SUCCEEDED", [0, 2, 3]], id="share kept"
        ),
        pytest.param(
            {"ToleratedFailurePercentage": 49, "ToleratedFailureCount": 3},
            (1, 2),
            ["FAILED", "States.ExceedToleratedFailureThreshold"],
            id="share crossed though the count is not",
        ),
        pytest.param(
            {"ToleratedFailurePercentage": 100}, (0, 1, 2, 3), ["SUCCEEDED", []], id="all may fail"
        ),
        pytest.param({}, (2,), ["FAILED", "Broken"], id="none: the iteration's own error"),
    ],
)
def test_a_map_tolerates_as_many_failures_as_it_says(
    tolerance: dict[str, Json],
    failing: tuple[int, ...],
    end: list[Json],
    engine: InProcessEngine,
    begin: Begin,
    left_over: LeftOver,
) -> None:
    machine = map_(scope(T=task("work")), MaxConcurrency=1, **tolerance)
    execution = begin(scope(S=machine), [0, 1, 2, 3])
    while (taken := engine.take("work")) is not None:
        if taken.input in failing:
            engine.fail(taken, "Broken", "on purpose")
        else:
            engine.complete(taken, taken.input)

    outcome = engine.outcome(execution)
    assert [outcome.status, outcome.error or outcome.output] == end
    assert left_over() == []
