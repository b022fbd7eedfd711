"""Testing workflows in one process, in virtual time.

`InProcessEngine` runs workflows with the server's own engine and store, in memory: no network, no
threads, no sleeping. A Wait of a day is over when the test says so.

    engine = InProcessEngine()
    engine.put_workflow("Orders", definition)
    outcome = engine.run("Orders", {"item": 7}, workers={"charge": lambda order: {"paid": True}})
    assert outcome.status == "SUCCEEDED"

- `engine.py`: `InProcessEngine`, step by step (`start`, `take`, `complete`, `advance`) or at once
  (`run`).
- `outline.py`: a history as short lines, to compare with the expected one.
- `virtual_time.py`: the event loop and the clock that it runs on.
- `local_log.py`: the replicated log of a single node, for an engine without consensus.
- `cluster.py`: nodes as real processes, for tests of the whole system.
"""

from stepraft.testing.engine import InProcessEngine, Outcome, Task, TaskFailure
from stepraft.testing.local_log import LocalLog
from stepraft.testing.outline import outline
from stepraft.testing.virtual_time import VirtualClock, VirtualLoop

__all__ = [
    "InProcessEngine",
    "LocalLog",
    "Outcome",
    "Task",
    "TaskFailure",
    "VirtualClock",
    "VirtualLoop",
    "outline",
]

assert __name__ == "stepraft.testing", "import it as stepraft.testing"
