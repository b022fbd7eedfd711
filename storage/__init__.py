"""The store of one partition: what the replicated log has built so far, in rows of ordered keys.

One thread applies the log's entries, each in one atomic write; everyone else reads, consistently
from snapshots.

- `kv.py`: the store as a Protocol; `memory.py` in RAM; `folders.py` on disk, made of LevelDBs
  (`leveldb.py`), one of which can take the place of another. `files.py`: durable files.
- `keys.py`, `rows.py`: which rows there are, and what they hold. `entry.py`: what one entry of the
  log holds.
- `appliers/`: event -> rows. Blind writes: no reads, no decisions. `batch.py`: what they write to.
- `newer.py`: what a newer program wrote, said by name.
- `machine.py`: applies entries: position, epoch fence, checksum. `restart.py`: where to go on.
- `snapshot.py`: what a snapshot is; `outgoing.py` gives one away in parts (`parts.py`),
  `incoming.py` takes one in; `backup.py` keeps one in a file.
- `recent.py`: the last checksums, to compare with those of other nodes.
- `queries.py`: reads for the services. `format.py`: whose folder it is, and in which format.
"""

assert __name__ == "stepraft.storage", (
    "import it as stepraft.storage, or a file loads under two names"
)
