"""Starts orders at a steady pace, and notes when the cluster acknowledged each."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from examples.orders.orders import Order
from stepraft.client import Client

WORKFLOW = "orders"


@dataclass
class Traffic:
    """What was started: the order of each acknowledged execution, and when it was (monotonic s)."""

    orders: dict[str, Order] = field(default_factory=dict)
    acknowledged_s: list[float] = field(default_factory=list)

    def longest_gap_s(self) -> float:
        """Return the longest time in which no start was acknowledged, in seconds."""
        return max((later - earlier for earlier, later in pairwise(self.acknowledged_s)), default=0)


async def start_orders(
    client: Client, orders: Sequence[Order], seconds: float, traffic: Traffic
) -> None:
    """Start all orders, spread evenly over `seconds`.

    The order's number is the idempotency key, so the client may repeat a start until it is
    acknowledged, and it still is one execution.
    """
    first_s = time.monotonic()

    async def start(number: int, order: Order) -> None:
        due_s = first_s + number * seconds / len(orders)
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        started = await client.start_execution(
            WORKFLOW, order.input, idempotency_key=order.order_id
        )
        traffic.acknowledged_s.append(time.monotonic())
        traffic.orders[started.execution_id] = order

    await asyncio.gather(*(start(number, order) for number, order in enumerate(orders)))


async def count_ended(client: Client, traffic: Traffic) -> int:
    """Return how many of the acknowledged executions have ended."""
    open_ids = set()
    async for execution in client.list_executions(workflow=WORKFLOW):
        if not execution.status.is_ended:
            open_ids.add(execution.execution_id)
    return len(traffic.orders.keys() - open_ids)
