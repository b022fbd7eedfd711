"""The store of one partition: what the replicated log has built so far, in rows of ordered keys.

One thread applies the log's entries, each in one atomic write; everyone else reads, consistently
from snapshots.

- `kv.py`: the store as a Protocol; `leveldb.py` on disk, `memory.py` in RAM.
- `keys.py`, `rows.py`: which rows there are, and what they hold. `entry.py`: what one entry of the
  log holds.
- `appliers/`: event -> rows. Blind writes: no reads, no decisions. `batch.py`: what they write to.
- `machine.py`: applies entries: position, epoch fence, checksum, restart.
- `queries.py`: reads for the services. `format.py`: whose folder it is, and in which format.
"""

assert __name__ == "stepraft.storage", (
    "import it as stepraft.storage, or a file loads under two names"
)
