"""A worker that answers tasks as the recorded services did."""

import json
from collections.abc import Sequence
from typing import Any

from stepraft.client import Client, ConflictError, Json, NotFoundError, Task
from tests.conformance.matcher import Matcher

UNRECORDED = "Conformance.UnrecordedTask"
"""The error of a task that the recorded run did not schedule."""

_LEASE_S = 600.0
_WAIT_S = 20.0
_TASKS_MAX = 10


class Replay:
    """Hands out recorded outcomes, each once."""

    def __init__(self, tasks: Sequence[dict[str, Any]], matcher: Matcher) -> None:
        self._left = list(tasks)
        self._matcher = matcher

    def take(self, state_name: str, given: Json) -> dict[str, Any] | None:
        """Return the outcome of the first task left of that state whose input matches, else of the
        first one left of it; None when there is none.
        """
        own = [task for task in self._left if task["state"] == state_name]
        same = [task for task in own if self._matcher.match(_input(task), given, "$", [])]
        chosen = next(iter(same or own), None)
        if chosen is None:
            return None
        self._left.remove(chosen)
        outcome: dict[str, Any] = chosen["outcome"]
        return outcome


def _input(task: dict[str, Any]) -> Any:
    return task.get("input", task.get("parameters"))


async def serve(client: Client, worker_id: str, resources: Sequence[str], replay: Replay) -> None:
    """Answer tasks until canceled."""
    while True:
        tasks = await client.poll_tasks(
            resources,
            worker_id=worker_id,
            max_tasks=_TASKS_MAX,
            wait_s=_WAIT_S,
            lease_s=_LEASE_S,
        )
        for task in tasks:
            try:
                await _answer(client, task, replay.take(task.state_name, task.input))
            except (ConflictError, NotFoundError):
                # Its execution ended meanwhile.
                continue


async def _answer(client: Client, task: Task, outcome: dict[str, Any] | None) -> None:
    if outcome is None:
        text = f"the recording has no (more) task of the state {task.state_name}"
        await client.fail_task(task.token, UNRECORDED, text)
    elif "output" in outcome:
        await client.complete_task(task.token, _document(outcome["output"]))
    elif "timeout" not in outcome and "pending" not in outcome:
        cause = outcome.get("cause") or ""
        text = cause if isinstance(cause, str) else json.dumps(cause, separators=(",", ":"))
        await client.fail_task(task.token, outcome.get("error") or "", text)


def _document(output: Any) -> Json:
    """A recorded output is JSON text or the value itself."""
    document: Json = json.loads(output) if isinstance(output, str) else output
    return document
