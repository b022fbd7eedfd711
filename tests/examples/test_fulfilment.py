"""Every kind of order comes to the end that it was made for, also when services are away."""

from pathlib import Path
from typing import Any

import pytest

from examples.orders import shop, workers
from examples.orders.orders import Order, make_orders
from stepraft.client import TaskFailure
from stepraft.interpreter.lifecycle import ExecutionStatus
from stepraft.testing import InProcessEngine, Outcome, Task

WORKFLOW = Path(__file__).parents[2] / "examples/orders/workflow.asl.json"
ORDERS = list(make_orders(20, seed=5))
"""One deck: each kind of order at least once."""


@pytest.fixture(scope="module")
def engine() -> InProcessEngine:
    made = InProcessEngine()
    made.put_workflow("orders", WORKFLOW.read_text())
    return made


@pytest.mark.parametrize("flaky", [False, True], ids=["steady workers", "flaky workers"])
@pytest.mark.parametrize("order", [pytest.param(each, id=each.order_id) for each in ORDERS])
def test_an_order_ends_as_expected(engine: InProcessEngine, order: Order, flaky: bool) -> None:
    execution_id = engine.start("orders", order.input)

    _work_until_idle(engine, flaky=flaky)

    outcome = engine.outcome(execution_id)
    expected = order.expected
    assert outcome == Outcome(
        ExecutionStatus(expected.status), expected.output, expected.error, outcome.cause
    )


def test_a_canceled_window_costs_nobody_anything(engine: InProcessEngine) -> None:
    order = next(each for each in ORDERS if each.expected.status == "SUCCEEDED")
    execution_id = engine.start("orders", order.input | {"cancellation_window_s": 3600})
    done = _work_while_ready(engine, flaky=False)

    engine.cancel(execution_id, "Order.Withdrawn")

    assert "orders:capture-card" not in done
    assert engine.outcome(execution_id).error == "Order.Withdrawn"


def _work_until_idle(engine: InProcessEngine, *, flaky: bool) -> None:
    """Do every task there is, and let time pass, until nothing is left to wait for."""
    _work_while_ready(engine, flaky=flaky)
    while engine.skip_wait():
        _work_while_ready(engine, flaky=flaky)


def _work_while_ready(engine: InProcessEngine, *, flaky: bool) -> set[str]:
    """Do every task that waits, and return which resources were asked for."""
    done = set()
    while (task := engine.take(*shop.TASKS)) is not None:
        _work(engine, task, flaky=flaky)
        done.add(task.resource)
    return done


def _work(engine: InProcessEngine, task: Task, *, flaky: bool) -> None:
    request: Any = task.input
    if flaky and workers.is_unavailable(request, task.resource, task.retry_count):
        engine.fail(task, "Shop.Unavailable")
        return
    try:
        engine.complete(task, shop.TASKS[task.resource](request))
    except TaskFailure as failure:
        engine.fail(task, failure.error, failure.cause)
