"""The limits that deciding keeps to; each is a setting of the server."""

from stepraft.interpreter.records import Record


class Limits(Record, frozen=True, kw_only=True):
    """What a workflow may use, and how much one command does at a time.

    `payload_bytes`: the longest document (UTF-8 JSON) that a state may take or put out.
    `history_events`: an execution whose history reaches this length fails. `map_start_chunk`,
    `reclaim_chunk`: how many iterations one command starts, and how many activities one command
    cancels, before others have their turn.
    """

    payload_bytes: int = 262_144
    history_events: int = 250_000
    map_start_chunk: int = 64
    reclaim_chunk: int = 256
