"""After the load: waits for the calm, and writes down how everything ended."""

import asyncio
import json
import time
from pathlib import Path
from typing import Final

from stepraft.client import Client, ExecutionStatus, HistoryEvent, NodeStatus, RequestError
from tests.chaos import workload
from tests.chaos.client import fingerprint
from tests.chaos.records import SUFFIX, Event, Outcome, RecordFile, Sample

CALM_WITHIN_S: Final = 60.0
EQUAL_WITHIN_S: Final = 30.0
AT_ONCE: Final = 16
_POLL_S: Final = 0.25
_OPEN: Final = [status for status in ExecutionStatus if not status.is_ended]


async def wait_for_calm(client: Client) -> int:
    """Cancel what is made to be canceled, wait until all executions have ended, and return how many
    have not in time.
    """
    deadline_s = time.monotonic() + CALM_WITHIN_S
    open_ids: list[str] = []
    while time.monotonic() < deadline_s:
        open_ids = []
        async for execution in client.list_executions(statuses=_OPEN):
            open_ids.append(execution.execution_id)
            if execution.workflow == "held":
                await _cancel(client, execution.execution_id)
        if not open_ids:
            break
        await asyncio.sleep(_POLL_S)
    return len(open_ids)


async def _cancel(client: Client, execution_id: str) -> None:
    try:
        await client.cancel_execution(execution_id)
    except RequestError:
        # It has ended meanwhile, or is found open again by the next look.
        return


async def wait_for_equal_replicas(client: Client, file: RecordFile) -> bool:
    """Wait until all nodes are at one index, and write down what each says; False: not in time."""
    deadline_s = time.monotonic() + EQUAL_WITHIN_S
    while time.monotonic() < deadline_s:
        nodes = (await client.cluster_status()).nodes
        for node in nodes:
            write_sample(node, file)
        if len({node.applied_index for node in nodes}) == 1 and nodes[0].applied_index > 0:
            return True
        await asyncio.sleep(_POLL_S)
    return False


def write_sample(node: NodeStatus, file: RecordFile) -> None:
    """Write down what a node says of itself, if it is reached."""
    if node.applied_index > 0 and node.checksum != 0:
        file.write(
            Sample(
                node=node.node_id,
                at_s=time.monotonic(),
                applied_index=node.applied_index,
                checksum=node.checksum,
            )
        )


async def collect(client: Client, folder: Path) -> None:
    """Write down every execution that there is, with its history."""
    ids = [execution.execution_id async for execution in client.list_executions()]
    free = asyncio.Semaphore(AT_ONCE)
    with RecordFile(folder / f"outcomes{SUFFIX}") as file:

        async def one(execution_id: str) -> None:
            async with free:
                file.write(await _outcome(client, execution_id))

        await asyncio.gather(*map(one, ids))


async def _outcome(client: Client, execution_id: str) -> Outcome:
    execution = await client.get_execution(execution_id)
    return Outcome(
        execution_id=execution_id,
        key=execution.input["key"],
        status=execution.status.value,
        input_digest=workload.digest(execution.input),
        output=execution.output,
        error=execution.error,
        events=tuple([_event(event) async for event in client.history(execution_id)]),
    )


def _event(event: HistoryEvent) -> Event:
    output = event.output
    is_result = event.type == "TaskCompleted" and isinstance(output, dict)
    return Event(
        sequence=event.sequence,
        hlc_ms=event.hlc >> 16,
        type=event.type,
        activity_id=event.activity_id,
        state_name=event.state_name,
        state_type=event.state_type,
        task_id=event.task_id,
        attempt=event.attempt,
        retry_count=event.retry_count,
        worker=event.worker,
        proof=output.get("proof", "") if is_result else "",
        fingerprint=fingerprint(event),
    )


def definition_text(shape: workload.Shape) -> str:
    """Return the definition of a shape as it is put."""
    return json.dumps(shape.definition)
