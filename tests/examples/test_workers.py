"""The example's workers: what `--flaky` does, and that the workflow's retriers outlast it."""

import json
from pathlib import Path

from examples.orders import shop, workers
from examples.orders.orders import make_orders

FOLDER = Path(__file__).parents[2] / "examples" / "orders"


def test_the_same_task_fails_in_every_run_or_in_none() -> None:
    order = next(make_orders(1)).input
    tries = [workers.is_unavailable(order, "orders:check-order", count) for count in range(4)]

    assert tries == [workers.is_unavailable(order, "orders:check-order", n) for n in range(4)]


def test_a_part_of_the_tasks_fails_at_the_first_try() -> None:
    orders = list(make_orders(1_000))
    failed = [each for each in orders if workers.is_unavailable(each.input, "orders:x", 0)]

    assert 100 < len(failed) < 200


def test_no_task_fails_for_longer_than_its_retrier_has_patience() -> None:
    patience = min(
        retrier["MaxAttempts"] for retrier in _retriers((FOLDER / "workflow.asl.json").read_text())
    )
    orders = list(make_orders(1_000))

    assert patience > workers.FAILURES_MAX
    assert not any(
        workers.is_unavailable(order.input, resource, patience)
        for order in orders
        for resource in shop.TASKS
    )


def _retriers(definition: str) -> list[dict[str, int]]:
    """Return every retrier of a definition, however deep it stands."""
    found: list[dict[str, int]] = []

    def keep(value: dict[str, object]) -> dict[str, object]:
        retriers = value.get("Retry")
        if isinstance(retriers, list):
            found.extend(retriers)
        return value

    json.loads(definition, object_hook=keep)
    return found
