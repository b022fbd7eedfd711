"""The four works that are measured, and how one of each is done."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from google.protobuf.duration_pb2 import Duration

from stepraft.v1 import executions_pb2 as pb

if TYPE_CHECKING:
    from stepraft.v1.executions_pb2_grpc import ExecutionServiceAsyncStub

RESOURCE: Final = "bench:echo"
UNSERVED_RESOURCE: Final = "bench:nobody"
_TIMEOUT_S: Final = 60.0
_WAIT: Final = Duration(seconds=50)


@dataclass(frozen=True)
class Workload:
    """One kind of work: its workflow, and whether its end is waited for. `units`: how many items
    one execution counts for.
    """

    name: str
    title: str
    definition: str
    input: str
    waits: bool = True
    units: int = 1

    async def once(self, stub: "ExecutionServiceAsyncStub") -> None:
        """Start one execution; where its end counts, wait until it has succeeded."""
        request = pb.StartExecutionRequest(workflow=self.name, input=self.input)
        started = await stub.StartExecution(request, timeout=_TIMEOUT_S)
        if not self.waits:
            return
        answer = await stub.WaitExecution(
            pb.WaitExecutionRequest(execution_id=started.execution_id, timeout=_WAIT),
            timeout=_TIMEOUT_S,
        )
        if answer.execution.status != pb.EXECUTION_STATUS_SUCCEEDED:
            raise RuntimeError(f"{self.name}: {started.execution_id} is {answer.execution.status}")


def _machine(first: str, **states: object) -> str:
    return json.dumps({"StartAt": first, "States": states})


def _task(resource: str = RESOURCE) -> dict[str, object]:
    return {"Type": "Task", "Resource": resource, "End": True}


def _passes(count: int) -> dict[str, object]:
    states: dict[str, object] = {
        f"Step{number}": {"Type": "Pass", "Next": f"Step{number + 1}"} for number in range(count)
    }
    states[f"Step{count - 1}"] = {"Type": "Pass", "End": True}
    return states


_ORDER: Final = json.dumps(
    {"order": "A-1001", "customer": {"id": 7, "country": "NL"}, "note": "x" * 120}
)
_ITEMS: Final = 100

WORKLOADS: Final = (
    Workload("W1", "one task done by a worker", _machine("Do", Do=_task()), _ORDER),
    Workload("W2", "ten Pass states", _machine("Step0", **_passes(10)), _ORDER),
    Workload(
        "W3",
        f"Map of {_ITEMS} tasks (items/s)",
        _machine(
            "Each",
            Each={
                "Type": "Map",
                "ItemProcessor": {"StartAt": "Do", "States": {"Do": _task()}},
                "End": True,
            },
        ),
        json.dumps(list(range(_ITEMS))),
        units=_ITEMS,
    ),
    Workload(
        "W4",
        "durable start only",
        _machine("Do", Do=_task(UNSERVED_RESOURCE)),
        _ORDER,
        waits=False,
    ),
)
