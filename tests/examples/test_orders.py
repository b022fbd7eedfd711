"""The order example: its workflow and its orders belong together, and every order says its end."""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from examples.orders import shop
from examples.orders.orders import Order, make_orders
from stepraft.interpreter.language.parse import parse_definition

FOLDER = Path(__file__).parents[2] / "examples" / "orders"


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FOLDER / "workflow.asl.json").read_text())
    return document


def test_the_workflow_is_valid() -> None:
    definition = parse_definition((FOLDER / "workflow.asl.json").read_bytes())

    assert definition.start_at == "CheckOrder"


def test_the_workflow_shows_all_eight_state_types(workflow: dict[str, Any]) -> None:
    assert {state["Type"] for state in _states(workflow)} == {
        "Task",
        "Choice",
        "Parallel",
        "Map",
        "Wait",
        "Pass",
        "Succeed",
        "Fail",
    }


def test_the_shop_does_the_tasks_of_the_workflow_and_no_other(workflow: dict[str, Any]) -> None:
    resources = {state["Resource"] for state in _states(workflow) if state["Type"] == "Task"}

    assert resources == set(shop.TASKS)


def test_every_task_is_tried_again_when_a_service_is_away(workflow: dict[str, Any]) -> None:
    tasks = [state for state in _states(workflow) if state["Type"] == "Task"]

    assert all(
        any({"Shop.Unavailable", "States.ALL"} & set(each["ErrorEquals"]) for each in task["Retry"])
        for task in tasks
    )


def test_the_errors_that_orders_end_with_are_those_of_the_fail_states(
    workflow: dict[str, Any],
) -> None:
    fails = {state.get("Error") for state in _states(workflow) if state["Type"] == "Fail"}
    expected = {order.expected.error for order in make_orders(20) if order.expected.error}

    assert expected <= fails


def test_the_same_seed_makes_the_same_orders() -> None:
    assert list(make_orders(50, seed=3)) == list(make_orders(50, seed=3))
    assert list(make_orders(50, seed=3)) != list(make_orders(50, seed=4))


def test_the_first_orders_do_not_depend_on_the_count() -> None:
    assert list(islice(make_orders(100), 30)) == list(make_orders(30))


def test_of_twenty_orders_sixteen_are_fulfilled_and_four_fail_each_for_its_own_reason() -> None:
    ends = Counter((each.expected.status, each.expected.error) for each in make_orders(20))

    assert ends == {
        ("SUCCEEDED", None): 16,
        ("FAILED", "Order.Invalid"): 1,
        ("FAILED", "Order.PaymentDeclined"): 1,
        ("FAILED", "Order.OutOfStock"): 1,
        ("FAILED", "Order.FraudSuspected"): 1,
    }


def test_every_order_has_a_number_of_its_own() -> None:
    numbers = [order.order_id for order in make_orders(200)]

    assert len(set(numbers)) == 200


def test_an_order_that_is_fulfilled_says_what_comes_out() -> None:
    order = _first_fulfilled()

    assert order.expected.output is not None
    assert set(order.expected.output) == {
        "order_id",
        "total_cents",
        "paid_by",
        "delivered_by",
        "reference",
        "told_by",
        "lines",
    }
    assert order.expected.output["total_cents"] == shop.check_order(order.input)["total_cents"]


def _first_fulfilled() -> Order:
    return next(order for order in make_orders(20) if order.expected.status == "SUCCEEDED")


def _states(scope: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the states of a scope and of all that is nested in it."""
    for state in scope["States"].values():
        yield state
        nested = [*state.get("Branches", []), *filter(None, [state.get("ItemProcessor")])]
        for each in nested:
            yield from _states(each)
