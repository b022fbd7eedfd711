"""Checks what came of every acknowledged order, from the cluster's own records."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from examples.orders.orders import Order
from stepraft.client import Client, Execution, HistoryEvent, NotFoundError


@dataclass(frozen=True)
class Verdict:
    """What came of the orders.

    `lost`: acknowledged and not to be found. `unfinished`: still running. `wrong`: ended otherwise
    than the order was made to. `completed_twice`: tasks with more than one end. `delivered_again`:
    tasks that were handed out more than once. `retried`: failures that Retry answered.
    """

    started: int
    succeeded: int
    failed_as_designed: int
    lost: tuple[str, ...]
    unfinished: tuple[str, ...]
    wrong: tuple[str, ...]
    tasks: int
    completed_twice: tuple[str, ...]
    delivered_again: int
    retried: int
    most_retried: str

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost, stuck, wrong or done twice."""
        return not (self.lost or self.unfinished or self.wrong or self.completed_twice)


async def judge(client: Client, orders: Mapping[str, Order]) -> Verdict:
    """Read every execution and its whole history, and compare with the orders."""
    executions = {execution_id: await _find(client, execution_id) for execution_id in orders}
    ends: Counter[str] = Counter()
    deliveries: Counter[str] = Counter()
    retries: Counter[str] = Counter()
    for execution_id, execution in executions.items():
        if execution is not None:
            async for event in client.history(execution_id):
                _count(event, execution_id, ends, deliveries, retries)
    found = {key: execution for key, execution in executions.items() if execution is not None}
    ended = {key: execution for key, execution in found.items() if execution.status.is_ended}
    right = {
        key: execution for key, execution in ended.items() if _is_right(execution, orders[key])
    }
    succeeded = sum(orders[key].expected.error is None for key in right)
    return Verdict(
        started=len(orders),
        succeeded=succeeded,
        failed_as_designed=len(right) - succeeded,
        lost=tuple(executions.keys() - found.keys()),
        unfinished=tuple(found.keys() - ended.keys()),
        wrong=tuple(ended.keys() - right.keys()),
        tasks=sum(1 for count in ends.values() if count),
        completed_twice=tuple(task for task, count in ends.items() if count > 1),
        delivered_again=sum(1 for count in deliveries.values() if count > 1),
        retried=sum(retries.values()),
        most_retried=max(found, key=lambda key: (key in right, retries[key], key)),
    )


async def _find(client: Client, execution_id: str) -> Execution | None:
    try:
        return await client.get_execution(execution_id)
    except NotFoundError:
        return None


def _count(
    event: HistoryEvent,
    execution_id: str,
    ends: Counter[str],
    deliveries: Counter[str],
    retries: Counter[str],
) -> None:
    match event.type:
        case "TaskCompleted" | "TaskFailed" | "TaskTimedOut":
            ends[event.task_id] += 1
        case "TaskActivated":
            deliveries[event.task_id] += 1
        case "TaskCreated" if event.retry_count:
            retries[execution_id] += 1
        case _:
            pass


def _is_right(execution: Execution, order: Order) -> bool:
    expected = order.expected
    end = (execution.status.value, execution.error, execution.output)
    return end == (expected.status, expected.error, expected.output)
