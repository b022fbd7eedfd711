"""The rows of Parallel and Map states, before and after each event of their children."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from stepraft.interpreter.contexts import ChildContext, FanOutContext, FanOutKind
from stepraft.interpreter.events import (
    BranchCompleted,
    BranchFailed,
    BranchStarted,
    Event,
    FanOutDropped,
    FanOutFailed,
    FanOutSucceeded,
    IterationCompleted,
    IterationFailed,
    IterationStarted,
    MapStarted,
    ParallelStarted,
)
from stepraft.storage import keys
from stepraft.storage.batch import Value
from stepraft.storage.keys import Part

Rows = dict[bytes, Value]

_ID = "/acme/shop/e0123456/0000000000000001/0000000000000002"
_FAN_OUT = keys.context(_ID, Part.FAN_OUT)
_ITEMS = keys.context(_ID, Part.ITEMS)
_PARALLEL = FanOutContext(kind=FanOutKind.PARALLEL, total=2)
_MAP = FanOutContext(kind=FanOutKind.MAP, total=2)
_RUNS = ChildContext(is_completed=False, document=b"{}")
_DONE = ChildContext(is_completed=True, document=b"1")


def _child(name: str) -> bytes:
    return keys.context(f"{_ID}/{name}", Part.CHILD)


def _variables(name: str) -> bytes:
    return keys.context(f"{_ID}/{name}", Part.VARIABLES)


_BOTH_BRANCHES: Rows = {
    _FAN_OUT: replace(_PARALLEL, started=2),
    _child("b0"): _DONE,
    _child("b1"): _RUNS,
}
_BOTH_ITERATIONS: Rows = {
    _FAN_OUT: replace(_MAP, started=2),
    _ITEMS: b"[1,2]",
    _child("i0"): _DONE,
    _child("i1"): _RUNS,
}
_STARTED_TWO = replace(_PARALLEL, started=2)
_MAPPED_TWO = replace(_MAP, started=2)


@pytest.mark.parametrize(
    ("before", "event", "after"),
    [
        pytest.param(
            {},
            ParallelStarted(activity_id=_ID, fan_out=_PARALLEL),
            {_FAN_OUT: _PARALLEL},
            id="Parallel started",
        ),
        pytest.param(
            {},
            MapStarted(activity_id=_ID, fan_out=_MAP, items=b"[1,2]"),
            {_FAN_OUT: _MAP, _ITEMS: b"[1,2]"},
            id="Map started",
        ),
        pytest.param(
            {_FAN_OUT: _PARALLEL},
            BranchStarted(
                branch_id=f"{_ID}/b0", input=b"{}", fan_out=replace(_PARALLEL, started=1)
            ),
            {_FAN_OUT: replace(_PARALLEL, started=1), _child("b0"): _RUNS},
            id="branch started",
        ),
        pytest.param(
            {_FAN_OUT: _MAP, _ITEMS: b"[1,2]"},
            IterationStarted(
                iteration_id=f"{_ID}/i0",
                state_name="Each",
                input=b"{}",
                item=b"1",
                fan_out=replace(_MAP, started=1),
            ),
            {
                _FAN_OUT: replace(_MAP, started=1),
                _ITEMS: b"[1,2]",
                _child("i0"): replace(_RUNS, item=b"1"),
            },
            id="iteration started",
        ),
        pytest.param(
            _BOTH_BRANCHES,
            BranchCompleted(
                branch_id=f"{_ID}/b1", output=b"1", fan_out=replace(_STARTED_TWO, succeeded=2)
            ),
            {
                _FAN_OUT: replace(_STARTED_TWO, succeeded=2),
                _child("b0"): _DONE,
                _child("b1"): _DONE,
            },
            id="branch completed",
        ),
        pytest.param(
            {**_BOTH_BRANCHES, _variables("b1"): b"{}"},
            BranchCompleted(
                branch_id=f"{_ID}/b1",
                output=b"1",
                fan_out=replace(_STARTED_TWO, succeeded=2),
                had_variables=True,
            ),
            {
                _FAN_OUT: replace(_STARTED_TWO, succeeded=2),
                _child("b0"): _DONE,
                _child("b1"): _DONE,
            },
            id="branch with variables completed",
        ),
        pytest.param(
            {**_BOTH_ITERATIONS, _variables("i1"): b"{}"},
            IterationCompleted(
                iteration_id=f"{_ID}/i1",
                state_name="Each",
                output=b"1",
                fan_out=replace(_MAPPED_TWO, succeeded=2),
                had_variables=True,
            ),
            {
                _FAN_OUT: replace(_MAPPED_TWO, succeeded=2),
                _ITEMS: b"[1,2]",
                _child("i0"): _DONE,
                _child("i1"): _DONE,
            },
            id="iteration with variables completed",
        ),
        pytest.param(
            {**_BOTH_BRANCHES, _variables("b1"): b"{}"},
            BranchFailed(
                branch_id=f"{_ID}/b1",
                error="Broken",
                cause=None,
                fan_out=replace(_STARTED_TWO, is_failing=True),
            ),
            {_FAN_OUT: replace(_STARTED_TWO, is_failing=True), _child("b0"): _DONE},
            id="branch failed",
        ),
        pytest.param(
            {**_BOTH_ITERATIONS, _variables("i1"): b"{}"},
            IterationFailed(
                iteration_id=f"{_ID}/i1",
                state_name="Each",
                error="Broken",
                cause=None,
                fan_out=replace(_MAPPED_TWO, is_failing=True),
            ),
            {
                _FAN_OUT: replace(_MAPPED_TWO, is_failing=True),
                _ITEMS: b"[1,2]",
                _child("i0"): _DONE,
            },
            id="iteration failed",
        ),
        pytest.param(
            _BOTH_BRANCHES,
            FanOutSucceeded(activity_id=_ID, fan_out=_STARTED_TWO),
            {},
            id="Parallel succeeded",
        ),
        pytest.param(
            _BOTH_ITERATIONS,
            FanOutSucceeded(activity_id=_ID, fan_out=_MAPPED_TWO),
            {},
            id="Map succeeded",
        ),
        pytest.param(
            {**_BOTH_BRANCHES, _variables("b0"): b"{}"},
            FanOutDropped(activity_id=_ID, fan_out=_STARTED_TWO),
            {},
            id="Parallel dropped",
        ),
        pytest.param(
            {**_BOTH_ITERATIONS, _variables("i1"): b"{}"},
            FanOutDropped(activity_id=_ID, fan_out=_MAPPED_TWO),
            {},
            id="Map dropped",
        ),
        pytest.param(
            {**_BOTH_ITERATIONS, _variables("i1"): b"{}"},
            FanOutFailed(
                activity_id=_ID, kind=FanOutKind.MAP, fan_out=_MAPPED_TWO, error="E", cause=None
            ),
            {},
            id="Map failed",
        ),
        pytest.param(
            {},
            FanOutFailed(activity_id=_ID, kind=FanOutKind.MAP, fan_out=None, error="E", cause=None),
            {},
            id="Map failed before it began",
        ),
    ],
)
def test_an_event_writes_the_rows_of_the_state_and_its_children(
    before: Rows, event: Event, after: Rows, rows_after: Callable[..., Rows]
) -> None:
    assert rows_after(before, event) == after
