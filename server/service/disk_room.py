"""What may still be written when disks fill up.

While they are low, new work is refused, and what runs goes on: results of workers, heartbeats,
cancelations. Once they are critical, nothing is taken from outside. Reads always go on. Either ends
by itself when there is room again.
"""

from typing import Final

from stepraft.interpreter.commands import Command, PutWorkflow, StartExecution
from stepraft.interpreter.errors import Reason, Rejection
from stepraft.server.engine.partition import Partition
from stepraft.server.raft.contract import Room, Shortage

_NEW_WORK: Final = (StartExecution, PutWorkflow)
_KEYS: Final = {Room.LOW: "disk.low_bytes", Room.CRITICAL: "disk.critical_bytes"}


def require(partition: Partition, command: Command) -> None:
    """Errors: DISK_FULL when there is no room for what a command would write."""
    shortage = partition.raft_status().shortage
    if shortage is None:
        return
    if shortage.room is Room.CRITICAL or isinstance(command, _NEW_WORK):
        raise Rejection(Reason.DISK_FULL, _text(shortage))


def _text(shortage: Shortage) -> str:
    what = "new work is" if shortage.room is Room.LOW else "writes are"
    return (
        f"the disk of node {shortage.node_id} has {shortage.free_bytes:,} bytes free, "
        f"{_KEYS[shortage.room]} is {shortage.limit_bytes:,}: {what} refused until there is room"
    )
