"""Whatever is asked, in whatever order: deciding answers or refuses, and never breaks."""

import json
from collections import deque
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepraft.interpreter.commands import (
    ActivateTask,
    CancelExecution,
    Command,
    CompleteTask,
    CreateClusterSecret,
    FailTask,
    FireTimer,
    HandBackTask,
    HeartbeatTask,
    PutWorkflow,
    RaiseFeatureLevel,
    StartExecution,
)
from stepraft.interpreter.decide import decide
from stepraft.interpreter.errors import Rejection
from stepraft.interpreter.events import HistoryEvent, execution_of
from stepraft.interpreter.limits import Limits
from stepraft.server.clock import HybridClock
from stepraft.server.engine.definitions import Definitions
from stepraft.server.engine.working_state import WorkingState
from stepraft.storage import appliers, keys, queries
from stepraft.storage.memory import MemoryStore
from stepraft.testing import VirtualClock, VirtualLoop
from tests.interpreter.machines import (
    catcher,
    fail,
    map_,
    parallel,
    pass_,
    retrier,
    scope,
    task,
    wait,
)

CATCH_ALL = {"Catch": [catcher("R", "States.ALL", ResultPath="$.e")]}
RETRY_ALL = {"Retry": [retrier("States.ALL", JitterStrategy="FULL", MaxAttempts=2)]}
DEFINITIONS = [
    scope(
        A=pass_(Assign={"x.$": "$"}), B=task("r", TimeoutSeconds=9, HeartbeatSeconds=3, **RETRY_ALL)
    ),
    {**scope(A=wait(SecondsPath="$.s"), B=task("r")), "TimeoutSeconds": 20},
    scope(
        M=map_(
            scope(T=task("r", **RETRY_ALL), P=pass_(Assign={"y": 1})),
            ItemsPath="$.xs",
            MaxConcurrency=2,
            End=True,
            **CATCH_ALL,
        ),
        R=pass_(),
    ),
    scope(
        P=parallel(scope(T1=task("r")), scope(F=fail("E")), End=True, **RETRY_ALL, **CATCH_ALL),
        R=wait(Seconds=5),
    ),
    scope(
        P=parallel(
            scope(
                M=map_(
                    scope(Q=parallel(scope(T1=task("r")), scope(T2=task("r")))),
                    ItemsPath="$.xs",
                    **RETRY_ALL,
                )
            ),
            scope(W=wait(Seconds=4)),
        )
    ),
]
INPUTS = [b"null", b'{"s":3,"xs":[1,2,3]}', b'{"s":-1,"xs":[]}', b'{"s":"x","xs":5}', b"[]"]


class Bench:
    """Decides commands one by one; what they leave behind is decided when the test says so."""

    def __init__(self) -> None:
        self.loop = VirtualLoop()
        self.clock = HybridClock(VirtualClock(self.loop))
        self.store = MemoryStore()
        self.state = WorkingState(
            self.store,
            self.clock,
            Limits(reclaim_chunk=1, map_start_chunk=2, history_events=60),
            Definitions(),
            bytes,
        )
        self.pending: deque[Command] = deque()

    def decide(self, command: Command) -> None:
        stamp = self.state.begin_command()
        try:
            decision = decide(command, self.state)
        except Rejection:
            return
        for event in decision.events:
            sequence = 0
            if isinstance(event, HistoryEvent):
                sequence = self.state.take_sequence(execution_of(event))
            appliers.apply(event, self.state.batch, stamp, sequence)
        self.pending.extend(decision.commands)

    def commit(self) -> None:
        number = self.state.number
        self.store.write(self.state.seal().encoded())
        self.state.committed(number)

    def settle(self) -> None:
        while self.pending:
            self.decide(self.pending.popleft())
        self.commit()

    def ids(self, family: keys.Family, part: keys.Part | None = None) -> list[str]:
        rows = (key for key, _ in self.store.scan(family.value))
        if part is None:
            return [key[1:].decode() for key in rows]
        split = (keys.split_context(key) for key in rows)
        return [identifier for identifier, its_part in split if its_part == part.value]


@pytest.fixture(scope="module", params=[False, True], ids=["chains at once", "chains step by step"])
def in_steps(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_sequence_of_commands_is_answered(data: st.DataObject, in_steps: bool) -> None:
    bench = Bench()
    for index, definition in enumerate(DEFINITIONS):
        bench.decide(put(f"W{index}", definition))
    bench.commit()

    for _ in range(data.draw(st.integers(1, 40))):
        match data.draw(st.sampled_from(["command", "pending", "time", "commit"])):
            case "command":
                bench.decide(data.draw(commands(bench)))
            case "pending" if bench.pending:
                bench.decide(bench.pending.popleft())
            case "time":
                bench.loop.advance(data.draw(st.integers(0, 8)))
            case _:
                bench.commit()
        if not in_steps:
            bench.settle()

    bench.settle()
    assert_ends(bench)


def put(name: str, definition: dict[str, Any]) -> PutWorkflow:
    return PutWorkflow(
        tenant="t", namespace="n", name=name, definition=json.dumps(definition), description=""
    )


def commands(bench: Bench) -> st.SearchStrategy[Command]:
    """Commands from outside, about what is there and what is not."""
    executions = st.sampled_from(
        ["/t/n/e0000000/0000000000000000", *bench.ids(keys.Family.CONTEXT, keys.Part.EXECUTION)]
    )
    tasks = st.sampled_from(
        ["/t/n/t0000000/0000000000000000", *bench.ids(keys.Family.CONTEXT, keys.Part.TASK)]
    )
    timers = st.sampled_from(["0" * 28, *bench.ids(keys.Family.TIMER)])
    delivery = st.integers(0, 3)
    error = st.sampled_from(["E", "", "States.Timeout", "States.Runtime", "States.ALL"])
    document = st.sampled_from([*INPUTS, b'"' + b"x" * 262_143 + b'"'])
    return st.one_of(
        st.builds(
            StartExecution,
            tenant=st.just("t"),
            namespace=st.just("n"),
            workflow=st.sampled_from([f"W{index}" for index in range(len(DEFINITIONS) + 1)]),
            version=st.integers(-1, 2),
            name=st.sampled_from(["", "", "name"]),
            idempotency_key=st.sampled_from(["", "", "key"]),
            input=st.sampled_from(INPUTS),
        ),
        st.builds(ActivateTask, task_id=tasks, worker=st.just("w"), lease_ms=st.integers(1, 9000)),
        st.builds(CompleteTask, task_id=tasks, delivery=delivery, output=document),
        st.builds(FailTask, task_id=tasks, delivery=delivery, error=error, cause=st.none()),
        st.builds(HeartbeatTask, task_id=tasks, delivery=delivery, lease_ms=st.integers(1, 9000)),
        st.builds(HandBackTask, task_id=tasks, delivery=delivery),
        st.builds(FireTimer, timer_id=timers),
        st.builds(CancelExecution, execution_id=executions, error=st.none(), cause=st.none()),
        st.builds(CreateClusterSecret, secret=st.just(bytes(32))),
        st.builds(RaiseFeatureLevel, level=st.integers(0, 3)),
    )


def assert_ends(bench: Bench) -> None:
    """Canceling is always possible, and leaves nothing open."""
    for execution in bench.ids(keys.Family.CONTEXT, keys.Part.EXECUTION):
        bench.decide(CancelExecution(execution_id=execution, error=None, cause=None))
    bench.settle()
    assert bench.ids(keys.Family.TIMER) == []
    assert bench.ids(keys.Family.READY) == []
    parts = {keys.split_context(key)[1] for key, _ in bench.store.scan(keys.Family.CONTEXT.value)}
    assert parts <= {
        part.value for part in (keys.Part.EXECUTION, keys.Part.INPUT, keys.Part.OUTPUT)
    }
    for execution in bench.ids(keys.Family.CONTEXT, keys.Part.EXECUTION):
        history = queries.history(bench.store, execution, 0, 1000)
        assert [sequence for sequence, _ in history] == list(range(1, len(history) + 1))
